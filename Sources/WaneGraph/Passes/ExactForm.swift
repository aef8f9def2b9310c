import WaneTensor

extension Graph {
  /// The form for training in which layers on rounded values compute what the compiled model will.
  ///
  /// A convolution or dense layer whose operand and weights lie on grids becomes an `ExactLayer`, and
  /// where its result is rounded and nothing else, the `Quantize` behind it a `RoundToGrid`: exactly
  /// the places where `integerForm` has integers. Grids that move (`movingRanges`) become
  /// `LearnedRange`, whose factors are read by name. The rest stays as it is.
  func exactForm() throws -> Graph {
    guard nodes.contains(where: { $0.operation is Quantize || $0.operation is DynamicQuantize })
    else { return self }
    let users = users()
    let isOutput = Set(outputs.map(\.node))
    var origins: [Value: ValueGrid] = [:]
    var counted = Set<Int>()
    var factors: [String: Value] = [:]
    func factor(_ range: MovingRange, _ layer: String, _ graph: inout Graph) throws -> Value {
      if let known = factors[range.variable] { return known }
      let read = ParameterRead(name: range.variable, dimensions: [1])
      let value = try graph.add(one: read, [], layer: layer)
      factors[range.variable] = value
      return value
    }
    return try rewritten { index, node, inputs, graph in
      switch node.operation {
      case let quantize as Quantize:
        if let range = quantize.range {
          let factor = try factor(range, node.layer, &graph)
          origins[Value(node: index)] = .moving(quantize.grid, factor)
          let learned = LearnedRange(
            quantize.grid, range.rule, isCounted: counted.contains(index))
          return try graph.add(learned, [inputs[0], factor], layer: node.layer)
        }
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
        let step = try target?.rounding.range.map { try factor($0, node.layer, &graph) }
        let value = try graph.add(
          exact.make(output: target?.rounding), inputs, on: grid, step: step, layer: node.layer)
        guard exact.isReLUFused else { return [value] }
        return try graph.add(Activation(.relu), [value], layer: node.layer)
      }
    }
  }

  /// The node that rounds the result of a layer, rectified or not, when that is all that happens to
  /// it.
  private func quantize(after index: Int, _ users: [[Int]], _ isOutput: Set<Int>)
    -> (node: Int, rounding: Quantize)?
  {
    var index = index
    while users[index].count == 1, !isOutput.contains(index) {
      index = users[index][0]
      if let quantize = nodes[index].operation as? Quantize { return (index, quantize) }
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
  ///   - step: the factor of the grid behind it, where that moves.
  ///   - path: the layer's path.
  /// - Returns: its result.
  /// - Throws: when the operands do not fit.
  mutating func add(
    _ layer: ExactLayer, _ operands: [Value], on grid: ValueGrid, step: Value? = nil,
    layer path: String
  ) throws -> Value {
    let factors = step.map { [$0] } ?? []
    return switch grid {
    case .fixed: try add(one: layer, operands + factors, layer: path)
    case .own(_, let value), .moving(_, let value):
      try add(one: layer, operands + [value] + factors, layer: path)
    }
  }
}

/// The grid on which a value's numbers lie.
enum ValueGrid: Equatable {
  /// One for all samples.
  case fixed(ActivationGrid)
  /// One for all samples that training moves; where its factor is.
  case moving(ActivationGrid, Value)
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
  ///
  /// - Parameter output: what rounds the result, and nothing else; nil when something else reads it.
  /// - Returns: the operation.
  func make(output: Quantize?) -> ExactLayer {
    let (grid, bits, moves): (ActivationGrid?, Int, Bool) =
      switch input {
      case .fixed(let grid): (grid, grid.bits, false)
      case .moving(let grid, _): (grid, grid.bits, true)
      case .own(let bits, _): (nil, bits, false)
      }
    return ExactLayer(
      form: form, input: grid, inputBits: bits, output: output?.grid, weights: weights,
      hasBias: hasBias, movesInput: moves, movesOutput: output?.range != nil)
  }
}
