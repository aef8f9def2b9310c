import Testing

@testable import WaneCompress

/// Where k-means starts, by the definition of each way.
@Suite struct CentroidInitializerTests {
  static func points(_ initial: CentroidInitializer, _ count: Int, _ values: [Float], seed: Int)
    -> [Double]
  {
    var random = SplitMix64(seed: UInt64(seed))
    return initial.centroids(count, of: SortedValues(values), &random)
  }

  @Test(arguments: [2, 3, 16, 256]) func linearPointsAreEven(_ count: Int) {
    let values = WeightSharingTests.normals(1000, seed: count)
    let (low, high) = (Double(values.min() ?? 0), Double(values.max() ?? 0))
    for (index, point) in Self.points(.linear, count, values, seed: 1).enumerated() {
      let expected = low + (high - low) * Double(index) / Double(count - 1)
      #expect(abs(point - expected) < 1e-9)
    }
  }

  /// Between two neighbours lie as many values as between two others.
  @Test(arguments: [2, 3, 16, 200]) func densePointsHaveEquallyManyBetweenThem(_ count: Int) {
    let values = WeightSharingTests.normals(1000, seed: count)
    let points = Self.points(.density, count, values, seed: 1)
    #expect(points.count == count)
    for (a, b) in zip(points, points.dropFirst()) {
      let between = values.filter { Double($0) >= a && Double($0) < b }.count
      #expect(abs(Double(between) - 1000 / Double(count)) <= 1)
    }
    // And half as many outside the first.
    let below = values.filter { Double($0) < points[0] }.count
    #expect(abs(Double(below) - 500 / Double(count)) <= 1)
  }

  @Test func randomPointsAreAnyOfTheValues() {
    let values: [Float] = [1, 2, 3, 4, 5]
    var counts = [Double](repeating: 0, count: 6)
    for seed in 0..<2000 {
      for point in Self.points(.random, 2, values, seed: seed) { counts[Int(point)] += 1 }
    }
    #expect(counts.dropFirst().allSatisfy { abs($0 / 4000 - 0.2) < 0.03 })
    let many = WeightSharingTests.normals(500, seed: 3)
    #expect(Self.points(.random, 8, many, seed: 4) == Self.points(.random, 8, many, seed: 4))
    #expect(Self.points(.random, 8, many, seed: 4) != Self.points(.random, 8, many, seed: 5))
    #expect(Self.points(.random, 8, many, seed: 4).allSatisfy { many.contains(Float($0)) })
  }

  /// The chance of a pair: that of the first, times the share of the second in the squared distances.
  @Test func laterPointsAreDrawnBySquaredDistance() {
    let values: [Float] = [0, 1, 4, 6]
    var counts: [[Float]: Double] = [:]
    let draws = 6000
    for seed in 0..<draws {
      counts[Self.points(.kMeansPlusPlus, 2, values, seed: seed).map { Float($0) }, default: 0] += 1
    }
    func chance(_ first: Float, _ second: Float) -> Double {
      let all = values.reduce(0.0) { $0 + Double(($1 - first) * ($1 - first)) }
      return 0.25 * Double((second - first) * (second - first)) / all
    }
    for (index, a) in values.enumerated() {
      for b in values[(index + 1)...] {
        let expected = chance(a, b) + chance(b, a)
        #expect(abs((counts[[a, b]] ?? 0) / Double(draws) - expected) < 0.025, "\(a) \(b)")
      }
    }
  }
}
