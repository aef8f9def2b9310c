import WaneTensor

extension Graph {
  /// The form for training in which layers on rounded values compute what the compiled model will.
  ///
  /// A convolution or dense layer whose operand and weights lie on grids becomes an `ExactLayer`, and
  /// where its result is rounded and nothing else, the `Quantize` behind it a `RoundToGrid`: exactly
  /// the places where `integerForm` has integers. The rest stays as it is.
  func exactForm() throws -> Graph {
    guard nodes.contains(where: { $0.operation is Quantize || $0.operation is DynamicQuantize })
    else { return self }
    let users = users()
    let isOutput = Set(outputs.map(\.node))
    var origins: [Value: ValueGrid] = [:]
    var counted = Set<Int>()
    return try rewritten { index, node, inputs, graph in
      switch node.operation {
      case let quantize as Quantize:
        origins[Value(node: index)] = .fixed(quantize.grid)
        guard counted.contains(index) else { return nil }
        return try graph.add(RoundToGrid(quantize.grid), inputs, layer: node.layer)
      case let quantize as DynamicQuantize:
        let results = try graph.add(quantize, inputs, layer: node.layer)
        origins[Value(node: index)] = .own(bits: quantize.bits, results[1])
        return results
      case is MaxPool2D, is Reshape:
        origins[Value(node: index)] = origins[node.inputs[0]]
        return nil
      default:
        guard let grid = origins[node.inputs.first ?? Value(node: index)],
          let exact = exactLayer(node, grid)
        else { return nil }
        let target = quantize(after: index, users, isOutput)
        if let target { counted.insert(target.node) }
        let value = try graph.add(
          exact.make(output: target?.grid), inputs, on: grid, layer: node.layer)
        guard exact.isReLUFused else { return [value] }
        return try graph.add(Activation(.relu), [value], layer: node.layer)
      }
    }
  }

  /// The node that rounds the result of a layer, rectified or not, when that is all that happens to
  /// it.
  private func quantize(after index: Int, _ users: [[Int]], _ isOutput: Set<Int>)
    -> (node: Int, grid: ActivationGrid)?
  {
    var index = index
    while users[index].count == 1, !isOutput.contains(index) {
      index = users[index][0]
      if let quantize = nodes[index].operation as? Quantize { return (index, quantize.grid) }
      guard (nodes[index].operation as? Activation)?.kind == .relu else { return nil }
    }
    return nil
  }

  /// A convolution or dense layer as an `ExactLayer`; nil when its weights are on no grid, or it is
  /// something else.
  func exactLayer(_ node: Node, _ grid: ValueGrid) -> ExactLayerPlan? {
    let form: ExactLayer.Form
    let isReLUFused: Bool
    switch node.operation {
    case let conv as Conv2D:
      form = .convolution(conv.window, groups: conv.groups)
      isReLUFused = conv.isReLUFused
    case let dense as Dense:
      form = .dense
      isReLUFused = dense.isReLUFused
    default: return nil
    }
    guard let weights = parameter(node.inputs[1])?.exactGrid,
      node.inputs.count == 2 || parameter(node.inputs[2]) != nil
    else { return nil }
    return ExactLayerPlan(
      form: form, input: grid, weights: weights, hasBias: node.inputs.count == 3,
      isReLUFused: isReLUFused)
  }

  /// Appends an `ExactLayer`.
  ///
  /// - Parameters:
  ///   - layer: the operation.
  ///   - operands: those of the layer it stands for.
  ///   - grid: that of its first operand, in this graph.
  ///   - path: the layer's path.
  /// - Returns: its result.
  /// - Throws: when the operands do not fit.
  mutating func add(
    _ layer: ExactLayer, _ operands: [Value], on grid: ValueGrid, layer path: String
  ) throws -> Value {
    if case .own(_, let grids) = grid {
      return try add(one: layer, operands + [grids], layer: path)
    }
    return try add(one: layer, operands, layer: path)
  }
}

/// The grid on which a value's numbers lie.
enum ValueGrid: Equatable {
  /// One for all samples.
  case fixed(ActivationGrid)
  /// One a sample; where scales and zero points are.
  case own(bits: Int, Value)
}

/// What is known of an `ExactLayer` before its output is.
struct ExactLayerPlan {
  let form: ExactLayer.Form
  let input: ValueGrid
  let weights: WeightGrid
  let hasBias: Bool
  /// Whether a rectifier has to follow.
  let isReLUFused: Bool

  /// The operation.
  func make(output: ActivationGrid?) -> ExactLayer {
    switch input {
    case .fixed(let grid):
      ExactLayer(
        form: form, input: grid, inputBits: grid.bits, output: output, weights: weights,
        hasBias: hasBias)
    case .own(let bits, _):
      ExactLayer(
        form: form, input: nil, inputBits: bits, output: output, weights: weights,
        hasBias: hasBias)
    }
  }
}
