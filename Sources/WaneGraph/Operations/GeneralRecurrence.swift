import CKernels
import WaneTensor

/// The extents of a recurrence in a program.
struct RecurrentExtents {
  let recurrence: Recurrence
  let batch, steps, inputs: Int

  init(_ recurrence: Recurrence, _ sequences: ValueType, batch: Int) {
    self.recurrence = recurrence
    self.batch = batch
    steps = sequences.dimensions[0]
    inputs = sequences.channels
  }

  var units: Int { recurrence.units }
  var columns: Int { recurrence.columns }
  /// Numbers of one state of all samples.
  var block: Int { batch * units }

  /// Brings sequences into the order in which they are walked, step by step.
  func order(_ x: UnsafePointer<Float>, into sequence: UnsafeMutablePointer<Float>) {
    for step in 0..<steps {
      let position = recurrence.position(step, of: steps)
      wane_copy_rows_f32(
        x + position * inputs, steps * inputs, sequence + step * batch * inputs, inputs, batch,
        inputs)
    }
  }

  /// The way back.
  func restore(_ sequence: UnsafePointer<Float>, into x: UnsafeMutablePointer<Float>) {
    for step in 0..<steps {
      let position = recurrence.position(step, of: steps)
      wane_copy_rows_f32(
        sequence + step * batch * inputs, inputs, x + position * inputs, steps * inputs, batch,
        inputs)
    }
  }
}

/// Where a forward pass has its states, sums of gates, and contents of the cells: in results that the
/// gradient wants, or in scratch memory.
struct RecurrentMemory {
  let states, gates, carry: ScratchFloats.Place
  /// Floats from a step's state to the next one's; none when nobody looks back.
  let stateStep: Int

  init(
    _ extents: RecurrentExtents, _ context: LoweringContext, _ scratch: inout ScratchFloats
  ) throws {
    let (batch, units) = (extents.batch, extents.units)
    let isSaved = context.isUsed(1)
    let isGated = extents.recurrence.cell.gates > 1
    stateStep = isSaved ? extents.block : 0
    states = try isSaved ? .memory(context.output(1).floats) : scratch.reserve(batch, units)
    gates =
      try isGated && context.isUsed(2)
      ? .memory(context.output(2).floats) : scratch.reserve(extents.steps, batch, extents.columns)
    carry =
      try isGated && context.isUsed(3)
      ? .memory(context.output(3).floats) : scratch.reserve(batch, units)
  }
}

/// What the gradient of a recurrence is made from.
struct RecurrentGradientOperands {
  /// The gradients of the result, the last state and the last contents of the cells.
  let dy, lastState, lastCell: UnsafePointer<Float>?
  /// The sequences, the kernels, and what the forward pass left; of cells without gates the last two are
  /// the states.
  let x, w, u, states, gates, carry: UnsafePointer<Float>
  /// What is before the first step, and which steps count.
  let firstState, firstCell, mask: UnsafePointer<Float>?

  init(_ gradient: RecurrentGradient, _ context: LoweringContext) throws {
    let places = gradient.places
    func input(_ index: Int) throws -> UnsafePointer<Float> {
      UnsafePointer(try context.input(index).floats)
    }
    dy = try gradient.place(ofGiven: 0).map(input)
    lastState = try gradient.place(ofGiven: 1).map(input)
    lastCell = try gradient.place(ofGiven: 2).map(input)
    x = try input(places.x)
    w = try input(places.kernel)
    u = try input(places.recurrentKernel)
    states = try input(places.states)
    let isGated = gradient.recurrence.cell.gates > 1
    gates = try isGated ? input(places.gates) : states
    carry = try isGated ? input(places.cells) : states
    firstState = try places.state.map(input)
    firstCell = try places.cell.map(input)
    mask = try places.mask.map(input)
  }
}

/// Which steps of which samples count, in the order in which they are walked.
struct RecurrentMask {
  private let extents: RecurrentExtents
  private let mask: UnsafePointer<Float>
  /// A byte for each step and sample: 2 where the step counts, 1 where an earlier result is shown.
  private let flags: ScratchFloats.Place

  init?(
    _ extents: RecurrentExtents, _ mask: UnsafePointer<Float>?, _ scratch: inout ScratchFloats
  ) throws {
    guard let mask else { return nil }
    self.extents = extents
    self.mask = mask
    flags = try scratch.reserve((extents.steps * extents.batch + 3) / 4)
  }

  private func bytes(_ run: borrowing RunState) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(flags.pointer(run)).assumingMemoryBound(to: UInt8.self)
  }

  /// Reads the mask.
  func fill(_ run: borrowing RunState) {
    let flags = bytes(run)
    let (batch, steps, recurrence) = (extents.batch, extents.steps, extents.recurrence)
    for sample in 0..<batch {
      var hasResult = false
      for step in 0..<steps {
        let counts = mask[sample * steps + recurrence.position(step, of: steps)] != 0
        hasResult = hasResult || counts
        let isShown = recurrence.form.zeroesMasked ? counts : hasResult
        flags[step * batch + sample] = (counts ? 2 : 0) | (isShown ? 1 : 0)
      }
    }
  }

  /// Whether a step of a sample counts.
  func counts(_ step: Int, _ sample: Int, _ run: borrowing RunState) -> Bool {
    bytes(run)[step * extents.batch + sample] & 2 != 0
  }

  /// Whether the result at a step is the state.
  func shows(_ step: Int, _ sample: Int, _ run: borrowing RunState) -> Bool {
    bytes(run)[step * extents.batch + sample] & 1 != 0
  }
}

/// The factors that dropout multiplies the state by, those of all gates side by side: `[N, columns]`.
struct RecurrentDropout {
  private let extents: RecurrentExtents
  private let factors: ScratchFloats.Place

  init?(_ extents: RecurrentExtents, _ mode: ProgramMode, _ scratch: inout ScratchFloats) throws {
    guard extents.recurrence.form.drops(mode) else { return nil }
    self.extents = extents
    factors = try scratch.reserve(extents.batch, extents.columns)
  }

  /// Draws them: the same ones in every call for a step.
  func fill(_ run: borrowing RunState) {
    let form = extents.recurrence.form
    let count = extents.batch * extents.columns
    let factors = factors.pointer(run)
    wane_fill_f32(1, factors, count)
    let stream = UInt64(truncatingIfNeeded: form.stream) &* 0x1_0000_0000 &+ run.step
    wane_dropout_f32(
      factors, form.recurrentDropout, run.seed, stream,
      UInt64(run.firstSample * extents.columns), factors, count)
  }

  /// States, or gradients of states, times the factors of a gate.
  func scale(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, gate: Int,
    _ run: borrowing RunState
  ) {
    let (units, columns) = (extents.units, extents.columns)
    let factors = factors.pointer(run) + gate * units
    for sample in 0..<extents.batch {
      wane_mul_f32(
        x + sample * units, factors + sample * columns, y + sample * units, units)
    }
  }
}

extension Recurrence {
  /// The gates whose products with the state are made at once: all that see the same state.
  func productGroups(_ mode: ProgramMode) -> [Range<Int>] {
    let gates = 0..<(hasCandidateProduct ? 2 : cell.gates)
    return form.drops(mode) ? gates.map { $0..<$0 + 1 } : [gates]
  }

  /// Whether the candidate of a GRU has a product of its own, with the state after its reset.
  var hasCandidateProduct: Bool { cell == .gru && !form.resetsAfter }
}
