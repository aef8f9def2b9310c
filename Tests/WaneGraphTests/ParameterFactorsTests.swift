import Testing
import WaneTensor

@testable import WaneGraph

/// Factors of channels that go into the scales of a grid.
@Suite struct ParameterFactorsTests {
  private static let factors: [Float] = [0.5, -1.3, 2]

  private static func parameter(
    bits: Int, axis: Int? = 1, zeros: [Int]? = nil, groupSize: Int? = nil
  ) throws -> Parameter {
    let count = axis == nil ? 1 : groupSize == nil ? 3 : 6
    let grid = try WeightGrid(
      bits: bits, scales: (0..<count).map { 0.25 + Float($0) / 8 }, zeros: zeros, axis: axis,
      groupSize: groupSize)
    let codes = (0..<12).map { UInt8($0 % grid.codeCount) }
    return try Parameter(
      "w", .integer(codes: PackedCodes(codes, bits: bits), grid: grid), shape: Shape([4, 3]))
  }

  @Test(arguments: [(1, nil), (2, nil), (4, nil), (8, nil), (3, 2)] as [(Int, Int?)])
  func valuesAreMultipliedAndStayOnAGrid(bits: Int, groupSize: Int?) throws {
    let old = try Self.parameter(bits: bits, groupSize: groupSize)
    let new = try #require(try old.multiplied(by: Self.factors))
    #expect(new.grid?.bits == bits)
    let pairs = zip(try old.decoded().array(Float.self), try new.decoded().array(Float.self))
    for (index, (before, after)) in pairs.enumerated() {
      #expect(abs(after - before * Self.factors[index % 3]) <= 1e-6 * abs(after))
    }
  }

  @Test func otherGridsAndNoScaleAreRefused() throws {
    #expect(try Self.parameter(bits: 4, axis: nil).multiplied(by: Self.factors) == nil)
    #expect(try Self.parameter(bits: 4, zeros: [1, 2, 3]).multiplied(by: Self.factors) == nil)
    #expect(try Self.parameter(bits: 4).multiplied(by: [1, 0, 1]) == nil)
    #expect(try Self.parameter(bits: 4).multiplied(by: [1, .infinity, 1]) == nil)
    let shared = try Parameter(
      "w",
      .codebook(
        indices: PackedCodes([0, 1, 1], bits: 1), centroids: CentroidTable([0.5, 2]), grid: nil),
      shape: Shape([3]))
    #expect(try shared.multiplied(by: Self.factors) == nil)
    #expect(try Self.shared().multiplied(by: [1, .infinity, 1]) == nil)
    #expect(try Self.shared(scaleAxis: nil).multiplied(by: Self.factors) == nil)
    #expect(try Self.shared(axis: 0).multiplied(by: [2, 2, 2]) == nil)
  }

  /// Tables of an axis, on a grid when there are scales.
  private static func shared(axis: Int = 1, hasGrid: Bool = true, scaleAxis: Int? = 1) throws
    -> Parameter
  {
    let tables = [4, 3][axis]
    let scales: [Float] = (0..<tables).map { 0.25 + Float($0) / 8 }
    let grid = try WeightGrid(
      bits: 4, scales: scaleAxis == nil ? [0.25] : scales, axis: scaleAxis.map { _ in axis })
    let values = (0..<3 * tables).map { entry -> Float in
      let multiple = Float(entry % 3 == 0 ? 0 : entry - 4)
      return multiple * (scaleAxis == nil ? 0.25 : scales[entry / 3])
    }
    let indices = try PackedCodes((0..<12).map { UInt8($0 * 5 % 3) }, bits: 2)
    return try Parameter(
      "w",
      .codebook(
        indices: indices, centroids: CentroidTable(values, size: 3, axis: axis),
        grid: hasGrid ? grid : nil), shape: Shape([4, 3]), isMasked: true)
  }

  @Test(arguments: [false, true]) func tablesOfChannelsAreMultiplied(hasGrid: Bool) throws {
    let old = try Self.shared(hasGrid: hasGrid)
    let new = try #require(try old.multiplied(by: Self.factors))
    #expect(new.isMasked && (new.grid != nil) == hasGrid)
    let pairs = zip(try old.decoded().array(Float.self), try new.decoded().array(Float.self))
    for (index, (before, after)) in pairs.enumerated() {
      #expect(abs(after - before * Self.factors[index % 3]) <= 1e-6 * abs(after))
      #expect(after != 0 || after.sign == .plus)
    }
    #expect(try new.integerForm()?.codes.count == (hasGrid ? 12 : nil))
  }
}
