import WaneGraph
import WaneTensor

extension LayerBuilder {
  /// Axes of a sample in order, from 0, of numbers that may count from the end.
  ///
  /// - Throws: when one is not an axis of the value, or is named twice.
  func axes(_ axes: [Int], of value: Value, kind: String) throws -> [Int] {
    let rank = type(value).dimensions.count
    let found = axes.map { $0 < 0 ? rank + $0 : $0 }.sorted()
    guard found.allSatisfy((0..<rank).contains), Set(found).count == found.count else {
      throw WaneError(
        kind,
        "axes \(axes.map { $0 < 0 ? $0 : $0 + 2 }), the batch counting as 1, are not different axes "
          + "of a sample of \(type(value))")
    }
    return found
  }

  /// The axes of a sample in another order; the value itself when that is theirs.
  mutating func transpose(_ value: Value, _ order: [Int]) throws -> Value {
    order == Array(order.indices) ? value : try add(Transpose(order), [value])
  }

  /// The order that takes back another one.
  static func inverse(_ order: [Int]) -> [Int] {
    order.indices.sorted { order[$0] < order[$1] }
  }
}
