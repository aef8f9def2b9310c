import CKernels
import WaneTensor

/// The code of the gradient of a recurrent operation of any form.
///
/// Where a step is masked, the gradients of state and cells pass it by.
struct GeneralRecurrentBackward {
  private let recurrence: Recurrence
  private let extents: RecurrentExtents
  private let operands: RecurrentGradientOperands
  private let dw: UnsafeMutablePointer<Float>
  private let du, db, dx, dFirstState, dFirstCell: UnsafeMutablePointer<Float>?
  private let mask: RecurrentMask?
  private let dropout: RecurrentDropout?
  private let sequence, dsums, dinner, dstate, dcell, zeros, turned: ScratchFloats.Place
  private let keptState, keptCell, product, rows, befores: ScratchFloats.Place
  private let back: [(gate: Int, product: Multiplication)]
  private let candidateBack: Multiplication?
  private let weights, unproject: Multiplication
  private let recurrent: [(gate: Int, product: Multiplication)]

  init(_ gradient: RecurrentGradient, _ context: inout LoweringContext) throws {
    let recurrence = gradient.recurrence
    let operation = RecurrentGradient.name
    func output(_ index: Int) -> UnsafeMutablePointer<Float>? {
      context.isUsed(index) ? context.output(index).floats : nil
    }
    let type = context.inputTypes[gradient.places.x]
    let extents = RecurrentExtents(recurrence, type, batch: context.batch)
    self.recurrence = recurrence
    self.extents = extents
    operands = try RecurrentGradientOperands(gradient, context)
    dw = context.output(0).floats
    (du, db, dx) = (output(1), output(2), output(3))
    (dFirstState, dFirstCell) = (output(4), output(5))

    let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
    let columns = extents.columns
    var scratch = ScratchFloats()
    mask = try RecurrentMask(extents, operands.mask, &scratch)
    dropout = try RecurrentDropout(extents, context.mode, &scratch)
    dsums = try scratch.reserve(steps, batch, columns)
    dinner = try recurrence.hasInner ? scratch.reserve(steps, batch, columns) : dsums
    dstate = try scratch.reserve(batch, units)
    dcell = try scratch.reserve(batch, units)
    zeros = try scratch.reserve(batch, units)
    turned = try scratch.reserve(columns, units)
    keptState = try scratch.reserve(batch, units)
    keptCell = try scratch.reserve(batch, units)
    product = try scratch.reserve(batch, units)
    rows = try scratch.reserve(2, units)
    befores = try scratch.reserve(steps, batch, units)
    // The inputs in order of steps, and then, in the same place, their gradients.
    sequence = try scratch.reserve(steps, batch, extents.inputs)
    context.reserveScratch(scratch.byteCount)

    let groups = recurrence.productGroups(context.mode)
    let accumulates = recurrence.cell == .gru
    let drops = dropout != nil
    back = try groups.map { group in
      (
        group.lowerBound,
        try Multiplication(
          operation, m: batch, n: units, k: group.count * units, accumulates: accumulates && !drops,
          aStep: columns)
      )
    }
    candidateBack =
      try recurrence.hasCandidateProduct
      ? Multiplication(operation, m: batch, n: units, k: units, aStep: columns) : nil
    recurrent = try (groups + (recurrence.hasCandidateProduct ? [2..<3] : [])).map { group in
      (
        group.lowerBound,
        try Multiplication(
          operation, m: units, n: group.count * units, k: steps * batch, transposesA: true,
          bStep: columns, cStep: columns)
      )
    }
    weights = try Multiplication(
      operation, m: extents.inputs, n: columns, k: steps * batch, transposesA: true)
    unproject = try Multiplication(
      operation, m: steps * batch, n: extents.inputs, k: columns, transposesB: true)
  }

  func kernel() -> Kernel {
    { run in
      let (steps, block) = (extents.steps, extents.block)
      let zeros = UnsafePointer(zeros.pointer(run))
      let (dstate, dcell) = (dstate.pointer(run), dcell.pointer(run))
      wane_fill_f32(0, self.zeros.pointer(run), block)
      mask?.fill(run)
      dropout?.fill(run)
      dstate.update(from: operands.lastState ?? zeros, count: block)
      dcell.update(from: operands.lastCell ?? zeros, count: block)
      wane_transpose_f32(operands.u, turned.pointer(run), extents.units, extents.columns)
      for step in stride(from: steps - 1, through: 0, by: -1) {
        if let dy = operands.dy, let position = recurrence.resultPosition(step, of: steps) {
          take(dy + position * extents.units, step, run)
        }
        if mask != nil {
          keptState.pointer(run).update(from: dstate, count: block)
          keptCell.pointer(run).update(from: dcell, count: block)
        }
        goBack(step, run)
        passMasked(step, run)
      }
      dFirstState?.update(from: dstate, count: block)
      dFirstCell?.update(from: dcell, count: block)
      differentiateKernels(run)
    }
  }

