import WaneTensor

/// Recurrence as a formula, a few nodes a step, for derivatives of second order.
extension Recurrence {
  /// What the kernel computes.
  ///
  /// - Parameters:
  ///   - formula: what is appended to.
  ///   - operands: the sequences, the kernel, the recurrent kernel, and a bias if any.
  /// - Returns: the state after the last step, or after every step.
  /// - Throws: when a node cannot be added.
  func value(_ formula: inout Formula, _ operands: [Value]) throws -> Value {
    let steps = formula.dimensions(operands[0])[0]
    let u = operands[2]
    var (ofInputs, ofStates): (Value?, Value?) = (operands.dropFirst(3).first, nil)
    if cell == .gru, let bias = ofInputs {
      func row(_ index: Int) throws -> Value {
        let part = Slice(starts: [index, 0], extents: [1, columns])
        return try formula.add(Reshape([columns]), formula.add(part, bias))
      }
      (ofInputs, ofStates) = (try row(0), try row(1))
    }
    var sums = try formula.add(Dense(), operands[0], operands[1])
    if let ofInputs { sums = try formula.sum(sums, ofInputs) }
    let zero = try formula.add(Constant(0))
    var state = try formula.add(BroadcastTo([units]), zero, operands[0])
    var kept = state
    var results: [Int: Value] = [:]
    for step in 0..<steps {
      let part = Slice(starts: [position(step, of: steps), 0], extents: [1, columns])
      let inputs = try formula.add(Reshape([columns]), formula.add(part, sums))
      var states = try formula.add(Dense(), state, u)
      if let ofStates { states = try formula.sum(states, ofStates) }
      (state, kept) = try next(&formula, inputs, states, state, kept)
      if let position = resultPosition(step, of: steps) { results[position] = state }
    }
    guard returnsSequences else { return state }
    let rows = try (0..<steps).compactMap { results[$0] }.map {
      try formula.add(Reshape([1, units]), $0)
    }
    return try Self.joined(&formula, rows)
  }

  /// One step: the new state, and the new contents of the cell.
  private func next(
    _ formula: inout Formula, _ inputs: Value, _ states: Value, _ state: Value, _ kept: Value
  ) throws -> (Value, Value) {
    func gate(_ kind: ElementFunction, _ index: Int, _ sums: Value) throws -> Value {
      try formula.function(kind, formula.columns(sums, from: index * units, count: units))
    }
    switch cell {
    case .simple(let activation):
      let sums = try formula.sum(inputs, states)
      let result = try activation.function.map { try formula.function($0, sums) } ?? sums
      return (result, kept)
    case .lstm:
      let sums = try formula.sum(inputs, states)
      let old = try formula.product(gate(.sigmoid, 1, sums), kept)
      let new = try formula.product(gate(.sigmoid, 0, sums), gate(.tanh, 2, sums))
      let contents = try formula.sum(old, new)
      let shown = try formula.function(.tanh, contents)
      return (try formula.product(gate(.sigmoid, 3, sums), shown), contents)
    case .gru:
      let sums = try formula.sum(inputs, states)
      let z = try gate(.sigmoid, 0, sums)
      let r = try gate(.sigmoid, 1, sums)
      let past = try formula.product(
        r, formula.columns(states, from: 2 * units, count: units))
      let present = try formula.columns(inputs, from: 2 * units, count: units)
      let g = try formula.function(.tanh, formula.sum(present, past))
      // z h + (1 - z) g = g + z (h - g)
      let change = try formula.product(z, formula.difference(state, g))
      return (try formula.sum(g, change), kept)
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

extension RecurrentActivation {
  /// The function of an element; nil for none.
  fileprivate var function: ElementFunction? {
    switch self {
    case .linear: nil
    case .relu: .relu
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    }
  }
}
