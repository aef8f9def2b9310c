import WaneGraph
import WaneTensor

/// How much a filter or unit matters, told by its weights.
public enum FilterCriterion: String, CaseIterable, Sendable {
  /// The sum of magnitudes (Li et al., "Pruning filters for efficient ConvNets", 2017).
  case l1
  /// The Euclidean length.
  case l2

  /// The importance of each position of a kernel's last axis.
  func scores(_ kernel: Parameter) throws -> [Float] {
    let filters = kernel.shape.dimensions.last ?? 1
    var sums = [Double](repeating: 0, count: filters)
    try kernel.decoded().with(Float.self) { values in
      for index in values.indices {
        let value = Double(values[index])
        sums[index % filters] += self == .l1 ? abs(value) : value * value
      }
    }
    return sums.map { Float(self == .l1 ? $0 : $0.squareRoot()) }
  }
}
