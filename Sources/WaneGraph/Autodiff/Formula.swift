import WaneTensor

/// A graph to which formulas are appended, a line an operation.
///
/// Kernels compute a layer and its gradient in one go; a formula says the same with operations that
/// have gradients themselves, for derivatives of second order and beyond.
struct Formula {
  /// The graph that grows.
  var graph: Graph
  /// The layer the nodes belong to.
  let layer: String

  /// Appends a node with one result.
  mutating func add(_ operation: any Operation, _ inputs: Value...) throws -> Value {
    try graph.add(one: operation, inputs, layer: layer)
  }

  /// The extents of a value, of a sample when there is a batch.
  func dimensions(_ value: Value) -> [Int] { graph.type(of: value).dimensions }

  mutating func sum(_ a: Value, _ b: Value) throws -> Value { try add(Binary(.add), a, b) }

  mutating func difference(_ a: Value, _ b: Value) throws -> Value {
    try add(Binary(.subtract), a, b)
  }

  mutating func product(_ a: Value, _ b: Value) throws -> Value { try add(Binary(.multiply), a, b) }

  mutating func quotient(_ a: Value, _ b: Value) throws -> Value { try add(Binary(.divide), a, b) }

  /// `scale * x + offset`.
  mutating func affine(_ x: Value, _ scale: Float, _ offset: Float = 0) throws -> Value {
    try add(Rescale(scale: scale, offset: offset), x)
  }

  mutating func function(_ kind: ElementFunction, _ x: Value) throws -> Value {
    try add(Unary(kind), x)
  }

  /// A value of the type of another, the same number everywhere.
  mutating func filled(_ number: Float, like other: Value) throws -> Value {
    let type = graph.type(of: other)
    let constant = try add(Constant(number))
    guard type.isBatched else { return try add(BroadcastTo(type.dimensions), constant) }
    return try add(BroadcastTo(type.dimensions), constant, other)
  }

  /// The same value as one that depends on nothing: what partial derivatives are taken by.
  mutating func leaf(_ value: Value) throws -> Value {
    try add(Reshape(dimensions(value)), value)
  }

  /// Over the axes, which stay with an extent of one.
  mutating func total(_ kind: Reduction, _ x: Value, _ axes: [Int], overBatch: Bool = false) throws
    -> Value
  {
    try add(Reduce(kind, axes: axes, overBatch: overBatch, keepingAxes: true), x)
  }

  /// Positions `start ..< start + count` of the last axis.
  mutating func columns(_ x: Value, from start: Int, count: Int) throws -> Value {
    var extents = dimensions(x)
    var starts = [Int](repeating: 0, count: extents.count)
    starts[extents.count - 1] = start
    extents[extents.count - 1] = count
    return try add(Slice(starts: starts, extents: extents), x)
  }
}

extension GradientContext {
  /// Appends what `body` writes.
  mutating func formula<Result>(_ body: (inout Formula) throws -> Result) throws -> Result {
    var formula = Formula(graph: graph, layer: layer)
    // The formula holds the graph while it grows.
    graph = Graph()
    defer { graph = formula.graph }
    return try body(&formula)
  }

  /// The gradients of the operands of a node whose result a formula computes as well.
  ///
  /// - Parameters:
  ///   - operands: what the formula is given.
  ///   - body: the formula; what it returns stands for the first results of the node.
  /// - Returns: a gradient for each operand; nil where there is none.
  /// - Throws: when a node cannot be added, or has no gradient.
  mutating func gradients(
    _ operands: [Value], of body: (inout Formula, [Value]) throws -> [Value]
  ) throws -> [Value?] {
    let given = outputGradients
    return try formula { formula in
      let leaves = try operands.map { try formula.leaf($0) }
      let results = try body(&formula, leaves)
      let seeds = zip(results, given).compactMap { result, gradient in
        gradient.map { (value: result, gradient: $0) }
      }
      return try formula.graph.gradients(from: seeds, withRespectTo: leaves)
    }
  }

  /// The gradients of the operands of a node that itself computes the gradient of a formula.
  ///
  /// - Parameters:
  ///   - dy: the gradient of the formula's result, an operand of the node.
  ///   - operands: the operands of the formula.
  ///   - results: for each result of the node, the operand whose gradient it is.
  ///   - body: the formula.
  /// - Returns: the gradient of `dy`, then of each operand; nil where there is none.
  /// - Throws: when a node cannot be added, or has no gradient.
  mutating func secondGradients(
    dy: Value, operands: [Value], results: [Int],
    of body: (inout Formula, [Value]) throws -> Value
  ) throws -> [Value?] {
    let slope = try formula { try $0.leaf(dy) }
    return try gradients([slope] + operands) { formula, leaves in
      let operands = Array(leaves[1...])
      let y = try body(&formula, operands)
      let first = try formula.graph.gradients(
        from: [(y, leaves[0])], withRespectTo: operands)
      return try results.map { operand in
        try first[operand] ?? formula.filled(0, like: operands[operand])
      }
    }
  }
}
