import Testing
import WaneGraph
import WaneTensor

@testable import WaneCompress

/// Grids of weights, beside scans of every scale and zero point there could be.
@Suite struct GridFittingTests {
  /// How much the mean error of a sum counts.
  private static let meanShare = ScaleFit.usualMeanShare

  /// The error of rounding weights of some sums to a scale and a range of codes, the slow way.
  private static func error(_ sums: [[Float]], _ scale: Double, _ codes: ClosedRange<Int>) -> Double
  {
    sums.reduce(0) { total, weights in
      let errors = weights.map { weight in
        let code = (Double(weight) / scale).rounded()
        return Double(weight)
          - scale * min(max(code, Double(codes.lowerBound)), Double(codes.upperBound))
      }
      let sum = errors.reduce(0, +)
      return total + errors.reduce(0) { $0 + $1 * $1 } + meanShare * sum * sum
    }
  }

  /// The least error of a fine scan over scales, with any of some ranges of codes.
  private static func least(_ sums: [[Float]], _ ranges: [ClosedRange<Int>]) -> Double {
    let largest = Double(sums.joined().map(abs).max() ?? 0)
    return ranges.flatMap { codes in
      let full = largest / Double(max(1, min(-codes.lowerBound, codes.upperBound)))
      return (1...300).map { error(sums, full * Double($0) / 300, codes) }
    }.min() ?? 0
  }

  /// Weights of three units, the middle one on one side of zero.
  private static func weights(_ count: Int, seed: Int) -> [Float] {
    WeightSharingTests.normals(count * 3, seed: seed).enumerated().map {
      $0 % 3 == 1 ? $1 + 1.5 : $1
    }
  }

  private static func ranges(_ bits: Int, _ isSymmetric: Bool) -> [ClosedRange<Int>] {
    let highest = WeightGrid.highest(bits: bits)
    return isSymmetric
      ? [-highest...highest] : (0..<(1 << bits)).map { -$0...((1 << bits) - 1 - $0) }
  }

  @Test(arguments: [2, 3, 4], [true, false])
  func channelsHaveTheLeastError(bits: Int, isSymmetric: Bool) throws {
    for count in [1, 2, 9, 40] {
      let weights = Self.weights(count, seed: bits + count)
      let grid = try WeightGrid.fitting(
        Tensor(weights, Shape([count, 3])), bits: bits, isSymmetric: isSymmetric, axis: 1)
      #expect(grid.axis == 1 && grid.scales.count == 3 && grid.isSymmetric == isSymmetric)
      for channel in 0..<3 {
        let own = (0..<count).map { weights[$0 * 3 + channel] }
        let zero = grid.zeros?[channel] ?? grid.highest
        let error = Self.error(
          [own], Double(grid.scales[channel]), -zero...(grid.codeCount - 1 - zero))
        let least = Self.least([own], Self.ranges(bits, isSymmetric))
        #expect(error <= 1.03 * least + 1e-9, "channel \(channel) of \(count)")
      }
    }
  }

  @Test(arguments: [6, 8], [true, false])
  func manyCodesComeNearIt(bits: Int, isSymmetric: Bool) throws {
    let weights = Self.weights(100, seed: bits)
    let grid = try WeightGrid.fitting(
      Tensor(weights, Shape([100, 3])), bits: bits, isSymmetric: isSymmetric, axis: 1)
    for channel in 0..<3 {
      let own = (0..<100).map { weights[$0 * 3 + channel] }
      let zero = grid.zeros?[channel] ?? grid.highest
      let error = Self.error(
        [own], Double(grid.scales[channel]), -zero...(grid.codeCount - 1 - zero))
      let ranges = Self.ranges(bits, isSymmetric)
      let some = stride(from: 0, to: ranges.count, by: isSymmetric ? 1 : 32).map { ranges[$0] }
      #expect(error <= 1.25 * Self.least([own], some), "channel \(channel)")
    }
  }

  /// One scale for all units: the errors of each are added up by themselves.
  @Test(arguments: [2, 4], [true, false])
  func oneScaleLooksAtTheSumOfEachUnit(bits: Int, isSymmetric: Bool) throws {
    let weights = Self.weights(40, seed: bits)
    let grid = try WeightGrid.fitting(
      Tensor(weights, Shape([40, 3])), bits: bits, isSymmetric: isSymmetric, axis: nil, unitAxis: 1)
    #expect(grid.axis == nil && grid.scales.count == 1)
    let sums = (0..<3).map { unit in (0..<40).map { weights[$0 * 3 + unit] } }
    let zero = grid.zeros?[0] ?? grid.highest
    let error = Self.error(sums, Double(grid.scales[0]), -zero...(grid.codeCount - 1 - zero))
    #expect(error <= 1.03 * Self.least(sums, Self.ranges(bits, isSymmetric)))
  }

  /// Codes and sums by steps are those of each weight.
  @Test(arguments: [0, 1, 2, 7, 64, 301]) func sortedWeightsAddUpAsEach(count: Int) {
    let values = WeightSharingTests.normals(count, seed: count)
    let users = values.indices.map { Float($0 % 4) }
    for codes in [-1...1, -2...1, 0...7, -255...0, -127...127] {
      for (scale, users) in [(0.31, users), (0.011, nil), (7, users)] as [(Double, [Float]?)] {
        let sums = SortedWeights(values, users: users).sums(scale: scale, codes: codes)
        var (product, code, square) = (0.0, 0.0, 0.0)
        for (index, value) in values.enumerated() {
          let weight = Double(users?[index] ?? 1)
          let own = min(
            max((Double(value) / scale).rounded(), Double(codes.lowerBound)),
            Double(codes.upperBound))
          product += weight * own * Double(value)
          code += weight * own
          square += weight * own * own
        }
        #expect(abs(sums.product - product) <= 1e-9 * max(1, abs(product)))
        #expect(abs(sums.code - code) <= 1e-9 && abs(sums.square - square) <= 1e-6)
      }
    }
  }

  /// Pinned zeros have a code, whatever else there is.
  @Test(arguments: [2, 3, 8]) func zeroStaysZero(bits: Int) throws {
    for offset in [Float(-3), 0, 3] {
      let weights = WeightSharingTests.normals(60, seed: bits).enumerated().map {
        $0 % 3 == 0 ? 0 : $1 + offset
      }
      let kernel = try Tensor(weights, Shape([60, 1]))
      let grid = try WeightGrid.fitting(kernel, bits: bits, isSymmetric: false, axis: 1)
      let decoded = try Parameter(
        "w", .integer(codes: grid.codes(for: kernel), grid: grid), shape: kernel.shape
      ).decoded().array(Float.self)
      #expect(zip(weights, decoded).allSatisfy { $0 != 0 || $1 == 0 })
    }
  }

  /// Nothing to fit, or nothing that can be: any scale will do.
  @Test(arguments: [true, false]) func hopelessWeightsGetAGrid(isSymmetric: Bool) throws {
    for values in [
      [], [0, 0], [Float(bitPattern: 9), -Float(bitPattern: 1)], [.infinity, 1], [.nan, 1, -2],
      [3e38, -3e38], [-1e-38, 3e38],
    ] as [[Float]] {
      let grid = try WeightGrid.fitting(
        Tensor(values, Shape([values.count, 1])), bits: 4, isSymmetric: isSymmetric, axis: 1)
      #expect(grid.scales.allSatisfy { $0.isFinite && $0 > 0 })
    }
  }
}
