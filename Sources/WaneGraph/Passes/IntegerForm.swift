import WaneTensor

extension Graph {
  /// Replaces what a quantized model computes on rounded floats by integer arithmetic on bytes.
  ///
  /// Values that come from a `Quantize` node, and what only moves them around (pooling, flattening),
  /// become bytes; a convolution or dense layer that has such an operand and weights on an integer
  /// grid becomes an `IntegerLayer`, taking in the rectifier and the rounding that follow it. Floats
  /// and bytes are converted where the two worlds meet. A graph without `Quantize` nodes stays as it
  /// is.
  ///
  /// Call after `fusingReLU`.
  public func integerForm() throws -> Graph {
    guard nodes.contains(where: { $0.operation is Quantize }) else { return self }
    var lowering = IntegerLowering(self)
    return try lowering.run().pruned()
  }
}

/// One run of `Graph.integerForm`.
private struct IntegerLowering {
  /// What stands for a value of the old graph in the new one.
  private struct Forms {
    var floats: Value?
    var bytes: Value?
    var grid: ActivationGrid?
  }

  private let source: Graph
  private let users: [[Int]]
  private let isOutput: Set<Int>
  private var target = Graph()
  private var forms: [Value: Forms] = [:]

  init(_ source: Graph) {
    self.source = source
    users = source.users()
    isOutput = Set(source.outputs.map(\.node))
  }

  mutating func run() throws -> Graph {
    for index in source.nodes.indices {
      let node = source.nodes[index]
      let results = try lower(index, node)
      for (output, form) in results.enumerated() where form.floats != nil || form.bytes != nil {
        forms[Value(node: index, output: output)] = form
      }
    }
    target.outputs = try source.outputs.map { try floats($0, layer: "") }
    return target
  }

  private mutating func lower(_ index: Int, _ node: Node) throws -> [Forms] {
    switch node.operation {
    case let quantize as Quantize:
      return [try lower(quantize, node)]
    case is MaxPool2D, is Reshape:
      guard let form = forms[node.inputs[0]], let bytes = form.bytes else { break }
      let producer = target.producer(of: bytes)
      if let pool = node.operation as? MaxPool2D, users[node.inputs[0].node] == [index],
        !isOutput.contains(node.inputs[0].node),
        let fused = (producer.operation as? IntegerLayer)?.fusing(pool.window)
      {
        let value = try target.add(one: fused, producer.inputs, layer: producer.layer)
        return [Forms(bytes: value, grid: form.grid)]
      }
      let value = try target.add(node.operation, [bytes], layer: node.layer)[0]
      return [Forms(bytes: value, grid: form.grid)]
    case let conv as Conv2D where conv.groups == 1:
      if let result = try lower(index, node, window: conv.window, relu: conv.isReLUFused) {
        return [result]
      }
    case let dense as Dense where node.outputs[0].dimensions.count == 1:
      if let result = try lower(index, node, window: nil, relu: dense.isReLUFused) {
        return [result]
      }
    default: break
    }
    let inputs = try node.inputs.map { try floats($0, layer: node.layer) }
    return try target.copy(node, inputs, of: source).map { Forms(floats: $0) }
  }

  private mutating func lower(_ quantize: Quantize, _ node: Node) throws -> Forms {
    let input = node.inputs[0]
    // A layer that already rounds to this grid made the bytes itself.
    if let form = forms[input], let bytes = form.bytes, form.grid == quantize.grid {
      return Forms(bytes: bytes, grid: form.grid)
    }
    // Bytes that are scaled and then rounded to the same scale were right from the start.
    let producer = source.producer(of: input)
    if let rescale = producer.operation as? Rescale, rescale.offset == 0, quantize.grid.zero == 0,
      quantize.grid.bits == 8, rescale.scale == quantize.grid.scale,
      source.type(of: producer.inputs[0]).dtype == .u8,
      let raw = forms[producer.inputs[0]]?.floats
    {
      return Forms(bytes: raw, grid: quantize.grid)
    }
    let bytes = try target.add(
      one: ToBytes(quantize.grid), [floats(input, layer: node.layer)], layer: node.layer)
    return Forms(bytes: bytes, grid: quantize.grid)
  }

  private mutating func lower(_ index: Int, _ node: Node, window: Window2D?, relu: Bool) throws
    -> Forms?
  {
    guard let form = forms[node.inputs[0]], let bytes = form.bytes, let grid = form.grid,
      source.parameter(node.inputs[1])?.isOnIntegerGrid == true,
      node.inputs.count == 2 || source.parameter(node.inputs[2]) != nil
    else { return nil }
    let parameters = try node.inputs[1...].map { try floats($0, layer: node.layer) }
    // When all that happens to the result is that it is rounded to one grid, round here.
    var output: ActivationGrid?
    if users[index].count == 1, !isOutput.contains(index),
      let quantize = source.nodes[users[index][0]].operation as? Quantize
    {
      output = quantize.grid
    }
    let layer = IntegerLayer(window: window, input: grid, output: output, isReLUFused: relu)
    let value = try target.add(one: layer, [bytes] + parameters, layer: node.layer)
    return output == nil ? Forms(floats: value) : Forms(bytes: value, grid: output)
  }

  /// The value as floats, converted when it is bytes so far.
  private mutating func floats(_ value: Value, layer: String) throws -> Value {
    guard var form = forms[value] else { throw WaneError("integer form", "a value was lost") }
    if let floats = form.floats { return floats }
    guard let bytes = form.bytes, let grid = form.grid else {
      throw WaneError("integer form", "a value was lost")
    }
    let converted = try target.add(one: FromBytes(grid), [bytes], layer: layer)
    form.floats = converted
    forms[value] = form
    return converted
  }
}
