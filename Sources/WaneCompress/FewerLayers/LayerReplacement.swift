import WaneGraph
import WaneNN
import WaneTensor

extension LayerCandidate {
  /// The model without the layer, what takes its place fitted on data.
  ///
  /// - Returns: nil when it cannot be fitted.
  func removed(from model: Graph, _ fit: LayerFit) throws -> Graph? {
    let kernel = model.freshName("\(path)/projection/kernel")
    let bias = model.freshName("\(path)/projection/bias")
    var places: [Value: Value] = [:]
    let result = try model.rewritten { index, node, inputs, graph in
      for (old, new) in zip(node.inputs, inputs) { places[old] = new }
      if case .direct(let next) = replacement {
        guard index == next else { return nil }
        guard let source = places[operand] else { return nil }
        let units = node.outputs[0].channels
        let parameters = try Self.parameters(
          [model.type(of: operand).channels, units], kernel, bias)
        return try Self.add(
          node.operation, source, parameters, layer: node.layer, to: &graph)
      }
      guard index == replaced.node else { return nil }
      switch replacement {
      case .identity: return places[operand].map { [$0] }
      case .shortcut(let side): return [inputs[side]]
      case .projection(let steps, let crop):
        guard let source = places[operand] else { return nil }
        return try project(source, steps, crop, node, model, kernel, bias, &graph)
      case .direct: return nil
      }
    }.pruned()
    guard
      let node = result.nodes.firstIndex(where: { node in
        node.inputs.count > 1 && result.parameter(node.inputs[1])?.name == kernel
      })
    else { return result }
    var target = replaced
    if case .direct(let next) = replacement { target = Value(node: next) }
    let task = LayerFit.Task(
      node: node, kernel: kernel, bias: bias, target: target, channels: nil, staysNear: false)
    return try fit.fit(task, in: result, to: model)?.0
  }

  private func project(
    _ source: Value, _ steps: [Int], _ crop: [Int], _ node: Node, _ model: Graph,
    _ kernel: String, _ bias: String, _ graph: inout Graph
  ) throws -> [Value] {
    let layer = "\(path)/projection"
    let image = model.type(of: operand).dimensions
    let output = node.outputs[0].dimensions
    var source = source
    if crop != [0, 0] {
      let extents = (0..<2).map { (output[$0] - 1) * steps[$0] + 1 }
      source = try graph.add(
        one: Slice(starts: crop + [0], extents: extents + [image[2]]), [source], layer: layer)
    }
    let window = try Window2D(Conv2D.name, size: [1, 1], strides: steps)
    let parameters = try Self.parameters([1, 1, image[2], output[2]], kernel, bias)
    return try Self.add(Conv2D(window), source, parameters, layer: layer, to: &graph)
  }

  /// Zeros to be fitted.
  private static func parameters(_ dimensions: [Int], _ kernel: String, _ bias: String) throws
    -> [Parameter]
  {
    [
      try Parameter(kernel, Tensor(zeros: Shape(dimensions))),
      try Parameter(bias, Tensor(zeros: Shape([dimensions.last ?? 1]))),
    ]
  }

  private static func add(
    _ operation: any Operation, _ source: Value, _ parameters: [Parameter], layer: String,
    to graph: inout Graph
  ) throws -> [Value] {
    let operands = try parameters.map { try graph.add(parameter: $0, layer: layer) }
    return try graph.add(operation, [source] + operands, layer: layer)
  }
}
