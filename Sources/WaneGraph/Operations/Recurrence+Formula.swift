import WaneTensor

/// Recurrence as a formula, a few nodes a step, for derivatives of second order.
extension Recurrence {
  /// What the kernel computes.
  ///
  /// - Parameters:
  ///   - formula: what is appended to.
  ///   - operands: those of the operation.
  /// - Returns: the result, the last state, and the last contents of the cells.
  /// - Throws: when a node cannot be added.
  func value(_ formula: inout Formula, _ operands: [Value]) throws -> [Value] {
    let places = RecurrentOperands.forward(self, count: operands.count)
    let steps = formula.dimensions(operands[0])[0]
    let u = operands[places.recurrentKernel]
    var (ofInputs, ofStates): (Value?, Value?) = (places.bias.map { operands[$0] }, nil)
    if hasInner, let bias = ofInputs {
      func row(_ index: Int) throws -> Value {
        let part = Slice(starts: [index, 0], extents: [1, columns])
        return try formula.add(Reshape([columns]), formula.add(part, bias))
      }
      (ofInputs, ofStates) = (try row(0), try row(1))
    }
    var sums = try formula.add(Dense(), operands[0], operands[places.kernel])
    if let ofInputs { sums = try formula.sum(sums, ofInputs) }
    let zero = try formula.add(Constant(0))
    let start = try formula.add(BroadcastTo([units]), zero, operands[0])
    var now = State(
      state: places.state.map { operands[$0] } ?? start,
      cell: places.cell.map { operands[$0] } ?? start)
    let products = try Products(
      kernel: u, bias: ofStates, kept: keptShares(&formula, like: operands[0]))
    var results: [Int: Value] = [:]
    var shown = start
    for step in 0..<steps {
      let position = position(step, of: steps)
      let part = Slice(starts: [position, 0], extents: [1, columns])
      let inputs = try formula.add(Reshape([columns]), formula.add(part, sums))
      let next = try next(&formula, inputs, products, now)
      if let mask = places.mask {
        let bit = try formula.columns(operands[mask], from: position, count: 1)
        now.state = try formula.chosen(bit, next.state, now.state)
        now.cell = try formula.chosen(bit, next.cell, now.cell)
        shown = try formula.chosen(bit, next.state, form.zeroesMasked ? start : shown)
      } else {
        now = next
        shown = next.state
      }
      if let position = resultPosition(step, of: steps) { results[position] = shown }
    }
    guard returnsSequences else { return [shown, now.state, now.cell] }
    let rows = try (0..<steps).compactMap { results[$0] }.map {
      try formula.add(Reshape([1, units]), $0)
    }
    return [try Self.joined(&formula, rows), now.state, now.cell]
  }

  /// What goes from step to step.
  private struct State {
    var state, cell: Value
  }

  /// What the state is multiplied by: the kernel, behind it a bias if any, and the shares of the state
  /// that dropout leaves for each gate.
  private struct Products {
    let kernel: Value
    let bias: Value?
    let kept: Value?
  }

  /// The factors that dropout multiplies the state by, those of all gates side by side.
  private func keptShares(_ formula: inout Formula, like sequences: Value) throws -> Value? {
    guard form.recurrentDropout > 0 else { return nil }
    let one = try formula.add(Constant(1))
    let ones = try formula.add(BroadcastTo([columns]), one, sequences)
    return try formula.add(Dropout(rate: form.recurrentDropout, stream: form.stream), ones)
  }

  /// The product of a state with the columns of some gates.
  private func product(
    _ formula: inout Formula, _ state: Value, _ products: Products, gates: Range<Int>
  ) throws -> Value {
    func columns(_ value: Value, _ gates: Range<Int>) throws -> Value {
      try formula.columns(value, from: gates.lowerBound * units, count: gates.count * units)
    }
    var sums: Value
    if let kept = products.kept {
      let parts = try gates.map { gate in
        let share = try columns(kept, gate..<gate + 1)
        let kernel = try columns(products.kernel, gate..<gate + 1)
        return try formula.add(Dense(), formula.product(state, share), kernel)
      }
      sums =
        try parts.count == 1
        ? parts[0] : formula.graph.add(one: Concat(axis: 0), parts, layer: formula.layer)
    } else {
      sums = try formula.add(Dense(), state, columns(products.kernel, gates))
    }
    if let bias = products.bias { sums = try formula.sum(sums, columns(bias, gates)) }
    return sums
  }

  /// One step: the new state, and the new contents of the cell.
  private func next(
    _ formula: inout Formula, _ inputs: Value, _ products: Products, _ now: State
  ) throws -> State {
    func gate(_ activation: RecurrentActivation, _ index: Int, _ sums: Value) throws -> Value {
      try activation.value(
        &formula, formula.columns(sums, from: index * units, count: units))
    }
    let all = 0..<cell.gates
    switch cell {
    case .simple(let activation):
      let states = try product(&formula, now.state, products, gates: all)
      let sums = try formula.sum(inputs, states)
      return State(state: try activation.value(&formula, sums), cell: now.cell)
    case .lstm:
      let states = try product(&formula, now.state, products, gates: all)
      let sums = try formula.sum(inputs, states)
      let old = try formula.product(gate(form.gateActivation, 1, sums), now.cell)
      let new = try formula.product(
        gate(form.gateActivation, 0, sums), gate(form.activation, 2, sums))
      let contents = try formula.sum(old, new)
      let shown = try form.activation.value(&formula, contents)
      return State(
        state: try formula.product(gate(form.gateActivation, 3, sums), shown), cell: contents)
    case .gru:
      let gates = try product(&formula, now.state, products, gates: 0..<2)
      let sums = try formula.sum(formula.columns(inputs, from: 0, count: 2 * units), gates)
      let z = try gate(form.gateActivation, 0, sums)
      let r = try gate(form.gateActivation, 1, sums)
      let past =
        try form.resetsAfter
        ? formula.product(r, product(&formula, now.state, products, gates: 2..<3))
        : product(&formula, formula.product(r, now.state), products, gates: 2..<3)
      let present = try formula.columns(inputs, from: 2 * units, count: units)
      let g = try form.activation.value(&formula, formula.sum(present, past))
      // z h + (1 - z) g = g + z (h - g)
      let change = try formula.product(z, formula.difference(now.state, g))
      return State(state: try formula.sum(g, change), cell: now.cell)
    }
  }

  /// Rows one after the other, of which a node joins so many at once.
  private static func joined(_ formula: inout Formula, _ rows: [Value]) throws -> Value {
    let limit = 1024
    if rows.count <= limit {
      return try formula.graph.add(one: Concat(axis: 0), rows, layer: formula.layer)
    }
    let parts = try stride(from: 0, to: rows.count, by: limit).map {
      try joined(&formula, Array(rows[$0..<min($0 + limit, rows.count)]))
    }
    return try joined(&formula, parts)
  }
}

extension Formula {
  /// One value where a bit is 1, the other where it is 0.
  fileprivate mutating func chosen(_ bit: Value, _ one: Value, _ other: Value) throws -> Value {
    one == other ? one : try sum(other, product(bit, difference(one, other)))
  }
}
