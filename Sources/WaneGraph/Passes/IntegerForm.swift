import WaneTensor

extension Graph {
  /// Replaces what a quantized model computes on rounded floats by integer arithmetic.
  ///
  /// Values that come from a `Quantize` node of at most 8 bits, and what only moves them around
  /// (pooling, flattening), become bytes; a convolution or dense layer that has such an operand and
  /// weights on a grid of signed bytes becomes an `IntegerLayer`, taking in the rectifier and the
  /// rounding that follow it. Where there is no such form - 16 bits, a grid a sample, groups, 8 bits
  /// with a zero point - an `ExactLayer` computes the same on floats. Floats and bytes are converted
  /// where the two worlds meet. A graph without rounding stays as it is.
  ///
  /// Call after `fusingReLU`.
  public func integerForm() throws -> Graph {
    guard nodes.contains(where: { $0.operation is Quantize || $0.operation is DynamicQuantize })
    else { return self }
    var lowering = IntegerLowering(self)
    return try lowering.run().pruned()
  }

  /// Whether a value is of bytes that a grid leaves as they are.
  func isOfBytes(_ value: Value, _ grid: ActivationGrid) -> Bool {
    let producer = producer(of: value)
    guard let rescale = producer.operation as? Rescale else { return false }
    return rescale.offset == 0 && rescale.scale == grid.scale && grid.zero == 0 && grid.bits == 8
      && type(of: producer.inputs[0]).dtype == .u8
  }
}

/// One run of `Graph.integerForm`.
private struct IntegerLowering {
  /// What stands for a value of the old graph in the new one.
  private struct Forms {
    var floats: Value?
    var bytes: Value?
    var grid: ValueGrid?

