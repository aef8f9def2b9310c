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
    let isSplit = cell == .gru && !form.resetsAfter
    guard form.drops(mode) else { return isSplit ? [0..<2] : [0..<cell.gates] }
    return (0..<(isSplit ? 2 : cell.gates)).map { $0..<$0 + 1 }
  }

  /// Whether the candidate of a GRU has a product of its own, with the state after its reset.
  var hasCandidateProduct: Bool { cell == .gru && !form.resetsAfter }
}
