import CKernels
import WaneTensor

/// The code of a recurrent operation of any form: with other activations, a first state, a mask, dropout
/// of the state, or a reset before the product.
///
/// Results are as those of `RecurrentForward`. The kernel of a step is the cell's own where there is one;
/// else a few kernels for each sample.
struct GeneralRecurrentForward {
  private let recurrence: Recurrence
  private let extents: RecurrentExtents
  private let x, w, u: UnsafePointer<Float>
  private let bias, firstState, firstCell: UnsafePointer<Float>?
  private let y: UnsafeMutablePointer<Float>
  private let lastState, lastCell: UnsafeMutablePointer<Float>?
  private let mask: RecurrentMask?
  private let dropout: RecurrentDropout?
  private let memory: RecurrentMemory
  private let sequence, zeros, inner: ScratchFloats.Place
  private let newState, newCell, dropped: ScratchFloats.Place
  private let zeroCount: Int
  private let project: Multiplication
  private let products: [(first: Int, product: Multiplication)]
  private let candidate: Multiplication?

  init(_ recurrence: Recurrence, _ operation: String, _ context: inout LoweringContext) throws {
    let places = RecurrentOperands.forward(recurrence, count: context.inputTypes.count)
    func input(_ index: Int) throws -> UnsafePointer<Float> {
      UnsafePointer(try context.input(index).floats)
    }
    let extents = RecurrentExtents(recurrence, context.inputTypes[places.x], batch: context.batch)
    self.recurrence = recurrence
    self.extents = extents
    x = try input(places.x)
    w = try input(places.kernel)
    u = try input(places.recurrentKernel)
    bias = try places.bias.map(input)
    firstState = try places.state.map(input)
    firstCell = try places.cell.map(input)
    y = context.output().floats
    (lastState, lastCell) = recurrence.lastResults(context)

    let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
    let columns = extents.columns
    var scratch = ScratchFloats()
    mask = try RecurrentMask(extents, places.mask.map(input), &scratch)
    dropout = try RecurrentDropout(extents, context.mode, &scratch)
    sequence = try scratch.reserve(steps, batch, extents.inputs)
    memory = try RecurrentMemory(extents, context, &scratch)
    zeroCount = max(extents.block, 2 * columns)
    zeros = try scratch.reserve(zeroCount)
    inner = try recurrence.hasInner ? scratch.reserve(batch, columns) : zeros
    newState = try scratch.reserve(batch, units)
    newCell = try scratch.reserve(batch, units)
    dropped = try scratch.reserve(batch, units)
    context.reserveScratch(scratch.byteCount)

    project = try Multiplication(operation, m: steps * batch, n: columns, k: extents.inputs)
    products = try recurrence.productGroups(context.mode).map { group in
      (
        group.lowerBound,
        try Multiplication(
          operation, m: batch, n: group.count * units, k: units,
          accumulates: !recurrence.hasInner, bStep: columns, cStep: columns)
      )
    }
    candidate =
      try recurrence.hasCandidateProduct
      ? Multiplication(
        operation, m: batch, n: units, k: units, accumulates: true, bStep: columns, cStep: columns)
      : nil
  }

  func kernel() -> Kernel {
    { run in
      let (steps, units, block) = (extents.steps, extents.units, extents.block)
      let zeros = zeros.pointer(run)
      let (states, carry) = (memory.states.pointer(run), memory.carry.pointer(run))
      let stateStep = memory.stateStep
      wane_fill_f32(0, zeros, zeroCount)
      mask?.fill(run)
      dropout?.fill(run)
      extents.order(x, into: sequence.pointer(run))
      project.run(sequence.pointer(run), w, memory.gates.pointer(run), run)
      for step in 0..<steps {
        let past = max(step - 1, 0) * stateStep
        let before =
          step == 0
          ? firstState ?? UnsafePointer(zeros) : UnsafePointer(states + past)
        let cell =
          step == 0 ? firstCell ?? UnsafePointer(zeros) : UnsafePointer(carry + past)
        let state = states + step * stateStep
        let kept = carry + step * stateStep
        multiply(before, step, run)
        let isLSTM = recurrence.cell == .lstm
        let target = mask == nil ? state : newState.pointer(run)
        advance(
          step, before, cell, to: target,
          isLSTM && mask != nil ? newCell.pointer(run) : kept, run)
        if let mask {
          for sample in 0..<extents.batch {
            let at = sample * units
            let counts = mask.counts(step, sample, run)
            state.move(at, counts ? UnsafePointer(target) : before, units)
            if isLSTM { kept.move(at, counts ? UnsafePointer(newCell.pointer(run)) : cell, units) }
          }
        }
        if let position = recurrence.resultPosition(step, of: steps) {
          show(state, step, y + position * units, run)
        }
      }
      let last = (steps - 1) * stateStep
      lastState?.update(from: states + last, count: block)
      lastCell?.update(from: carry + last, count: block)
    }
  }

  /// Adds the products of the state with the recurrent kernel to the sums of a step, or puts them aside.
  private func multiply(_ before: UnsafePointer<Float>, _ step: Int, _ run: borrowing RunState) {
    let target =
      recurrence.hasInner
      ? inner.pointer(run) : memory.gates.pointer(run) + step * extents.batch * extents.columns
    for index in products.indices {
      let gate = products[index].first
      var state = before
      if let dropout {
        dropout.scale(before, dropped.pointer(run), gate: gate, run)
        state = UnsafePointer(dropped.pointer(run))
      }
      let start = gate * extents.units
      products[index].product.run(state, u + start, target + start, run)
    }
  }

