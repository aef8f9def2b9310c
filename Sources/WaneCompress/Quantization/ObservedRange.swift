/// The range of a value, as far as it is known.
struct ObservedRange {
  private let observer: RangeObserverKind
  private var low: Double?
  private var high: Double?
  private var histogram = GrowingHistogram()

  init(_ observer: RangeObserverKind) { self.observer = observer }

  /// Takes note of a batch.
  mutating func observe(_ batch: UnsafeBufferPointer<Float>) {
    if observer.needsHistogram {
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

  /// The ends for a grid of `bits` bits; zero where nothing occurred.
  func ends(bits: Int) -> (low: Float, high: Float) {
    let ends: (low: Double, high: Double)
    switch observer {
    case .minMax, .movingAverage: ends = (low ?? 0, high ?? 0)
    case .percentile(let percentage):
      let tail = (100 - percentage) / 100
      ends = (histogram.quantile(tail), histogram.quantile(1 - tail))
    case .kl: ends = histogram.rangeOfLeastDivergence(bits: bits)
    case .mse: ends = histogram.rangeOfLeastError(bits: bits)
    }
    return (Float(ends.low), Float(ends.high))
  }
}
