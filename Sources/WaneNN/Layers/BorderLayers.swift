import WaneGraph
import WaneTensor

/// Zeros around images or sequences, or their borders cut off.
public struct BorderLayer: Layer {
  /// What is done to the borders.
  public enum Change: String, Sendable {
    case pad = "zero_pad"
    case crop
  }

  public static let kind = "border"
  public let name: String?
  private let change: Change
  private let before: [Int]
  private let after: [Int]

  /// Creates a layer for as many axes as there are widths.
  ///
  /// - Parameters:
  ///   - change: whether the borders are added or taken away.
  ///   - before: their width at the beginning of height and width, or of the length.
  ///   - after: their width at the end.
  ///   - name: what the layer is called.
  /// - Throws: when there are not one or two of each, or one is negative.
  public init(_ change: Change, before: [Int], after: [Int], name: String? = nil) throws {
    guard before.count == after.count, (1...2).contains(before.count),
      (before + after).allSatisfy((0...Int(Int32.max)).contains)
    else {
      throw WaneError(
        change.rawValue, "widths must be at least 0, one or two a side, got \(before), \(after)")
    }
    self.change = change
    self.before = before
    self.after = after
    self.name = name
  }

  /// `zero_pad2d`, `crop1d` and so on.
  public var kind: String { "\(change.rawValue)\(before.count)d" }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let type = builder.type(inputs[0])
    guard type.dimensions.count == before.count + 1 else {
      let wanted =
        before.count == 2 ? "images [height, width, channels]" : "sequences [length, channels]"
      throw WaneError(kind, "takes \(wanted), got \(type)")
    }
    let (before, after) = (self.before + [0], self.after + [0])
    if change == .pad { return try builder.add(Pad(before: before, after: after), inputs) }
    let extents = zip(type.dimensions, zip(before, after)).map { $0 - $1.0 - $1.1 }
    guard extents.allSatisfy({ $0 > 0 }) else {
      throw WaneError(kind, "nothing is left of \(type) without \(before) and \(after)")
    }
    return try builder.add(Slice(starts: before, extents: extents), inputs)
  }
}

/// The axes of a sample in another order.
public struct PermuteLayer: Layer {
  public static let kind = "permute"
  public let name: String?
  private let order: [Int]

  /// Creates a permutation.
  ///
  /// - Parameters:
  ///   - order: for each axis of the result, the axis of the sample it is, from 0.
  ///   - name: what the layer is called.
  public init(_ order: [Int], name: String? = nil) {
    self.order = order
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(Transpose(order), inputs)
  }
}
