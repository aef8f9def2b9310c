import Testing
import WaneTensor

@testable import WaneGraph

/// Sums over a batch that is cut into shards.
@Suite struct ShardReductionTests {
  /// A mean over the batch and a penalty on weights, with the gradient of the weights.
  private func penalised() throws -> Graph {
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([3])), [])
    let w = try graph.add(one: ParameterRead(name: "w", dimensions: [3]), [])
    let product = try graph.add(one: Binary(.multiply), [x, w])
    let mean = try graph.add(one: Reduce(.mean, axes: [0], overBatch: true), [product])
    let square = try graph.add(one: Unary(.square), [w])
    let penalty = try graph.add(one: Reduce(.sum, axes: [0]), [square])
    let loss = try graph.add(one: Add(), [mean, penalty])
    let gradients = try graph.gradients(of: loss, withRespectTo: [w])
    graph.outputs = try [loss, #require(gradients[0]), penalty]
    return graph
  }

  @Test func whatDoesNotDependOnSamplesIsCountedOnce() throws {
    let graph = try penalised().withShardReductions(sums: 3)
    // Parts are added to parts: nobody waits for others.
    #expect(!graph.nodes.contains { $0.operation is AllReduce })
    let w: [Float] = [1, -2, 3]
    let x: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: w.count)
    defer { memory.deallocate() }
    memory.initialize(from: w, count: w.count)
    let weights = WeightStore(graph.parameters, bound: ["w": UnsafeMutableRawPointer(memory)])
    var sums: [[Float]] = [[0], [0, 0, 0], [0]]
    for rows in [0..<2, 2..<5] {
      let program = try Program(
        graph, batch: rows.count, totalBatch: 5, mode: .training, weights: weights)
      for (index, value) in x[rows.lowerBound * 3..<rows.upperBound * 3].enumerated() {
        program.inputs[0].floats[index] = value
      }
      program.run()
      for (output, buffer) in program.outputs.enumerated() {
        for index in 0..<buffer.count { sums[output][index] += buffer.floats[index] }
      }
    }
    let mean = zip(x, w + w + w + w + w).reduce(0) { $0 + $1.0 * $1.1 } / 15
    expectClose(sums[0], [Double(mean) + 14], within: 1e-5, "loss")
    let gradient = (0..<3).map { column in
      let part = stride(from: column, to: 15, by: 3).reduce(0) { $0 + x[$1] } / 15
      return Double(part + 2 * w[column])
    }
    expectClose(sums[1], gradient, within: 1e-5, "gradient")
    expectClose(sums[2], [14], within: 1e-5, "penalty")
  }

  @Test func aPartIsWholeBeforeItIsSquared() throws {
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([])), [])
    let mean = try graph.add(one: BatchMean(), [x])
    graph.outputs = [try graph.add(one: Unary(.square), [mean])]
    let reduced = try graph.withShardReductions(sums: 1)
    let names = reduced.nodes.map { type(of: $0.operation).name }
    #expect(names == ["input", "batch_mean", "all_reduce", "unary", "shard_share"])
  }
}