    /// The grid of all samples.
    var fixed: ActivationGrid? {
      if case .fixed(let grid) = grid { grid } else { nil }
    }
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
    case let quantize as DynamicQuantize:
      let results = try target.add(
        quantize, [floats(node.inputs[0], layer: node.layer)], layer: node.layer)
      return [
        Forms(floats: results[0], grid: .own(bits: quantize.bits, results[1])),
        Forms(floats: results[1]),
      ]
    case is MaxPool2D, is Reshape:
      guard let form = forms[node.inputs[0]], let grid = form.grid else { break }
      guard let bytes = form.bytes else {
        var results = try copy(node)
        results[0].grid = grid
        return results
      }
      let producer = target.producer(of: bytes)
      if let pool = node.operation as? MaxPool2D, users[node.inputs[0].node] == [index],
        !isOutput.contains(node.inputs[0].node),
        let fused = (producer.operation as? IntegerLayer)?.fusing(pool.window)
      {
        let value = try target.add(one: fused, producer.inputs, layer: producer.layer)
        return [Forms(bytes: value, grid: grid)]
      }
      let value = try target.add(node.operation, [bytes], layer: node.layer)[0]
      return [Forms(bytes: value, grid: grid)]
    case is Conv2D, is Dense:
      if let result = try integerLayer(index, node) ?? exactLayer(index, node) { return [result] }
    default: break
    }
    return try copy(node)
  }

  private mutating func copy(_ node: Node) throws -> [Forms] {
    let inputs = try node.inputs.map { try floats($0, layer: node.layer) }
    return try target.copy(node, inputs, of: source).map { Forms(floats: $0) }
  }

  private mutating func lower(_ quantize: Quantize, _ node: Node) throws -> Forms {
    let input = node.inputs[0]
    // A layer that already rounds to this grid made the codes itself.
    if let form = forms[input], form.fixed == quantize.grid { return form }
    // Bytes that are scaled and then rounded to the same scale were right from the start.
    if source.isOfBytes(input, quantize.grid),
      let raw = forms[source.producer(of: input).inputs[0]]?.floats
    {
      return Forms(bytes: raw, grid: .fixed(quantize.grid))
    }
    let values = try floats(input, layer: node.layer)
    guard quantize.grid.bits <= 8 else {
      return Forms(
        floats: try target.add(one: quantize, [values], layer: node.layer),
        grid: .fixed(quantize.grid))
    }
    let bytes = try target.add(one: ToBytes(quantize.grid), [values], layer: node.layer)
    return Forms(bytes: bytes, grid: .fixed(quantize.grid))
  }

  /// The grid that all of a layer's results are rounded to, when that is all that happens to them.
  private func output(of index: Int) -> ActivationGrid? {
    guard users[index].count == 1, !isOutput.contains(index) else { return nil }
    return (source.nodes[users[index][0]].operation as? Quantize)?.grid
  }

  private mutating func integerLayer(_ index: Int, _ node: Node) throws -> Forms? {
    guard let form = forms[node.inputs[0]], let grid = form.fixed, grid.bits <= 8,
      source.parameter(node.inputs[1])?.isOnIntegerGrid == true,
      node.inputs.count == 2 || source.parameter(node.inputs[2]) != nil
    else { return nil }
    let output = output(of: index)
    if let output, output.bits > 8 { return nil }
    var window: Window2D?
    var isDepthwise = false
    let isReLUFused: Bool
    switch node.operation {
    case let conv as Conv2D:
      window = conv.window
      isReLUFused = conv.isReLUFused
      let channels = source.type(of: node.inputs[0]).channels
      isDepthwise =
        conv.groups > 1 && conv.groups == channels && node.outputs[0].channels == channels
      guard conv.groups == 1 || isDepthwise else { return nil }
    case let dense as Dense: isReLUFused = dense.isReLUFused
    default: return nil
    }
    let bytes = try bytes(node.inputs[0], layer: node.layer)
    let parameters = try node.inputs[1...].map { try floats($0, layer: node.layer) }
    let layer = IntegerLayer(
      window: window, isDepthwise: isDepthwise, input: grid, output: output,
      isReLUFused: isReLUFused)
    let value = try target.add(one: layer, [bytes] + parameters, layer: node.layer)
    return output.map { Forms(bytes: value, grid: .fixed($0)) } ?? Forms(floats: value)
  }

  private mutating func exactLayer(_ index: Int, _ node: Node) throws -> Forms? {
    guard let grid = forms[node.inputs[0]]?.grid, let plan = source.exactLayer(node, grid) else {
      return nil
    }
    let inputs = try node.inputs.map { try floats($0, layer: node.layer) }
    let output = output(of: index)
    var value = try target.add(
      plan.make(output: output.map { Quantize($0) }), inputs, on: grid, layer: node.layer)
    if plan.isReLUFused {
      value = try target.add(one: Activation(.relu), [value], layer: node.layer)
    }
    guard let output else { return Forms(floats: value) }
    value = try target.add(one: RoundToGrid(output), [value], layer: node.layer)
    return Forms(floats: value, grid: .fixed(output))
  }

  /// The value as floats, converted when it is bytes so far.
  private mutating func floats(_ value: Value, layer: String) throws -> Value {
    guard var form = forms[value] else { throw WaneError("integer form", "a value was lost") }
    if let floats = form.floats { return floats }
    guard let bytes = form.bytes, let grid = form.fixed else {
      throw WaneError("integer form", "a value was lost")
    }
    let converted = try target.add(one: FromBytes(grid), [bytes], layer: layer)
    form.floats = converted
    forms[value] = form
    return converted
  }

  /// The value as bytes of its grid, converted when it is floats so far.
  private mutating func bytes(_ value: Value, layer: String) throws -> Value {
    guard var form = forms[value] else { throw WaneError("integer form", "a value was lost") }
    if let bytes = form.bytes { return bytes }
    guard let floats = form.floats, let grid = form.fixed else {
      throw WaneError("integer form", "a value was lost")
    }
    let converted = try target.add(one: ToBytes(grid), [floats], layer: layer)
    form.bytes = converted
    forms[value] = form
    return converted
  }
}
