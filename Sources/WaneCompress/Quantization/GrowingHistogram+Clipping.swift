#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Ranges that clamp what is rare, so that the rest is rounded more finely.
extension GrowingHistogram {
  /// The range, shrunk from all that occurred, whose grid of `bits` bits costs the least squared error.
  ///
  ///     sum over bins of count (value - rounded(clamped(value)))^2
  ///
  /// Both ends are shrunk together by hundredths, and then each alone, the other held.
  func rangeOfLeastError(bits: Int) -> (low: Double, high: Double) {
    guard least <= greatest else { return (0, 0) }
    let (bottom, top) = (min(least, 0), max(greatest, 0))
    let points = self.points
    var best = (low: bottom, high: top)
    var bestError = squaredError(points, best.low, best.high, bits)
    func consider(_ low: Double, _ high: Double) {
      let error = squaredError(points, low, high, bits)
      if error < bestError { (best, bestError) = ((low, high), error) }
    }
    let steps = 100
    for step in 1..<steps {
      let part = Double(step) / Double(steps)
      consider(bottom * part, top * part)
    }
    guard bottom < 0, top > 0 else { return best }
    for step in 1...steps { consider(best.low, top * Double(step) / Double(steps)) }
    for step in 1...steps { consider(bottom * Double(step) / Double(steps), best.high) }
    return best
  }

  /// The middle of each bin that holds something, and how much.
  private var points: [(value: Double, count: Double)] {
    counts.enumerated().compactMap { index, count in
      guard count > 0 else { return nil }
      let middle = (Double(first + index) + 0.5) * width
      return (min(max(middle, least), greatest), Double(count))
    }
  }

  private func squaredError(
    _ points: [(value: Double, count: Double)], _ low: Double, _ high: Double, _ bits: Int
  ) -> Double {
    let steps = Double((1 << bits) - 1)
    let scale = (high - low) / steps
    guard scale > 0 else {
      return points.reduce(0) { $0 + $1.count * $1.value * $1.value }
    }
    let zero = min((-low / scale).rounded(), steps)
    var error = 0.0
    for (value, count) in points {
      let code = min(max((value / scale).rounded(.toNearestOrEven) + zero, 0), steps)
      let difference = value - (code - zero) * scale
      error += count * difference * difference
    }
    return error
  }

  /// Bins that the search over magnitudes has at most; the original has 2048.
  private static let magnitudeBins = 4096
  /// What an empty level counts as, so that divergences stay finite.
  private static let emptyCount = 1e-4

  /// The range within plus and minus the threshold for which the distribution of magnitudes loses least
  /// by rounding, in relative entropy.
  ///
  ///     P: the first i bins, what lies beyond added to the last of them
  ///     Q: the first i bins merged into the levels of the grid, each level spread evenly over those of
  ///        its bins that hold something
  ///     threshold = width argmin over i of sum of P log(P / Q), both normalized
  ///
  /// Magnitudes have 2^bits levels where all values have one sign, else half of that. Zeros are exact on
  /// every grid and not counted.
  func rangeOfLeastDivergence(bits: Int) -> (low: Double, high: Double) {
    guard least <= greatest else { return (0, 0) }
    let levels = 1 << (least < 0 && greatest > 0 ? bits - 1 : bits)
    let (magnitudes, width) = self.magnitudes
    guard magnitudes.count > levels else { return (least, greatest) }
    var best = (bins: magnitudes.count, divergence: Double.infinity)
    let total = magnitudes.reduce(0, +)
    var inside = magnitudes[..<(levels - 1)].reduce(0, +)
    for bins in levels...magnitudes.count {
      inside += magnitudes[bins - 1]
      guard inside > 0 else { continue }
      let divergence = divergence(
        magnitudes[..<bins], beyond: total - inside, levels: levels)
      if divergence < best.divergence { best = (bins, divergence) }
    }
    let threshold = Double(best.bins) * width
    return (max(least, -threshold), min(greatest, threshold))
  }

  /// Counts of magnitudes, in bins of the same width or some of them together.
  private var magnitudes: (counts: [Double], width: Double) {
    let reach = (max(abs(least), abs(greatest)) / width).rounded(.down) + 1
    let merged = (reach / Double(Self.magnitudeBins)).rounded(.up)
    var result = [Double](repeating: 0, count: Int((reach / merged).rounded(.up)))
    for (index, count) in counts.enumerated() where count > 0 {
      let bin = first + index
      let magnitude = Int(Double(bin < 0 ? -bin - 1 : bin) / merged)
      result[min(magnitude, result.count - 1)] += Double(bin == 0 ? count - zeros : count)
    }
    return (result, width * merged)
  }

  private func divergence(_ bins: ArraySlice<Double>, beyond: Double, levels: Int) -> Double {
    let count = bins.count
    let sumP = bins.reduce(beyond, +)
    guard sumP > 0 else { return .infinity }
    // The share of each level, and of all levels together.
    var shares = [Double](repeating: 0, count: count)
    var sumQ = 0.0
    for level in 0..<levels {
      let range =
        (level * count + levels - 1) / levels..<((level + 1) * count + levels - 1) / levels
      let held = range.reduce(0) { $0 + (bins[$1] > 0 ? 1 : 0) }
      guard held > 0 else { continue }
      let share = range.reduce(0) { $0 + bins[$1] } / Double(held)
      for bin in range where bins[bin] > 0 { shares[bin] = share }
    }
    for bin in bins.indices {
      let p = bins[bin] + (bin == count - 1 ? beyond : 0)
      if p > 0, shares[bin] == 0 { shares[bin] = Self.emptyCount }
      sumQ += shares[bin]
    }
    var result = 0.0
    for bin in bins.indices {
      let p = (bins[bin] + (bin == count - 1 ? beyond : 0)) / sumP
      if p > 0 { result += p * log(p * sumQ / shares[bin]) }
    }
    return result
  }
}
