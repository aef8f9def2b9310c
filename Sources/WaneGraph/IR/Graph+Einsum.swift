import WaneTensor

extension Graph {
  /// Appends Einstein's sum, as `Tensor.einsum` has it.
  ///
  /// The batch is the first axis of its operands, and of the result unless it is summed over.
  ///
  /// - Throws: when the letters do not fit the operands, or name the batch anywhere else.
  public mutating func einsum(_ equation: String, _ operands: [Value], layer: String = "") throws
    -> Value
  {
    let types = operands.map(type(of:))
    let letters = try EinsumLetters(
      equation, extents: types.map { ($0.isBatched ? [-1] : []) + $0.dimensions })
    let batches = Set(zip(types, letters.inputs).compactMap { $0.isBatched ? $1.first : nil })
    guard batches.count <= 1 else {
      throw WaneError(
        "einsum", "the batch has one letter, got '\(String(batches.sorted()))' in '\(equation)'")
    }
    let batch = batches.first
    var output = letters.output
    let keepsBatch = batch.map { output.contains($0) } ?? false
    guard !keepsBatch || output.first == batch else {
      throw WaneError("einsum", "the batch stays the first axis, in '\(equation)'")
    }
    if keepsBatch { output.removeFirst() }

    var terms = try zip(operands, letters.inputs).map { value, axes in
      try EinsumValue(value, axes.filter { $0 != batch }).withDiagonals(&self, layer)
    }
    var result = terms.removeFirst()
    while !terms.isEmpty {
      let next = terms.removeFirst()
      let later = Set(terms.flatMap(\.axes)).union(output)
      let left = try result.summed(keeping: later.union(next.axes), &self, layer)
      let right = try next.summed(keeping: later.union(result.axes), &self, layer)
      result = try EinsumValue.product(
        left, right, keeping: later, sumsBatch: terms.isEmpty && !keepsBatch, &self, layer)
    }
    result = try result.summed(keeping: Set(output), &self, layer)
    if !keepsBatch, type(of: result.value).isBatched {
      let sum = Reduce(.sum, axes: [], overBatch: true)
      result.value = try add(one: sum, [result.value], layer: layer)
    }
    return try result.ordered(output, &self, layer).value
  }
}

/// A value whose axes have letters, but for the batch.
private struct EinsumValue {
  var value: Value
  var axes: [Character]

  init(_ value: Value, _ axes: [Character]) {
    self.value = value
    self.axes = axes
  }

  /// Axes of one letter become one axis: the diagonal.
  func withDiagonals(_ graph: inout Graph, _ layer: String) throws -> EinsumValue {
    var term = self
    while let second = term.axes.indices.first(where: {
      term.axes.firstIndex(of: term.axes[$0]) != $0
    }), let first = term.axes.firstIndex(of: term.axes[second]) {
      let others = term.axes.indices.filter { $0 != first && $0 != second }
      let moved = try graph.add(
        one: Transpose([first, second] + others), [term.value], layer: layer)
      let extents = graph.type(of: moved).dimensions
      let (extent, rest) = (extents[0], Array(extents.dropFirst(2)))
      // Element (i, i) of a square is element i (extent + 1) of its rows.
      let rows = try graph.reshape(moved, [extent * extent] + rest, layer: layer)
      let slice = Slice(
        starts: [0] + rest.map { _ in 0 }, extents: [extent] + rest,
        steps: [extent + 1] + rest.map { _ in 1 })
      let diagonal = try graph.add(one: slice, [rows], layer: layer)
      term = EinsumValue(diagonal, [term.axes[second]] + others.map { term.axes[$0] })
    }
    return term
  }

  /// Without the axes whose letter is of no further use.
  func summed(keeping letters: Set<Character>, _ graph: inout Graph, _ layer: String) throws
    -> EinsumValue
  {
    let gone = axes.indices.filter { !letters.contains(axes[$0]) }
    if gone.isEmpty { return self }
    return EinsumValue(
      try graph.add(one: Reduce(.sum, axes: gone), [value], layer: layer),
      axes.filter { letters.contains($0) })
  }

  func ordered(_ letters: [Character], _ graph: inout Graph, _ layer: String) throws -> EinsumValue
  {
    if letters == axes { return self }
    let order = letters.compactMap { axes.firstIndex(of: $0) }
    return EinsumValue(
      try graph.add(one: Transpose(order), [value], layer: layer), letters)
  }

  /// Two terms as (batches of) matrices: shared letters that stay are batches, others are summed.
  ///
  /// With `sumsBatch`, samples may be summed over as well; otherwise each has its product.
  static func product(
    _ a: EinsumValue, _ b: EinsumValue, keeping letters: Set<Character>, sumsBatch: Bool,
    _ graph: inout Graph, _ layer: String
  ) throws -> EinsumValue {
    let shared = a.axes.filter { b.axes.contains($0) }
    let batch = shared.filter { letters.contains($0) }
    let summed = shared.filter { !letters.contains($0) }
    let rows = a.axes.filter { !shared.contains($0) }
    let columns = b.axes.filter { !shared.contains($0) }
    func extents(_ term: EinsumValue, _ letters: [Character]) -> [Int] {
      letters.compactMap { letter in
        term.axes.firstIndex(of: letter).map { graph.type(of: term.value).dimensions[$0] }
      }
    }
    func size(_ term: EinsumValue, _ letters: [Character]) -> Int {
      extents(term, letters).reduce(1, *)
    }
    let (m, k, n) = (size(a, rows), size(a, summed), size(b, columns))
    let result = extents(a, batch + rows) + extents(b, columns)
    let product: Value
    if sumsBatch, batch.isEmpty, graph.type(of: a.value).isBatched,
      graph.type(of: b.value).isBatched
    {
      let x = try a.ordered(summed + rows, &graph, layer).value
      let y = try b.ordered(summed + columns, &graph, layer).value
      product = try graph.add(
        one: RowProduct(),
        [graph.reshape(x, [k, m], layer: layer), graph.reshape(y, [k, n], layer: layer)],
        layer: layer)
    } else {
      let count = size(a, batch)
      let x = try a.ordered(batch + rows + summed, &graph, layer).value
      let y = try b.ordered(batch + summed + columns, &graph, layer).value
      product = try graph.add(
        one: MatMul(),
        [
          graph.reshape(x, [count, m, k], layer: layer),
          graph.reshape(y, [count, k, n], layer: layer),
        ], layer: layer)
    }
    return EinsumValue(
      try graph.reshape(product, result, layer: layer), batch + rows + columns)
  }
}
