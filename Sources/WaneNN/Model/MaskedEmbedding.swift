import WaneGraph
import WaneTensor

/// Appends a model to a graph whose inputs have masks, as if its layers were applied to them one by one.
///
/// A model is built without knowing of masks that come from outside. Operations that pass over masked
/// steps get the mask as an operand here; those that treat each step by itself hand it on.
struct MaskedEmbedding {
  private let model: Graph
  private let path: String
  private var builder: LayerBuilder
  /// What stands in the outer graph for values of the model.
  private var values: [Value: Value] = [:]
  /// Values that are sequences laid out as images of one row, and the mask of their steps.
  private var rows: [Value: Value] = [:]
  /// Paths of the forward halves of bidirectional layers, whose result is zero at masked steps.
  private let halves: Set<String>

  /// Begins with the inputs of the model.
  ///
  /// - Parameters:
  ///   - model: what is appended.
  ///   - builder: the outer graph, with the masks.
  ///   - inputs: one value an input.
  init(_ model: Graph, _ builder: LayerBuilder, inputs: [Value]) {
    self.model = model
    self.builder = builder
    path = builder.path
    values = Dictionary(zip(model.inputs, inputs)) { first, _ in first }
    halves = Set(
      model.nodes.compactMap { node in
        guard let recurrence = (node.operation as? any RecurrentOperation)?.recurrence,
          recurrence.direction == .backwardAligned, recurrence.returnsSequences,
          node.layer.hasSuffix("/backward")
        else { return nil }
        return node.layer.dropLast("backward".count) + "forward"
      })
  }

  /// Appends all.
  ///
  /// - Returns: the outer graph, and what stands for each output of the model.
  /// - Throws: when an operand is missing or does not fit.
  mutating func append() throws -> (builder: LayerBuilder, outputs: [Value]) {
    for (index, node) in model.nodes.enumerated() where !(node.operation is Input) {
      let results: [Value]
      if let read = node.operation as? ParameterRead {
        results = [
          try builder.graph.read(
            read.name, of: model, under: path, layer: "\(path)/\(node.layer)")
        ]
      } else {
        let operands = node.inputs.compactMap { values[$0] }
        guard operands.count == node.inputs.count else {
          throw WaneError("model", "an operand of '\(node.layer)' is missing")
        }
        results = try append(node, operands)
      }
      for (output, value) in results.enumerated() {
        values[Value(node: index, output: output)] = value
      }
    }
    let outputs = try model.outputs.map { output in
      guard let value = values[output] else { throw WaneError("model", "has no output") }
      return value
    }
    return (builder, outputs)
  }

  private mutating func add(_ operation: any Operation, _ operands: [Value], _ layer: String) throws
    -> [Value]
  {
    try builder.addAll(operation, operands, part: layer)
  }

  private mutating func append(_ node: Node, _ operands: [Value]) throws -> [Value] {
    let mask = operands.first.flatMap(builder.mask)
    switch node.operation {
    case let operation as any RecurrentOperation:
      return try appendRecurrence(operation, node, operands, mask)
    case let attention as Attention: return try appendAttention(attention, node, operands)
    case is BatchNorm:
      guard let mask else { break }
      let x = try add(Masked(), [operands[0], mask], node.layer)[0]
      return try handing(mask, to: add(node.operation, [x] + operands[1...], node.layer))
    case let concat as Concat:
      let results = try add(concat, operands, node.layer)
      return try handing(joined(operands, along: concat.axis, node.layer), to: results)
    case is AveragePool2D:
      guard let mask = operands.first.flatMap({ rows[$0] }),
        let mean = try mean(node, operands[0], mask)
      else { break }
      return [mean]
    case is Reshape:
      let results = try add(node.operation, operands, node.layer)
      if let mask, let given = operands.first.map(builder.type),
        builder.type(results[0]).dimensions == [1] + given.dimensions
      {
        rows[results[0]] = mask
      }
      return results
    default: break
    }
    let results = try add(node.operation, operands, node.layer)
    guard node.operation.isStepwise else { return results }
    let sequences = node.operation.mergesOperands ? operands : Array(operands.prefix(1))
    return try handing(builder.mask(ofAny: sequences), to: results)
  }

