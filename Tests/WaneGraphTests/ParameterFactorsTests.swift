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
        indices: PackedCodes([0, 1, 1], bits: 1), centroids: [0.5, 2], grid: nil), shape: Shape([3])
    )
    #expect(try shared.multiplied(by: Self.factors) == nil)
  }
}