  /// The state before a step.
  private func before(_ step: Int, _ run: borrowing RunState) -> UnsafePointer<Float> {
    let zeros = UnsafePointer(zeros.pointer(run))
    return step > 0 ? operands.states + (step - 1) * extents.block : operands.firstState ?? zeros
  }

  /// Adds the gradient of the results of a step to that of its states.
  private func take(_ dy: UnsafePointer<Float>, _ step: Int, _ run: borrowing RunState) {
    let units = extents.units
    let rowStep = recurrence.returnsSequences ? extents.steps * units : units
    let dstate = dstate.pointer(run)
    guard let mask else {
      return wane_add_rows_f32(dy, rowStep, dstate, units, extents.batch, units)
    }
    for sample in 0..<extents.batch where mask.shows(step, sample, run) {
      wane_add_f32(
        dstate + sample * units, dy + sample * rowStep, dstate + sample * units, units)
    }
  }

  /// From the gradients of state and cells after a step to those of its sums, and of state and cells
  /// before it.
  private func goBack(_ step: Int, _ run: borrowing RunState) {
    let (batch, units, columns) = (extents.batch, extents.units, extents.columns)
    let at = step * batch * columns
    let (dsums, dinner) = (dsums.pointer(run) + at, dinner.pointer(run) + at)
    let (dstate, dcell) = (dstate.pointer(run), dcell.pointer(run))
    let before = before(step, run)
    let gates = operands.gates + at
    let carry = operands.carry + step * extents.block
    switch recurrence.cell {
    case .simple(let activation):
      activation.applyGradient(operands.states + step * extents.block, dstate, dsums, extents.block)
    case .lstm:
      let zeros = UnsafePointer(zeros.pointer(run))
      let cell = step > 0 ? carry - extents.block : operands.firstCell ?? zeros
      if recurrence.form.isStandardCell {
        wane_lstm_step_grad_f32(
          gates, cell, carry, dstate, dcell, dsums, batch, units)
      } else {
        for sample in 0..<batch {
          let row = sample * units
          goBackLSTM(
            gates + sample * columns, cell + row, carry + row, dstate + row, dcell + row,
            dsums + sample * columns, run)
        }
      }
    case .gru where recurrence.form.isStandardCell:
      wane_gru_step_grad_f32(
        gates, carry, before, dstate, dsums, dinner, batch, units)
    case .gru:
      for sample in 0..<batch {
        let row = sample * units
        goBackGRU(
          gates + sample * columns, carry + row, before + row, dstate + row,
          dsums + sample * columns, dinner + sample * columns, run)
      }
      if let candidateBack { goBackReset(gates, before, dsums, candidateBack, run) }
    }
    clearMasked(step, dsums, run)
    if recurrence.hasInner { clearMasked(step, dinner, run) }
    multiplyBack(dinner, run)
  }

  /// Sums of steps that do not count have no gradient.
  private func clearMasked(
    _ step: Int, _ sums: UnsafeMutablePointer<Float>, _ run: borrowing RunState
  ) {
    guard let mask else { return }
    for sample in 0..<extents.batch where !mask.counts(step, sample, run) {
      wane_fill_f32(0, sums + sample * extents.columns, extents.columns)
    }
  }

  /// State and cells went past steps that do not count.
  private func passMasked(_ step: Int, _ run: borrowing RunState) {
    guard let mask else { return }
    let units = extents.units
    for sample in 0..<extents.batch where !mask.counts(step, sample, run) {
      let at = sample * units
      (dstate.pointer(run) + at).update(from: keptState.pointer(run) + at, count: units)
      (dcell.pointer(run) + at).update(from: keptCell.pointer(run) + at, count: units)
    }
  }

  /// The gradient of the state from those of its products.
  private func multiplyBack(_ sums: UnsafePointer<Float>, _ run: borrowing RunState) {
    let (units, dstate) = (extents.units, dstate.pointer(run))
    if dropout != nil, recurrence.cell != .gru { wane_fill_f32(0, dstate, extents.block) }
    for index in back.indices {
      let gate = back[index].gate
      let kernel = turned.pointer(run) + gate * units * units
      guard let dropout else {
        back[index].product.run(sums + gate * units, kernel, dstate, run)
        continue
      }
      let product = product.pointer(run)
      back[index].product.run(sums + gate * units, kernel, product, run)
      dropout.scale(product, product, gate: gate, run)
      wane_add_f32(dstate, product, dstate, extents.block)
    }
  }