  /// The new state and contents of the cells, or what a GRU keeps for its gradient.
  private func advance(
    _ step: Int, _ before: UnsafePointer<Float>, _ cell: UnsafePointer<Float>,
    to state: UnsafeMutablePointer<Float>, _ kept: UnsafeMutablePointer<Float>,
    _ run: borrowing RunState
  ) {
    let (batch, units, columns) = (extents.batch, extents.units, extents.columns)
    let sums = memory.gates.pointer(run) + step * batch * columns
    let none = UnsafePointer(zeros.pointer(run))
    let bias = bias ?? none
    switch recurrence.cell {
    case .simple(let activation):
      wane_add_bias_f32(sums, bias, state, batch, units)
      activation.apply(state, extents.block)
    case .lstm where recurrence.form.isStandardCell:
      wane_lstm_step_f32(sums, bias, cell, kept, state, batch, units)
    case .gru where recurrence.form.isStandardCell:
      wane_gru_step_f32(sums, inner.pointer(run), bias, before, kept, state, batch, units)
    case .lstm:
      wane_add_bias_f32(sums, bias, sums, batch, columns)
      for sample in 0..<batch {
        advanceLSTM(
          sums + sample * columns, cell + sample * units, kept + sample * units,
          state + sample * units, dropped.pointer(run))
      }
    case .gru:
      wane_add_bias_f32(sums, bias, sums, batch, columns)
      if recurrence.hasInner {
        wane_add_bias_f32(
          inner.pointer(run), bias + columns, inner.pointer(run), batch, columns)
      }
      for sample in 0..<batch {
        reset(
          sums + sample * columns, inner.pointer(run) + sample * columns, before + sample * units,
          kept + sample * units)
      }
      if let candidate {
        var past = UnsafePointer(kept)
        if let dropout {
          dropout.scale(kept, dropped.pointer(run), gate: 2, run)
          past = UnsafePointer(dropped.pointer(run))
        }
        candidate.run(past, u + 2 * units, sums + 2 * units, run)
      }
      for sample in 0..<batch {
        let (row, at) = (sums + sample * columns, sample * units)
        recurrence.form.activation.apply(row + 2 * units, units)
        // z h + (1 - z) g = g + z (h - g)
        let change = dropped.pointer(run)
        wane_sub_f32(before + at, row + 2 * units, change, units)
        wane_mul_f32(row, change, change, units)
        wane_add_f32(row + 2 * units, change, state + at, units)
      }
    }
  }

  private func advanceLSTM(
    _ row: UnsafeMutablePointer<Float>, _ before: UnsafePointer<Float>,
    _ cell: UnsafeMutablePointer<Float>, _ state: UnsafeMutablePointer<Float>,
    _ product: UnsafeMutablePointer<Float>
  ) {
    let (form, units) = (recurrence.form, extents.units)
    form.gateActivation.apply(row, 2 * units)
    form.activation.apply(row + 2 * units, units)
    form.gateActivation.apply(row + 3 * units, units)
    wane_mul_f32(row, row + 2 * units, product, units)
    wane_mul_f32(row + units, before, cell, units)
    wane_add_f32(cell, product, cell, units)
    state.update(from: cell, count: units)
    form.activation.apply(state, units)
    wane_mul_f32(row + 3 * units, state, state, units)
  }

  /// The gates of a GRU, and what its candidate sees of the past: `r n` of the product `n`, which is
  /// kept, or `r h`, which is kept and still has to be multiplied.
  private func reset(
    _ row: UnsafeMutablePointer<Float>, _ inner: UnsafeMutablePointer<Float>,
    _ before: UnsafePointer<Float>, _ kept: UnsafeMutablePointer<Float>
  ) {
    let (form, units) = (recurrence.form, extents.units)
    if recurrence.hasInner { wane_add_f32(row, inner, row, 2 * units) }
    form.gateActivation.apply(row, 2 * units)
    guard recurrence.hasInner else { return wane_mul_f32(row + units, before, kept, units) }
    kept.update(from: inner + 2 * units, count: units)
    wane_mul_f32(row + units, kept, inner + 2 * units, units)
    wane_add_f32(row + 2 * units, inner + 2 * units, row + 2 * units, units)
  }

  /// Writes the states of a step into the result.
  private func show(
    _ state: UnsafePointer<Float>, _ step: Int, _ y: UnsafeMutablePointer<Float>,
    _ run: borrowing RunState
  ) {
    let units = extents.units
    let rowStep = recurrence.returnsSequences ? extents.steps * units : units
    guard let mask else {
      return wane_copy_rows_f32(state, units, y, rowStep, extents.batch, units)
    }
    for sample in 0..<extents.batch {
      if mask.shows(step, sample, run) {
        (y + sample * rowStep).update(from: state + sample * units, count: units)
      } else {
        wane_fill_f32(0, y + sample * rowStep, units)
      }
    }
  }
}

extension UnsafeMutablePointer<Float> {
  /// Takes over some numbers from the same place of another block, which may be this one.
  fileprivate func move(_ at: Int, _ other: UnsafePointer<Float>, _ count: Int) {
    guard UnsafePointer(self) != other else { return }
    (self + at).update(from: other + at, count: count)
  }
}
