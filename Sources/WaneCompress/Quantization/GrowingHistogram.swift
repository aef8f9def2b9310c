/// Counts of values in bins whose width doubles whenever the values outgrow them, so that one pass over
/// the data is enough and no count is ever split.
struct GrowingHistogram {
  private static let bins = 8192
  private(set) var counts: [Int] = []
  private(set) var width = 0.0
  /// The number of the first bin: it holds values from `first * width`.
  private(set) var first = 0
  private(set) var least = Double.infinity
  private(set) var greatest = -Double.infinity
  /// How many values were exactly zero; they are in the bins, too.
  private(set) var zeros = 0

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
      if value == 0 { zeros += 1 }
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
