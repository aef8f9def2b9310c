import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ObserverTests {
  static func ends(_ kind: RangeObserverKind, _ batches: [[Float]], bits: Int = 8) -> (
    low: Float, high: Float
  ) {
    var range = ObservedRange(kind)
    for batch in batches { batch.withUnsafeBufferPointer { range.observe($0) } }
    return range.ends(bits: bits)
  }

  /// What rounding to the grid over a range does to values, the slow way.
  static func squaredError(_ values: [Float], _ low: Double, _ high: Double, bits: Int) -> Double {
    let steps = Double((1 << bits) - 1)
    let scale = (high - low) / steps
    let zero = (-low / scale).rounded()
    return values.reduce(0) { sum, value in
      let code = min(max((Double(value) / scale).rounded(.toNearestOrEven) + zero, 0), steps)
      let difference = Double(value) - (code - zero) * scale
      return sum + difference * difference
    }
  }

  @Test(arguments: [2, 4, 8], [false, true])
  func leastErrorIsThatOfAScanOverValues(bits: Int, isRectified: Bool) {
    var random = Fixture.Random(bits)
    // A long tail: cubes of something like normal numbers.
    let values = (0..<4000).map { _ -> Float in
      let value = random.normal()
      return isRectified ? max(value * value * value, 0) : value * value * value
    }
    let (low, high) = Self.ends(.mse, [values], bits: bits)
    let found = Self.squaredError(values, Double(low), Double(high), bits: bits)
    let (bottom, top) = (Double(values.min() ?? 0), Double(values.max() ?? 0))
    let shares = isRectified ? [0] : (1...25).map { Double($0) / 25 }
    let best =
      shares.flatMap { below in
        (1...25).map { above in
          Self.squaredError(values, bottom * below, top * Double(above) / 25, bits: bits)
        }
      }.min() ?? 0
    // The search is by coordinates and on the middles of bins.
    #expect(found <= 1.1 * best)
    if bits == 2 { #expect(found < 0.7 * Self.squaredError(values, bottom, top, bits: bits)) }
  }

  /// The published algorithm, as plainly as it can be written, over magnitudes in bins of a width.
  static func naiveThreshold(_ values: [Float], width: Double, bins total: Int, levels: Int)
    -> Double
  {
    var counts = [Double](repeating: 0, count: total)
    for value in values where value != 0 {
      counts[min(Int(abs(Double(value)) / width), total - 1)] += 1
    }
    var best = (threshold: 0.0, divergence: Double.infinity)
    for bins in levels...total {
      var p = Array(counts[..<bins])
      p[bins - 1] += counts[bins...].reduce(0, +)
      var members = [[Int]](repeating: [], count: levels)
      for bin in 0..<bins { members[bin * levels / bins].append(bin) }
      var q = [Double](repeating: 0, count: bins)
      for level in members {
        let held = level.filter { counts[$0] > 0 }
        let sum = held.reduce(0) { $0 + counts[$1] }
        for bin in held { q[bin] = sum / Double(held.count) }
      }
      for bin in 0..<bins where p[bin] > 0 && q[bin] == 0 { q[bin] = 1e-4 }
      let (sumP, sumQ) = (p.reduce(0, +), q.reduce(0, +))
      var divergence = 0.0
      for bin in 0..<bins where p[bin] > 0 {
        divergence += p[bin] / sumP * log((p[bin] / sumP) / (q[bin] / sumQ))
      }
      if divergence < best.divergence { best = (Double(bins) * width, divergence) }
    }
    return best.threshold
  }

  @Test(arguments: [false, true], [4, 8])
  func leastDivergenceIsThatOfThePublishedAlgorithm(isRectified: Bool, bits: Int) {
    var random = Fixture.Random(7 + bits)
    var values = (0..<6000).map { _ -> Float in
      let value = random.normal()
      return isRectified ? max(value, 0) : value
    }
    values += isRectified ? [40, 41.5] : [40, -41.5]
    let (low, high) = Self.ends(.kl, [values], bits: bits)
    // The first batch decides the width: a quarter of 8192 bins over what it spans.
    let span = Double((values.max() ?? 0) - (values.min() ?? 0))
    let width = span / 2048
    let reach = max(Double(values.max() ?? 0), -Double(values.min() ?? 0))
    let threshold = Self.naiveThreshold(
      values, width: width, bins: Int(reach / width) + 1,
      levels: isRectified ? 1 << bits : 1 << (bits - 1))
    #expect(abs(Double(high) - min(threshold, 41.5)) < 1e-3 * threshold)
    #expect(abs(Double(low) - (isRectified ? 0 : -min(threshold, 41.5))) < 1e-3 * threshold)
    if bits == 4 { #expect(high < 20) }
  }

  @Test func nothingAndOneValueHaveRanges() {
    for kind in [RangeObserverKind.kl, .mse, .percentile(99.9)] {
      #expect(Self.ends(kind, []) == (0, 0))
      #expect(Self.ends(kind, [[0, 0]]) == (0, 0))
      let (low, high) = Self.ends(kind, [[3, 3, 3]])
      #expect(low >= 0 && low <= 3 && abs(high - 3) < 0.01)
      let negative = Self.ends(kind, [[-3, -3]])
      #expect(abs(negative.low + 3) < 0.01)
      let wild = Self.ends(kind, [[1e-20], [.nan, .infinity, 3e30], [-1e10]])
      #expect(wild.low.isFinite && wild.high.isFinite && wild.low <= wild.high)
    }
  }
}
