import WaneGraph
import WaneTensor

/// How much a filter or unit matters, told by its weights.
public enum FilterCriterion: String, CaseIterable, Sendable {
  /// The sum of magnitudes (Li et al., "Pruning filters for efficient ConvNets", 2017).
  case l1
  /// The Euclidean length.
  case l2

  /// The importance of each position of an axis of a kernel, counted from the last one backwards.
  func scores(_ kernel: Parameter, axis: Int = 1) throws -> [Float] {
    let trailing = kernel.shape.dimensions.suffix(axis)
    let filters = trailing.first ?? 1
    let stride = trailing.dropFirst().reduce(1, *)
    var sums = [Double](repeating: 0, count: filters)
    try kernel.decoded().with(Float.self) { values in
      for index in values.indices {
        let value = Double(values[index])
        sums[index / stride % filters] += self == .l1 ? abs(value) : value * value
      }
    }
    return sums.map { Float(self == .l1 ? $0 : $0.squareRoot()) }
  }
}
