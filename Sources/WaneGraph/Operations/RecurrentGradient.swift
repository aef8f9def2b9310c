import CKernels
import WaneTensor

/// The gradients of a recurrent operation, by backpropagation through time (Werbos, 1990):
/// `dy, dstate, dcell, x, W, U, states, gates, cells, b, state, cell, mask
/// -> dW, dU, db, dx, dstate, dcell`.
///
/// Of the first three there are those that `isGiven` says; gates and cells are there when the cell has
/// them, the rest when the operation has it, the bias for second derivatives only. Each step back is one
/// product and the cell's kernel; the gradients of the kernels are then one product each over all
/// steps.
public struct RecurrentGradient: Operation {
  public static let name = "recurrent_gradient"
  let recurrence: Recurrence
  /// Whether the loss depends on the result, the last state, and the last contents of the cells.
  let isGiven: [Bool]
  let hasBias: Bool

  init(_ recurrence: Recurrence, of isGiven: [Bool], hasBias: Bool) {
    self.recurrence = recurrence
    self.isGiven = isGiven
    self.hasBias = hasBias
  }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("cell")
    guard let cell = RecurrentCell(name: text) else {
      throw WaneError(Self.name, "there is no cell '\(text)'")
    }
    recurrence = try Recurrence(cell, attributes)
    isGiven = try attributes.ints("given", count: 3, in: 0...1).map { $0 == 1 }
    hasBias = try attributes.bool("bias")
  }

  public var attributes: [String: Attribute] {
    recurrence.attributes.merging([
      "cell": .string(recurrence.cell.name), "given": .ints(isGiven.map { $0 ? 1 : 0 }),
      "bias": .bool(hasBias),
    ]) { $1 }
  }

  /// How many gradients of results there are.
  private var givenCount: Int { isGiven.filter { $0 }.count }

  /// Where the operands are.
  var places: RecurrentOperands {
    RecurrentOperands(
      recurrence, hasBias: hasBias, first: givenCount, saved: recurrence.savedCount)
  }

  /// Where the gradient of the result, the last state or the last cells is.
  func place(ofGiven result: Int) -> Int? {
    isGiven[result] ? isGiven[..<result].filter { $0 }.count : nil
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    let places = places
    try operands(inputs, places.count...places.count)
    let state = ValueType.batched([recurrence.units])
    return [
      inputs[places.kernel], inputs[places.recurrentKernel], .fixed(recurrence.biasExtents),
      inputs[places.x], state, state,
    ]
  }

  /// The states are made once more, step by step; for that, the bias has to be there.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard hasBias || context.outputGradients[2] == nil else {
      throw WaneError(Self.name, "there is no bias whose gradient could have one")
    }
    let places = places
    let forward =
      [places.x, places.kernel, places.recurrentKernel]
      + [places.bias, places.state, places.cell, places.mask].compactMap { $0 }
    // Results: dW, dU, db, dx, dstate, dcell, by the place of the operand in the forward pass.
    let results = [
      places.kernel, places.recurrentKernel, places.bias, places.x, places.state, places.cell,
    ].map { place in place.flatMap { forward.firstIndex(of: $0) } ?? 0 }
    let given = (0..<3).compactMap { place(ofGiven: $0) }
    let slopes = context.inputs[..<givenCount]
    let leaves = try context.formula { formula in try slopes.map { try formula.leaf($0) } }
    let found = try context.gradients(leaves + forward.map { context.inputs[$0] }) {
      [recurrence, isGiven] formula, leaves in
      let operands = Array(leaves[given.count...])
      let values = try recurrence.value(&formula, operands)
      let seeds = zip(zip(values, isGiven).compactMap { $1 ? $0 : nil }, leaves).map {
        (value: $0, gradient: $1)
      }
      let first = try formula.graph.gradients(from: seeds, withRespectTo: operands)
      return try results.map { operand in
        try first[operand] ?? formula.filled(0, like: operands[operand])
      }
    }
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    for (place, gradient) in zip(Array(0..<given.count) + forward, found) {
      gradients[place] = gradient
    }
    return gradients
  }

  /// Twice the products of the forward pass.
  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(2, recurrence.work(Array(inputs[places.x...])))
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    guard recurrence.form.isPlain(context.mode) else {
      return try GeneralRecurrentBackward(self, &context).kernel()
    }
    return try RecurrentBackward(self, &context).kernel()
  }
}

