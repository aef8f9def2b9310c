import WaneTensor

/// What an operation's gradient rule is given: its operands, its results, and the gradients of the
/// results.
public struct GradientContext {
  /// The graph under construction; rules append to it.
  public var graph: Graph
  /// The operands.
  public let inputs: [Value]
  /// The results.
  public let outputs: [Value]
  /// The gradient of each result; nil when the loss does not depend on it.
  public let outputGradients: [Value?]
  /// The layer of the node.
  public let layer: String
  let isNeeded: [Bool]

  /// Whether the gradient of that operand is of any use.
  public func needs(_ input: Int) -> Bool { isNeeded[input] }

  /// Appends a backward node with one result.
  public mutating func add(_ operation: any Operation, _ inputs: [Value]) throws -> Value {
    try graph.add(one: operation, inputs, layer: layer)
  }

  /// Appends a backward node.
  public mutating func add(all operation: any Operation, _ inputs: [Value]) throws -> [Value] {
    try graph.add(operation, inputs, layer: layer)
  }
}

extension Graph {
  /// Appends nodes that compute gradients of a scalar by reverse accumulation.
  ///
  /// A loss that is a mean over the batch is written as a sum over samples divided by the batch
  /// size, so the gradients of the shards of a batch add up to that of the whole.
  ///
  /// - Parameters:
  ///   - scalar: the value to differentiate; it has no axes.
  ///   - targets: with respect to what.
  /// - Returns: a gradient for each target; nil where the scalar does not depend on it.
  /// - Throws: when the scalar is not one, or an operation on the way has no gradient.
  public mutating func gradients(of scalar: Value, withRespectTo targets: [Value]) throws
    -> [Value?]
  {
    let type = type(of: scalar)
    guard !type.isBatched, type.sampleCount == 1, type.dtype == .f32 else {
      throw WaneError("gradient", "only a scalar can be differentiated, got \(type)")
    }
    let one = try add(one: Ones(dimensions: type.dimensions), [])
    return try gradients(from: [(scalar, one)], withRespectTo: targets)
  }

  /// Appends nodes that carry gradients of values back to what the values are made of.
  ///
  /// - Parameters:
  ///   - seeds: values, and the gradient of something with respect to each.
  ///   - targets: with respect to what.
  /// - Returns: a gradient for each target; nil where no value depends on it.
  /// - Throws: when an operation on the way has no gradient.
  mutating func gradients(
    from seeds: [(value: Value, gradient: Value)], withRespectTo targets: [Value]
  ) throws -> [Value?] {
    guard let end = seeds.map(\.value.node).max() else { return targets.map { _ in nil } }
    var dependsOnTarget = [Bool](repeating: false, count: end + 1)
    for target in targets where target.node <= end { dependsOnTarget[target.node] = true }
    for index in 0...end where nodes[index].inputs.contains(where: { dependsOnTarget[$0.node] }) {
      dependsOnTarget[index] = true
    }

    var gradients: [Value: Value] = [:]
    for (value, gradient) in seeds {
      let sum = try gradients[value].map { try add(one: Add(), [$0, gradient]) }
      gradients[value] = sum ?? gradient
    }
    let targetSet = Set(targets)
    for index in stride(from: end, through: 0, by: -1) where dependsOnTarget[index] {
      let node = nodes[index]
      let outputs = node.outputs.indices.map { Value(node: index, output: $0) }
      let outputGradients = outputs.map { gradients[$0] }
      guard outputGradients.contains(where: { $0 != nil }), !node.inputs.isEmpty else { continue }
      if outputs.allSatisfy(targetSet.contains),
        !node.inputs.contains(where: { dependsOnTarget[$0.node] })
      {
        continue
      }
      var context = GradientContext(
        graph: self, inputs: node.inputs, outputs: outputs, outputGradients: outputGradients,
        layer: node.layer, isNeeded: node.inputs.map { dependsOnTarget[$0.node] })
      // The context holds the graph while the rule appends to it.
      self = Graph()
      let inputGradients: [Value?]
      do {
        inputGradients = try node.operation.gradient(&context)
      } catch let error as WaneError {
        throw error.inLayer(node.layer)
      }
      self = context.graph
      for (input, gradient) in zip(node.inputs, inputGradients) {
        guard let gradient, dependsOnTarget[input.node] else { continue }
        if let sum = gradients[input] {
          gradients[input] = try add(one: Add(), [sum, gradient], layer: node.layer)
        } else {
          gradients[input] = gradient
        }
      }
    }
    return targets.map { gradients[$0] }
  }
}