  /// The results, the first of which has a mask.
  private mutating func handing(_ mask: Value?, to results: [Value]) -> [Value] {
    if let mask, let first = results.first { builder.set(mask, of: first) }
    return results
  }

  private mutating func appendRecurrence(
    _ operation: any RecurrentOperation, _ node: Node, _ operands: [Value], _ mask: Value?
  ) throws -> [Value] {
    var form = operation.recurrence.form
    var operands = operands
    let own = form.isMasked ? operands.last : nil
    if own == nil, let mask {
      form.isMasked = true
      form.zeroesMasked =
        form.zeroesMasked || halves.contains(node.layer)
        || (operation.recurrence.direction == .backwardAligned
          && operation.recurrence.returnsSequences)
      operands.append(mask)
    }
    let results = try add(operation.with(form: form), operands, node.layer)
    return handing(operation.recurrence.returnsSequences ? own ?? mask : nil, to: results)
  }

  private mutating func appendAttention(
    _ attention: Attention, _ node: Node, _ operands: [Value]
  ) throws -> [Value] {
    let query = builder.mask(of: operands[0])
    guard operands.count == 3 else {
      return handing(query, to: try add(attention, operands, node.layer))
    }
    let keys = Set([operands[1], operands[2]].compactMap(builder.mask)).sorted {
      $0.node < $1.node
    }
    let both = try keys.dropFirst().reduce(keys.first) { product, mask in
      try product.map { try add(Binary(.multiply), [$0, mask], node.layer)[0] }
    }
    let masked = try attention.with(masksQueries: query != nil, masksKeys: both != nil)
    let results = try add(masked, operands + [query, both].compactMap { $0 }, node.layer)
    return handing(query, to: results)
  }

  /// The mask of values that are joined along an axis.
  private mutating func joined(_ operands: [Value], along axis: Int, _ layer: String) throws
    -> Value?
  {
    guard operands.allSatisfy({ builder.type($0).dimensions.count == 2 }) else { return nil }
    guard axis == 0, operands.contains(where: { builder.mask(of: $0) != nil }) else {
      return try builder.mask(ofAny: operands)
    }
    let masks = try operands.map { operand in
      if let mask = builder.mask(of: operand) { return mask }
      let one = try add(Constant(1), [], layer)[0]
      let steps = builder.type(operand).dimensions[0]
      return try add(BroadcastTo([steps]), [one, operand], layer)[0]
    }
    return try add(Concat(axis: 0), masks, layer)[0]
  }

  /// The mean of the steps of a row that count, where a pool is over all of them; nil where it is not.
  private mutating func mean(_ node: Node, _ row: Value, _ mask: Value) throws -> Value? {
    let channels = builder.type(row).channels
    guard node.outputs[0].dimensions == [1, 1, channels] else { return nil }
    let steps = builder.type(mask).dimensions[0]
    let column = try add(Reshape([1, steps, 1]), [mask], node.layer)[0]
    let counted = try add(Binary(.multiply), [row, column], node.layer)[0]
    let sum = try add(Reduce(.sum, axes: [1], keepingAxes: true), [counted], node.layer)[0]
    let count = try add(Reduce(.sum, axes: [1], keepingAxes: true), [column], node.layer)[0]
    let atLeastOne = try add(Clip(low: 1), [count], node.layer)[0]
    return try add(Binary(.divide), [sum, atLeastOne], node.layer)[0]
  }
}

extension Operation {
  /// Whether each step of a sequence is treated by itself, as layers do that hand on masks.
  fileprivate var isStepwise: Bool {
    switch self {
    case is Dense, is Activation, is Unary, is PReLU, is Dropout, is SpatialDropout,
      is GaussianNoise,
      is Rescale, is Standardize, is SampleNorm, is Softmax, is Clip:
      true
    default: mergesOperands
    }
  }

  /// Whether operands are merged that each are a sequence.
  fileprivate var mergesOperands: Bool { self is Add || self is Binary }
}
