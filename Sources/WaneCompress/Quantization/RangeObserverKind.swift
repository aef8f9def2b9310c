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

  /// What is used when nothing is said.
  public static let usual = RangeObserverKind.percentile(99.99)

  /// A text for reports.
  var description: String {
    switch self {
    case .minMax: "min_max"
    case .percentile(let percentage): "percentile \(percentage)"
    case .movingAverage(let momentum): "moving_average \(momentum)"
    }
  }

  /// Whether the numbers make sense.
  var isValid: Bool {
    switch self {
    case .minMax: true
    case .percentile(let percentage): percentage > 50 && percentage <= 100
    case .movingAverage(let momentum): momentum >= 0 && momentum < 1
    }
  }
}

/// The range of a value, as far as it is known.
struct ObservedRange {
  private let observer: RangeObserverKind
  private var low: Double?
  private var high: Double?
  private var histogram = GrowingHistogram()

  init(_ observer: RangeObserverKind) { self.observer = observer }

  /// Takes note of a batch.
  mutating func observe(_ batch: UnsafeBufferPointer<Float>) {
    if case .percentile = observer {
      histogram.add(batch)
      return
    }
    var (least, greatest) = (Float.infinity, -Float.infinity)
    for value in batch {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    guard least <= greatest, least.isFinite, greatest.isFinite else { return }
    switch (observer, low, high) {
    case (.movingAverage(let momentum), let low?, let high?):
      self.low = momentum * low + (1 - momentum) * Double(least)
      self.high = momentum * high + (1 - momentum) * Double(greatest)
    default:
      low = min(low ?? .infinity, Double(least))
      high = max(high ?? -.infinity, Double(greatest))
    }
  }

  /// The ends; zero where nothing occurred.
  var ends: (low: Float, high: Float) {
    if case .percentile(let percentage) = observer {
      let tail = (100 - percentage) / 100
      return (Float(histogram.quantile(tail)), Float(histogram.quantile(1 - tail)))
    }
    return (Float(low ?? 0), Float(high ?? 0))
  }
}

/// Counts of values in bins whose width doubles whenever the values outgrow them, so that one pass over
/// the data is enough and no count is ever split.
struct GrowingHistogram {
  private static let bins = 8192
  private var counts: [Int] = []
  private var width = 0.0
  /// The number of the first bin: it holds values from `first * width`.
  private var first = 0
  private var least = Double.infinity
  private var greatest = -Double.infinity

  /// Counts a batch; what is not finite is passed over.
  mutating func add(_ batch: UnsafeBufferPointer<Float>) {
    for value in batch where value.isFinite {
      least = min(least, Double(value))
      greatest = max(greatest, Double(value))
    }
    guard least <= greatest else { return }
    if counts.isEmpty {
      // Fine enough that the first batch fills a quarter of the bins.
      let span = max(greatest - least, abs(greatest) * 1e-6, 1e-30)
      width = span / Double(Self.bins / 4)
      first = Int((least / width).rounded(.down)) - Self.bins / 4
      counts = Array(repeating: 0, count: Self.bins)
    }
    while !holds(least) || !holds(greatest) { grow() }
    for value in batch where value.isFinite {
      counts[Int((Double(value) / width).rounded(.down)) - first] += 1
    }
  }

  private func holds(_ value: Double) -> Bool {
    let bin = (value / width).rounded(.down) - Double(first)
    return bin >= 0 && bin < Double(Self.bins)
  }

  private mutating func grow() {
    var merged = [Int](repeating: 0, count: Self.bins)
    // Bins 2n and 2n + 1 become bin n; the new range has the old one in its middle.
    let begin = (first >> 1) - Self.bins / 4
    for (index, count) in counts.enumerated() where count > 0 {
      merged[((first + index) >> 1) - begin] += count
    }
    counts = merged
    first = begin
    width *= 2
  }

  /// The value below which a fraction of all lies, within the width of a bin; zero when there is none.
  func quantile(_ fraction: Double) -> Double {
    let total = counts.reduce(0, +)
    guard total > 0 else { return 0 }
    let wanted = fraction * Double(total)
    var below = 0.0
    for (index, count) in counts.enumerated() where count > 0 {
      if below + Double(count) >= wanted {
        let inside = (wanted - below) / Double(count)
        return min(max((Double(first + index) + inside) * width, least), greatest)
      }
      below += Double(count)
    }
    return greatest
  }
}
