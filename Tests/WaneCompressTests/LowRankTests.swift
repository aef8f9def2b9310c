import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct LowRankTests {
  /// A random matrix of a given rank.
  static func matrix(_ rows: Int, _ columns: Int, rank: Int, seed: Int) -> [Float] {
    var random = Fixture.Random(seed)
    let left = (0..<rows * rank).map { _ in random.unit() }
    let right = (0..<rank * columns).map { _ in random.unit() }
    return product(left, right, rows, rank, columns)
  }

  static func product(_ a: [Float], _ b: [Float], _ rows: Int, _ inner: Int, _ columns: Int)
    -> [Float]
  {
    var result = [Float](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for k in 0..<inner {
        for column in 0..<columns {
          result[row * columns + column] += a[row * inner + k] * b[k * columns + column]
        }
      }
    }
    return result
  }

  @Test(arguments: [(20, 9, 4), (9, 20, 4), (7, 7, 7), (5, 1, 1), (1, 5, 1)])
  func factorsGiveTheMatrixBack(_ rows: Int, _ columns: Int, _ rank: Int) throws {
    let matrix = Self.matrix(rows, columns, rank: rank, seed: rows)
    let found = try Factorization(matrix, rows: rows, columns: columns)
    #expect(found.shares.firstIndex { $0 >= 1 - 1e-9 } == rank - 1)
    let (left, right) = found.factors(rank: rank)
    for (a, b) in zip(Self.product(left, right, rows, rank, columns), matrix) {
      #expect(abs(a - b) < 1e-4)
    }
    // What a smaller rank misses is exactly what its singular values leave out.
    for less in 1..<max(rank, 2) where less < rank {
      let (left, right) = found.factors(rank: less)
      let error = zip(Self.product(left, right, rows, less, columns), matrix).reduce(0.0) {
        $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
      }
      let expected = found.energies.dropFirst(less).reduce(0, +)
      #expect(abs(error - expected) < 1e-3 * (1 + expected))
    }
  }

  @Test func nothingIsLeftOfZeros() throws {
    let found = try Factorization([Float](repeating: 0, count: 12), rows: 4, columns: 3)
    #expect(found.shares == [1, 1, 1])
    #expect(found.factors(rank: 1).left.allSatisfy { $0 == 0 })
  }

  private func replacing(_ model: Graph, _ name: String, rank: Int) throws -> Graph {
    var result = model
    let old = try #require(model.parameters[name])
    let columns = try #require(old.shape.dimensions.last)
    let values = Self.matrix(old.shape.count / columns, columns, rank: rank, seed: 3)
    try result.set(old.replacing(.dense(Tensor(values, old.shape))))
    return result
  }

  @Test func kernelsOfLowRankAreSplitWithoutLoss() throws {
    var model = try Fixture.cnn(filters: (12, 16), units: 20)
    model = try replacing(model, "conv2d_1/kernel", rank: 2)
    model = try replacing(model, "dense/kernel", rank: 3)
    let before = try model.parameters.map { try $0.decoded().array(Float.self) }
    let (small, report) = try LowRank(
      .energy(1 - 1e-9), selection: Selection(only: ["conv2d_1", "dense"]))(
        model, CompressionContext(pool: Fixture.pool()))
    #expect(try model.parameters.map { try $0.decoded().array(Float.self) } == before)
    #expect(report.layers.map { $0["rank"]?.after } == [2, 3])
    #expect(small.parameters["conv2d_1/kernel"] == nil)
    #expect(small.parameters["conv2d_1/reduce/kernel"]?.shape.dimensions == [2, 2, 12, 2])
    #expect(small.parameters["conv2d_1/expand/kernel"]?.shape.dimensions == [1, 1, 2, 16])
    #expect(small.parameters["dense/bias"] != nil)
    #expect(small.work < model.work)
    let data = try Fixture.data(5)
    func run(_ graph: Graph) throws -> [Float] {
      try InferenceSession(graph.feeding(.u8, operation: "test"), pool: Fixture.pool())
        .run([data.inputs])[0].array(Float.self)
    }
    for (a, b) in zip(try run(model), try run(small)) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func trainingGoesOnFromThere() throws {
    let model = try Fixture.trained()
    let (small, report) = try LowRank(.ratio(0.5), selection: Selection(only: ["dense"]))(
      model,
      CompressionContext(
        pool: Fixture.pool(), data: Fixture.data(), fineTuning: FineTuning(epochs: 3)))
    #expect(report.history.count == 3)
    let row = try #require(report.layers.first)
    let weights = try #require(row["weights"])
    #expect(weights.after <= 0.5 * weights.before)
    let accuracy = try Evaluation(small, on: Fixture.data(200, seed: 9), pool: Fixture.pool())
      .accuracy
    #expect((accuracy ?? 0) > 0.9)
  }

  @Test func whatCannotBeSplitIsSkipped() throws {
    let model = try Fixture.cnn()
    let context = try CompressionContext(pool: Fixture.pool())
    let (same, report) = try LowRank(.energy(1))(model, context)
    #expect(report.layers.isEmpty)
    #expect(report.skipped.allSatisfy { $0.reason.hasSuffix("takes no fewer weights") })
    #expect(same.parameters.count == model.parameters.count)
    let pruned = try Pruning(sparsity: 0.5)(model, context).model
    let skipped = try LowRank(.energy(0.5))(pruned, context).report.skipped
    #expect(skipped.contains { $0.reason.hasPrefix("its weights are pruned, shared or on a grid") })
    for energy in [0, -1, 1.5, Double.nan] {
      #expect(throws: WaneError.self) { try LowRank(.energy(energy)) }
    }
    for ratio in [-0.1, 1, Double.nan] {
      #expect(throws: WaneError.self) { try LowRank(.ratio(ratio)) }
    }
  }
}
