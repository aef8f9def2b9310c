import Testing
import WaneTensor

@testable import WaneGraph

/// A graph of random operations with everything a memory plan has to get right: values used late, views of
/// views, operations in place, results that are outputs more than once.
struct RandomGraph {
  let graph: Graph
  let batch: Int
  let runner: GraphRunner

  init(seed: Int, differentiates: Bool) throws {
    var sampler = Sampler("random graph \(seed)")
    var graph = Graph()
    var runner = GraphRunner(seed: 5, step: 1)
    batch = 1 + sampler.integer(below: 4)
    let width = 12
    var rows: [Value] = []
    for index in 0..<1 + sampler.integer(below: 2) {
      rows.append(try graph.add(one: Input(index: index, type: .batched([width])), []))
      runner.inputs.append(try sampler.tensor([batch, width]))
    }
    var weights: [Value] = []
    for index in 0..<3 {
      weights.append(
        try graph.add(one: ParameterRead(name: "w\(index)", dimensions: [width, width]), []))
      runner.variables["w\(index)"] = try sampler.tensor([width, width], in: -0.3...0.3)
    }
    for _ in 0..<4 + sampler.integer(below: 24) {
      // Mostly recent values, sometimes old ones.
      let far = sampler.integer(below: 4) == 0
      let back = 1 + sampler.integer(below: far ? rows.count : min(2, rows.count))
      let x = rows[rows.count - back]
      let y = rows[sampler.integer(below: rows.count)]
      let made: Value
      switch sampler.integer(below: 9) {
      case 0: made = try graph.add(one: Activation(.relu), [x])
      case 1: made = try graph.add(one: Activation(.tanh), [x])
      case 2: made = try graph.add(one: Softmax(), [x])
      case 3: made = try graph.add(one: Add(), [x, y])
      case 4: made = try graph.add(one: Dense(), [x, weights[sampler.integer(below: 3)]])
      case 5:
        let image = try graph.add(one: Reshape([2, 3, 2]), [x])
        made = try graph.add(one: Reshape([width]), [image])
      case 6:
        let image = try graph.add(one: Reshape([2, 3, 2]), [x])
        let activated = try graph.add(one: Activation(.sigmoid), [image])
        made = try graph.add(one: Reshape([width]), [activated])
      case 7: made = try graph.add(one: Dropout(rate: 0.3, stream: rows.count), [x])
      default:
        let image = try graph.add(one: Reshape([2, 3, 2]), [x])
        let window = window([2, 2], .same)
        let pooled = try graph.add(MaxPool2D(window), [image])[0]
        made = try graph.add(one: Reshape([width]), [pooled])
      }
      rows.append(made)
    }
    graph.outputs = [rows[rows.count - 1]]
    for _ in 0..<sampler.integer(below: 4) {
      graph.outputs.append(rows[sampler.integer(below: rows.count)])
    }
    if differentiates {
      let target = try graph.add(one: Input(index: 50, type: .batched([width])), [])
      runner.inputs.append(try sampler.tensor([batch, width]))
      let losses = try graph.add(SquaredError(), [rows[rows.count - 1], target])
      let loss = try graph.add(one: BatchMean(), [losses[0]])
      let gradients = try graph.gradients(of: loss, withRespectTo: weights + [rows[0]])
      graph.outputs += [loss] + gradients.compactMap { $0 }
    }
    self.graph = graph
    self.runner = runner
  }

  /// The outputs, computed one node at a time, each result in memory of its own.
  func runNodeByNode() throws -> [Tensor] {
    var values: [Value: Tensor] = [:]
    let inputs = graph.inputs
    for (index, node) in graph.nodes.enumerated() {
      if let read = node.operation as? ParameterRead {
        values[Value(node: index)] = runner.variables[read.name]
        continue
      }
      if node.operation is Input {
        let position = try #require(inputs.firstIndex(of: Value(node: index)))
        values[Value(node: index)] = runner.inputs[position]
        continue
      }
      var alone = Graph()
      var step = GraphRunner(seed: runner.seed, step: runner.step)
      let operands = try node.inputs.enumerated().map { position, input in
        let type = graph.type(of: input)
        let tensor = try #require(values[input])
        if type.isBatched {
          step.inputs.append(tensor)
          return try alone.add(one: Input(index: position, type: type), [])
        }
        step.variables["p\(position)"] = tensor
        return try alone.add(
          one: ParameterRead(name: "p\(position)", dimensions: type.dimensions), [])
      }
      alone.outputs = try alone.add(node.operation, operands)
      for (output, tensor) in try step.run(alone, batch: batch).enumerated() {
        values[Value(node: index, output: output)] = tensor
      }
    }
    return try graph.outputs.map { try #require(values[$0]) }
  }
}
