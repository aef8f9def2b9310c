import WaneTensor

extension Tensor {
  /// Einstein's sum: `"ij,jk->ik"` is a matrix product, `"ii->"` a trace, `"bij->bji"` a transpose.
  ///
  /// Each operand has a letter an axis. Letters that the result lacks are summed over. Without an
  /// arrow the result has the letters that occur once, in alphabetical order. Operands meet from left
  /// to right, each pair in one matrix product.
  ///
  /// - Throws: when the letters do not fit the operands or their extents differ.
  public static func einsum(_ equation: String, _ operands: [Tensor]) throws -> Tensor {
    let letters = try EinsumLetters(equation, extents: operands.map(\.shape.dimensions))
    var terms = try zip(operands, letters.inputs).map { tensor, axes in
      try EinsumTerm(tensor, axes).withDiagonals()
    }
    var result = terms.removeFirst()
    while !terms.isEmpty {
      let next = terms.removeFirst()
      let later = Set(terms.flatMap(\.axes)).union(letters.output)
      result = try EinsumTerm.product(
        result.summed(keeping: later.union(next.axes)),
        next.summed(keeping: later.union(result.axes)), keeping: later)
    }
    result = try result.summed(keeping: Set(letters.output))
    return try result.ordered(letters.output).tensor
  }
}

/// A tensor whose axes have letters.
private struct EinsumTerm {
  var tensor: Tensor
  var axes: [Character]

  init(_ tensor: Tensor, _ axes: [Character]) {
    self.tensor = tensor
    self.axes = axes
  }

  /// Axes of one letter become one axis: the diagonal.
  func withDiagonals() throws -> EinsumTerm {
    var term = self
    while let second = term.axes.indices.first(where: {
      term.axes.firstIndex(of: term.axes[$0]) != $0
    }), let first = term.axes.firstIndex(of: term.axes[second]) {
      let others = term.axes.indices.filter { $0 != first && $0 != second }
      let moved = try term.tensor.permuted([first, second] + others)
      let extent = moved.shape[0]
      let rest = moved.shape.dimensions.dropFirst(2)
      // Element (i, i) of a square is element i (extent + 1) of its rows.
      let rows = try moved.reshaped(Shape([extent * extent] + rest))
      let diagonal = try rows.selecting(
        [AxisSelection(start: 0, count: extent, step: extent + 1)], for: "einsum")
      term = EinsumTerm(diagonal, [term.axes[second]] + others.map { term.axes[$0] })
    }
    return term
  }

  /// Without the axes whose letter is of no further use.
  func summed(keeping letters: Set<Character>) throws -> EinsumTerm {
    let gone = axes.indices.filter { !letters.contains(axes[$0]) }
    if gone.isEmpty { return self }
    return EinsumTerm(
      try tensor.reduced(.sum, axes: gone), axes.filter { letters.contains($0) })
  }

  func ordered(_ letters: [Character]) throws -> EinsumTerm {
    let order = letters.compactMap { axes.firstIndex(of: $0) }
    return EinsumTerm(try tensor.permuted(order), letters)
  }

  private func extent(_ letters: [Character]) -> Int {
    letters.reduce(1) { $0 * (axes.firstIndex(of: $1).map { tensor.shape[$0] } ?? 1) }
  }

  /// Two terms as (batches of) matrices: shared letters that stay are batches, others are summed.
  static func product(
    _ a: EinsumTerm, _ b: EinsumTerm, keeping letters: Set<Character>
  ) throws -> EinsumTerm {
    let shared = a.axes.filter { b.axes.contains($0) }
    let batch = shared.filter { letters.contains($0) }
    let summed = shared.filter { !letters.contains($0) }
    let rows = a.axes.filter { !shared.contains($0) }
    let columns = b.axes.filter { !shared.contains($0) }
    let left = try a.ordered(batch + rows + summed)
    let right = try b.ordered(batch + summed + columns)
    let count = a.extent(batch)
    let x = try left.tensor.reshaped(Shape([count, a.extent(rows), a.extent(summed)]))
    let y = try right.tensor.reshaped(Shape([count, b.extent(summed), b.extent(columns)]))
    let axes = batch + rows + columns
    let extents = (batch + rows).map { a.extent([$0]) } + columns.map { b.extent([$0]) }
    return EinsumTerm(try x.matrixProduct(y).reshaped(Shape(extents)), axes)
  }
}
