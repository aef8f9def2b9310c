/// How the range of a value that occurs inside a model is told from samples.
public enum RangeObserverKind: Sendable, Equatable {
  /// From the smallest to the largest that occurred.
  case minMax
  /// So that this percentage lies below the upper end, and as much above the lower: outliers are
  /// clamped and the rest is rounded more finely.
  case percentile(Double)
  /// The ends of batches, averaged with this weight for what was before (Jacob et al., "Quantization
  /// and training of neural networks for efficient integer-arithmetic-only inference", 2018).
  case movingAverage(momentum: Double)
  /// So that the distribution after rounding differs least from that before, by its relative entropy
  /// (Migacz, "8-bit inference with TensorRT", 2017).
  case kl
  /// So that rounding and clamping together cost the least squared error.
  case mse

  /// What is used when nothing is said.
  public static let usual = RangeObserverKind.percentile(99.99)

  /// A text for reports.
  var description: String {
    switch self {
    case .minMax: "min_max"
    case .percentile(let percentage): "percentile \(percentage)"
    case .movingAverage(let momentum): "moving_average \(momentum)"
    case .kl: "kl"
    case .mse: "mse"
    }
  }

  /// Whether it needs the distribution of values, not just the ends of batches.
  var needsHistogram: Bool {
    switch self {
    case .percentile, .kl, .mse: true
    case .minMax, .movingAverage: false
    }
  }

  /// Whether the numbers make sense.
  var isValid: Bool {
    switch self {
    case .minMax, .kl, .mse: true
    case .percentile(let percentage): percentage > 50 && percentage <= 100
    case .movingAverage(let momentum): momentum >= 0 && momentum < 1
    }
  }
}
