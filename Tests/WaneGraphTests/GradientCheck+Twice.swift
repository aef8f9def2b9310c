import Testing
import WaneTensor

@testable import WaneGraph

extension GradientCheck {
  /// The gradient of the gradient along a random direction.
  struct Second {
    var graph: Graph
    var runner: GraphRunner
    var directions: [Tensor]
  }

  /// The names of all operations of second derivatives.
  func operationsOfSecond() throws -> Set<String> {
    Set(try second().graph.nodes.map { type(of: $0.operation).name })
  }

  /// Compares the gradient of the gradient along a random direction with second differences.
  func compareTwice() throws {
    let second = try second()
    let computed = try second.runner.run(second.graph, batch: batch)
    for (position, operand) in item.differentiable.enumerated() {
      compareTwice(operand, computed[position], second.directions)
    }
  }

  private func second() throws -> Second {
    var graph = unpruned
    var runner = runner
    var sampler = Sampler("\(item.testDescription)/\(batch)/direction")
    let directions = try item.differentiable.map {
      try sampler.tensor(tensors[$0].shape.dimensions)
    }
    var slopes: [Value] = []
    for (position, index) in item.differentiable.enumerated() {
      let gradient = graph.outputs[1 + position]
      let type = item.operands[index].type
      let direction: Value
      if type.isBatched {
        direction = try graph.add(one: Input(index: 200 + position, type: type), [])
        runner.inputs.append(directions[position])
      } else {
        direction = try graph.add(
          one: ParameterRead(name: "direction\(position)", dimensions: type.dimensions), [])
        runner.variables["direction\(position)"] = directions[position]
      }
      let product = try graph.add(one: Binary(.multiply), [gradient, direction])
      slopes.append(
        try graph.add(
          one: Reduce(.sum, axes: Array(type.dimensions.indices), overBatch: type.isBatched),
          [product]))
    }
    let slope = try slopes.dropFirst().reduce(slopes[0]) { try graph.add(one: Add(), [$0, $1]) }
    let second = try graph.gradients(
      of: slope, withRespectTo: item.differentiable.map { operands[$0] })
    graph.outputs = try second.map { try #require($0) }
    return Second(graph: try graph.pruned(), runner: runner, directions: directions)
  }

  private func compareTwice(_ operand: Int, _ computed: Tensor, _ directions: [Tensor]) {
    let step = 1e-4
    let blocks = tensors.map(Block.init)
    /// The loss with one element moved, and all of them along the direction.
    func loss(_ index: Int, _ moved: Double, _ along: Double) -> Double {
      var blocks = blocks
      for (position, other) in item.differentiable.enumerated() {
        for (element, value) in Block(directions[position]).values.enumerated() {
          blocks[other].values[element] += along * value
        }
      }
      blocks[operand].values[index] += moved
      return self.loss(blocks)
    }
    let stride = max(1, blocks[operand].count / 8)
    var (actual, expected): ([Float], [Double]) = ([], [])
    let values = computed.array(Float.self)
    for index in Swift.stride(from: 0, to: blocks[operand].count, by: stride) {
      let difference =
        loss(index, step, step) - loss(index, step, -step) - loss(index, -step, step)
        + loss(index, -step, -step)
      expected.append(difference / (4 * step * step))
      actual.append(values[index])
    }
    expectClose(
      actual, expected, within: max(5e-5, 10 * item.tolerance),
      "batch \(batch), second derivative of operand \(operand)")
  }
}