/// The code of the gradients.
private struct RecurrentBackward {
  private let recurrence: Recurrence
  private let extents: RecurrentExtents
  private let operands: RecurrentGradientOperands
  private let dw: UnsafeMutablePointer<Float>
  private let du, db, dx: UnsafeMutablePointer<Float>?
  private let sequence, dsums, dinner, dstate, dcell, zeros, turned: ScratchFloats.Place
  private let back, weights, unproject: Multiplication
  /// The gradient of the recurrent kernel; a single step has no state to multiply.
  private let recurrent: Multiplication?

  init(_ gradient: RecurrentGradient, _ context: inout LoweringContext) throws {
    let recurrence = gradient.recurrence
    let operation = RecurrentGradient.name
    self.recurrence = recurrence
    let type = context.inputTypes[gradient.places.x]
    extents = RecurrentExtents(recurrence, type, batch: context.batch)
    operands = try RecurrentGradientOperands(gradient, context)
    dw = context.output(0).floats
    let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
    let (columns, inputs) = (extents.columns, extents.inputs)
    var scratch = ScratchFloats()
    du = context.isUsed(1) ? context.output(1).floats : nil
    db = context.isUsed(2) ? context.output(2).floats : nil
    dx = context.isUsed(3) ? context.output(3).floats : nil
    dsums = try scratch.reserve(steps, batch, columns)
    dinner = try recurrence.cell == .gru ? scratch.reserve(steps, batch, columns) : dsums
    dstate = try scratch.reserve(batch, units)
    dcell = try scratch.reserve(batch, units)
    zeros = try scratch.reserve(batch, units)
    turned = try scratch.reserve(columns, units)
    // The inputs in order of steps, and then, in the same place, their gradients.
    sequence = try scratch.reserve(steps, batch, inputs)
    context.reserveScratch(scratch.byteCount)

    back = try Multiplication(
      operation, m: batch, n: units, k: columns, accumulates: recurrence.cell == .gru)
    weights = try Multiplication(
      operation, m: inputs, n: columns, k: steps * batch, transposesA: true)
    recurrent =
      try steps == 1
      ? nil
      : Multiplication(
        operation, m: units, n: columns, k: (steps - 1) * batch, transposesA: true)
    unproject = try Multiplication(
      operation, m: steps * batch, n: inputs, k: columns, transposesB: true)
  }

  func kernel() -> Kernel {
    { run in
      let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
      let (columns, block) = (extents.columns, extents.block)
      let (states, gates, carry) = (operands.states, operands.gates, operands.carry)
      let dsums = dsums.pointer(run)
      let dinner = dinner.pointer(run)
      let dstate = dstate.pointer(run)
      let dcell = dcell.pointer(run)
      let zeros = zeros.pointer(run)
      let turned = turned.pointer(run)
      let sequence = sequence.pointer(run)
      wane_fill_f32(0, zeros, block)
      dstate.update(from: operands.lastState ?? UnsafePointer(zeros), count: block)
      dcell.update(from: operands.lastCell ?? UnsafePointer(zeros), count: block)
      // Turned once, it multiplies faster at every step.
      wane_transpose_f32(operands.u, turned, units, columns)
      for step in stride(from: steps - 1, through: 0, by: -1) {
        if let dy = operands.dy, let position = recurrence.resultPosition(step, of: steps) {
          wane_add_rows_f32(
            dy + position * units, recurrence.returnsSequences ? steps * units : units, dstate,
            units, batch, units)
        }
        let at = step * batch * columns
        let before = step == 0 ? UnsafePointer(zeros) : states + (step - 1) * block
        switch recurrence.cell {
        case .simple(let activation):
          activation.applyGradient(states + step * block, dstate, dsums + at, block)
        case .lstm:
          let cell = step == 0 ? UnsafePointer(zeros) : carry + (step - 1) * block
          wane_lstm_step_grad_f32(
            gates + at, cell, carry + step * block, dstate, dcell, dsums + at, batch, units)
        case .gru:
          wane_gru_step_grad_f32(
            gates + at, carry + step * block, before, dstate, dsums + at, dinner + at, batch,
            units)
        }
        if step > 0 { back.run(dinner + at, turned, dstate, run) }
      }
      extents.order(operands.x, into: sequence)
      weights.run(sequence, dsums, dw, run)
      if let du, let recurrent {
        recurrent.run(states, dinner + batch * columns, du, run)
      } else if let du {
        wane_fill_f32(0, du, units * columns)
      }
      if let db {
        wane_column_sum_f32(dsums, db, steps * batch, columns)
        if recurrence.cell == .gru {
          wane_column_sum_f32(dinner, db + columns, steps * batch, columns)
        }
      }
      guard let dx else { return }
      unproject.run(dsums, operands.w, sequence, run)
      extents.restore(sequence, into: dx)
    }
  }
}