  private func goBackLSTM(
    _ row: UnsafePointer<Float>, _ before: UnsafePointer<Float>, _ cell: UnsafePointer<Float>,
    _ dstate: UnsafePointer<Float>, _ dcell: UnsafeMutablePointer<Float>,
    _ dsums: UnsafeMutablePointer<Float>, _ run: borrowing RunState
  ) {
    let (form, units) = (recurrence.form, extents.units)
    let shown = rows.pointer(run)
    let change = shown + units
    shown.update(from: cell, count: units)
    form.activation.apply(shown, units)
    let output = dsums + 3 * units
    wane_mul_f32(dstate, shown, output, units)
    form.gateActivation.applyGradient(row + 3 * units, output, output, units)
    wane_mul_f32(dstate, row + 3 * units, change, units)
    form.activation.applyGradient(shown, change, change, units)
    wane_add_f32(change, dcell, change, units)
    wane_mul_f32(change, row + 2 * units, dsums, units)
    wane_mul_f32(change, before, dsums + units, units)
    form.gateActivation.applyGradient(row, dsums, dsums, 2 * units)
    wane_mul_f32(change, row, dsums + 2 * units, units)
    form.activation.applyGradient(row + 2 * units, dsums + 2 * units, dsums + 2 * units, units)
    wane_mul_f32(change, row + units, dcell, units)
  }

  /// All but what depends on the product of a state after its reset.
  private func goBackGRU(
    _ row: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, _ before: UnsafePointer<Float>,
    _ dstate: UnsafeMutablePointer<Float>, _ dsums: UnsafeMutablePointer<Float>,
    _ dinner: UnsafeMutablePointer<Float>, _ run: borrowing RunState
  ) {
    let (form, units) = (recurrence.form, extents.units)
    let direct = rows.pointer(run)
    let candidate = dsums + 2 * units
    wane_mul_f32(dstate, row, direct, units)
    wane_sub_f32(dstate, direct, candidate, units)
    form.activation.applyGradient(row + 2 * units, candidate, candidate, units)
    wane_sub_f32(before, row + 2 * units, dsums, units)
    wane_mul_f32(dsums, dstate, dsums, units)
    form.gateActivation.applyGradient(row, dsums, dsums, units)
    dstate.update(from: direct, count: units)
    guard recurrence.hasInner else { return }
    let reset = dsums + units
    wane_mul_f32(candidate, kept, reset, units)
    form.gateActivation.applyGradient(row + units, reset, reset, units)
    dinner.update(from: dsums, count: 2 * units)
    wane_mul_f32(candidate, row + units, dinner + 2 * units, units)
  }

  /// From the candidate of a GRU through the product with the state after its reset.
  private func goBackReset(
    _ gates: UnsafePointer<Float>, _ before: UnsafePointer<Float>,
    _ dsums: UnsafeMutablePointer<Float>, _ candidate: Multiplication, _ run: borrowing RunState
  ) {
    let (units, columns) = (extents.units, extents.columns)
    let (product, dstate) = (product.pointer(run), dstate.pointer(run))
    candidate.run(
      dsums + 2 * units, turned.pointer(run) + 2 * units * units, product, run)
    dropout?.scale(product, product, gate: 2, run)
    for sample in 0..<extents.batch {
      let (at, reset) = (sample * units, dsums + sample * columns + units)
      let gate = gates + sample * columns + units
      wane_mul_f32(product + at, before + at, reset, units)
      recurrence.form.gateActivation.applyGradient(gate, reset, reset, units)
      wane_mul_f32(product + at, gate, product + at, units)
      wane_add_f32(dstate + at, product + at, dstate + at, units)
    }
  }

  /// The gradients of kernels, bias and inputs, each at once for all steps.
  private func differentiateKernels(_ run: borrowing RunState) {
    let (steps, batch, columns) = (extents.steps, extents.batch, extents.columns)
    let (dsums, dinner) = (dsums.pointer(run), dinner.pointer(run))
    let sequence = sequence.pointer(run)
    extents.order(operands.x, into: sequence)
    weights.run(sequence, dsums, dw, run)
    if let du {
      for index in recurrent.indices {
        let gate = recurrent[index].gate
        let isCandidate = recurrence.hasCandidateProduct && gate == 2
        for step in 0..<steps {
          let past = isCandidate ? operands.carry + step * extents.block : before(step, run)
          let target = befores.pointer(run) + step * extents.block
          if let dropout {
            dropout.scale(past, target, gate: gate, run)
          } else {
            target.update(from: past, count: extents.block)
          }
        }
        let start = gate * extents.units
        recurrent[index].product.run(befores.pointer(run), dinner + start, du + start, run)
      }
    }
    if let db {
      wane_column_sum_f32(dsums, db, steps * batch, columns)
      if recurrence.hasInner {
        wane_column_sum_f32(dinner, db + columns, steps * batch, columns)
      }
    }
    guard let dx else { return }
    unproject.run(dsums, operands.w, sequence, run)
    extents.restore(sequence, into: dx)
  }
}
