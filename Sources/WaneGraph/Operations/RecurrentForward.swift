import CKernels
import WaneTensor

/// The code of a recurrent operation.
///
/// The inputs are brought into order of steps, so that their products with the kernel are one for
/// the whole sequence; each step then adds its state's product and goes through the cell. In
/// inference the memory of a step is that of the next.
struct RecurrentForward {
  private let recurrence: Recurrence
  private let extents: RecurrentExtents
  private let x: UnsafePointer<Float>
  private let w: UnsafePointer<Float>
  private let u: UnsafePointer<Float>
  private let bias: UnsafePointer<Float>?
  private let y: UnsafeMutablePointer<Float>
  /// Where the last state and cells go, when they are used.
  private let lastState, lastCell: UnsafeMutablePointer<Float>?
  private let memory: RecurrentMemory
  private let sequence, zeros, inner: ScratchFloats.Place
  private let zeroCount: Int
  private let project, recur: Multiplication

  init(_ recurrence: Recurrence, _ operation: String, _ context: inout LoweringContext) throws {
    self.recurrence = recurrence
    extents = RecurrentExtents(recurrence, context.inputTypes[0], batch: context.batch)
    x = UnsafePointer(try context.input(0).floats)
    w = UnsafePointer(try context.input(1).floats)
    u = UnsafePointer(try context.input(2).floats)
    bias = context.inputTypes.count > 3 ? UnsafePointer(try context.input(3).floats) : nil
    y = context.output().floats
    (lastState, lastCell) = recurrence.lastResults(context)

    let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
    let columns = extents.columns
    var scratch = ScratchFloats()
    sequence = try scratch.reserve(steps, batch, extents.inputs)
    memory = try RecurrentMemory(extents, context, &scratch)
    // A state before the first step, or a bias where there is none.
    zeroCount = max(extents.block, 2 * columns)
    zeros = try scratch.reserve(zeroCount)
    inner = try recurrence.hasInner ? scratch.reserve(batch, columns) : zeros
    context.reserveScratch(scratch.byteCount)

    project = try Multiplication(operation, m: steps * batch, n: columns, k: extents.inputs)
    recur = try Multiplication(
      operation, m: batch, n: columns, k: units, accumulates: !recurrence.hasInner)
  }

  func kernel() -> Kernel {
    { run in
      let sequence = sequence.pointer(run)
      let gates = memory.gates.pointer(run)
      let states = memory.states.pointer(run)
      let carry = memory.carry.pointer(run)
      let zeros = zeros.pointer(run)
      let inner = inner.pointer(run)
      let (batch, steps, units) = (extents.batch, extents.steps, extents.units)
      let columns = extents.columns
      wane_fill_f32(0, zeros, zeroCount)
      let bias = bias ?? UnsafePointer(zeros)
      extents.order(x, into: sequence)
      project.run(sequence, w, gates, run)
      for step in 0..<steps {
        let sums = gates + step * batch * columns
        let before = step == 0 ? zeros : states + (step - 1) * memory.stateStep
        let state = states + step * memory.stateStep
        let kept = carry + step * memory.stateStep
        switch recurrence.cell {
        case .simple(let activation):
          if step > 0 { recur.run(before, u, sums, run) }
          wane_add_bias_f32(sums, bias, state, batch, units)
          activation.apply(state, extents.block)
        case .lstm:
          if step > 0 { recur.run(before, u, sums, run) }
          let cell = step == 0 ? zeros : carry + (step - 1) * memory.stateStep
          wane_lstm_step_f32(sums, bias, cell, kept, state, batch, units)
        case .gru:
          if step > 0 {
            recur.run(before, u, inner, run)
          } else {
            wane_fill_f32(0, inner, batch * columns)
          }
          wane_gru_step_f32(sums, inner, bias, before, kept, state, batch, units)
        }
        if let position = recurrence.resultPosition(step, of: steps) {
          wane_copy_rows_f32(
            state, units, y + position * units, recurrence.returnsSequences ? steps * units : units,
            batch, units)
        }
      }
      let last = (steps - 1) * memory.stateStep
      lastState?.update(from: states + last, count: extents.block)
      lastCell?.update(from: carry + last, count: extents.block)
    }
  }
}

extension Recurrence {
  /// Where a program wants the last state and the last contents of the cells.
  func lastResults(_ context: LoweringContext) -> (
    state: UnsafeMutablePointer<Float>?, cell: UnsafeMutablePointer<Float>?
  ) {
    func place(_ result: Int?) -> UnsafeMutablePointer<Float>? {
      result.flatMap { context.isUsed($0) ? context.output($0).floats : nil }
    }
    return (place(stateResult), place(cellResult))
  }
}
