import Testing
import WaneTensor

@testable import WaneGraph

/// A case with a scalar loss behind it: the gradient the graph computes, and central differences of
/// the loss computed from the reference in double precision.
///
/// Only the first result takes part. The loss is its mean squared distance from a random target; a
/// result without a batch is first used as the weights of a dense layer.
struct GradientCheck {
  let item: OperationCase
  let batch: Int
  let tensors: [Tensor]
  private let target: Tensor
  private let rows: Tensor?
  private var graph: Graph
  let unpruned: Graph
  let operands: [Value]
  let runner: GraphRunner

  init(_ item: OperationCase, batch: Int) throws {
    self.item = item
    self.batch = batch
    var (graph, operands, results) = try item.graph()
    var sampler = Sampler("\(item.testDescription)/\(batch)/target")
    tensors = try item.sample(batch: batch)
    var runner = item.runner(tensors)

    var value = results[0]
    if graph.type(of: value).isBatched {
      rows = nil
    } else {
      let count = graph.type(of: value).sampleCount
      let rows = try sampler.tensor([batch, count])
      let input = try graph.add(one: Input(index: 100, type: .batched([count])), [])
      let matrix = try graph.add(one: Reshape([count, 1]), [value])
      value = try graph.add(one: Dense(), [input, matrix])
      runner.inputs.append(rows)
      self.rows = rows
    }
    let type = graph.type(of: value)
    target = try sampler.tensor(type.shape(batch: batch).dimensions)
    runner.inputs.append(target)
    let wanted = try graph.add(one: Input(index: 101, type: type), [])
    let losses = try graph.add(SquaredError(), [value, wanted])
    let loss = try graph.add(one: BatchMean(), [losses[0]])
    let gradients = try graph.gradients(
      of: loss, withRespectTo: item.differentiable.map { operands[$0] })
    graph.outputs = try [loss] + gradients.map { try #require($0) }
    unpruned = graph
    self.operands = operands
    self.graph = try graph.pruned()
    self.runner = runner
  }

  /// The names of all operations in the graph.
  var operations: Set<String> { Set(graph.nodes.map { type(of: $0.operation).name }) }

  /// The gradients the graph computes; its loss is that of the reference.
  func gradients() throws -> [Tensor] {
    let outputs = try runner.run(graph, batch: batch)
    expectClose(
      outputs[0].array(Float.self), [loss(tensors.map(Block.init))], within: 1e-5,
      "batch \(batch), loss")
    return Array(outputs[1...])
  }

  /// What is compared with the target.
  private func values(_ result: Block) -> [Double] {
    guard let rows else { return result.values }
    let x = Block(rows)
    return (0..<batch).map { n in
      (0..<result.count).reduce(0) { $0 + x[n, $1] * result.values[$1] }
    }
  }

  func loss(_ operands: [Block]) -> Double {
    let values = values(item.reference(operands)[0])
    let wanted = Block(target).values
    return zip(values, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      / Double(values.count)
  }

  /// The gradient of the loss with respect to the first result.
  private func resultGradient(_ operands: [Block]) -> Block {
    let result = item.reference(operands)[0]
    let values = values(result)
    let gradient = zip(values, Block(target).values).map { 2 * ($0 - $1) / Double(values.count) }
    guard let rows else { return Block(result.dimensions, gradient) }
    let x = Block(rows)
    return Block(
      result.dimensions,
      (0..<result.count).map { column in
        (0..<batch).reduce(0) { $0 + x[$1, column] * gradient[$1] }
      })
  }

  func compare(_ operand: Int, _ gradient: Tensor) throws {
    let blocks = tensors.map(Block.init)
    if let rule = item.rule, let position = item.differentiable.firstIndex(of: operand) {
      let expected = rule(blocks, resultGradient(blocks))[position]
      return expectClose(
        gradient.array(Float.self), expected.values, within: 1e-5,
        "batch \(batch), gradient of operand \(operand)")
    }
    let step = 1e-5
    // Large operands: a sample of the elements is as good.
    let stride = max(1, blocks[operand].count / 10)
    var expected: [Double] = []
    var actual: [Float] = []
    let computed = gradient.array(Float.self)
    for index in Swift.stride(from: 0, to: blocks[operand].count, by: stride) {
      var above = blocks
      var below = blocks
      above[operand].values[index] += step
      below[operand].values[index] -= step
      expected.append((loss(above) - loss(below)) / (2 * step))
      actual.append(computed[index])
    }
    expectClose(
      actual, expected, within: max(1e-5, item.tolerance),
      "batch \(batch), gradient of operand \(operand)")
  }
}
