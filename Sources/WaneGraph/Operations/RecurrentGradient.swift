import CKernels
import WaneTensor

/// The gradients of a recurrent operation, by backpropagation through time (Werbos, 1990):
/// `dy, x, W, U, states, gates, cells, b -> dW, dU, db, dx`.
///
/// Gates and cells are there when the cell has them; the bias, if any, for second derivatives only.
/// Each step back is one product and the cell's kernel; the gradients of the kernels are then one
/// product each over all steps.
public struct RecurrentGradient: Operation {
  public static let name = "recurrent_gradient"
  let recurrence: Recurrence

  init(_ recurrence: Recurrence) { self.recurrence = recurrence }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("cell")
    guard let cell = RecurrentCell(name: text) else {
      throw WaneError(Self.name, "there is no cell '\(text)'")
    }
    recurrence = try Recurrence(cell, attributes)
  }

  public var attributes: [String: Attribute] {
    recurrence.attributes.merging(["cell": .string(recurrence.cell.name)]) { $1 }
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, saved...saved + 1)
    return [
      inputs[2], inputs[3], .fixed(recurrence.cell.bias(units: recurrence.units)), inputs[1],
    ]
  }

  /// Operands before the bias.
  private var saved: Int { recurrence.cell.gates > 1 ? 7 : 5 }

  /// The states are made once more, step by step; for that, the bias has to be there.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let bias = context.inputs[saved...]
    guard bias.count == 1 || context.outputGradients[2] == nil else {
      throw WaneError(Self.name, "there is no bias whose gradient could have one")
    }
    let operands = context.inputs[1...3] + bias
    // Results: dW, dU, db, dx.
    let results = [1, 2, 3, 0].map { $0 < operands.count ? $0 : 0 }
    var gradients = try context.secondGradients(
      dy: context.inputs[0], operands: Array(operands), results: results
    ) { [recurrence] formula, operands in try recurrence.value(&formula, operands) }
    gradients.insert(contentsOf: [Value?](repeating: nil, count: saved - 4), at: 4)
    return gradients
  }

  /// Twice the products of the forward pass.
  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(2, recurrence.work(Array(inputs[1...])))
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try RecurrentBackward(recurrence, Self.name, &context).kernel()
  }
}

/// The code of the gradients.
private struct RecurrentBackward {
  private let recurrence: Recurrence
  private let batch, steps, inputs: Int
  private let dy: UnsafePointer<Float>
  private let x: UnsafePointer<Float>
  private let w: UnsafePointer<Float>
  private let u: UnsafePointer<Float>
  private let states: UnsafePointer<Float>
  private let gates: UnsafePointer<Float>
  private let carry: UnsafePointer<Float>
  private let dw: UnsafeMutablePointer<Float>
  private let du, db, dx: UnsafeMutablePointer<Float>?
  private let sequence, dsums, dinner, dstate, dcell, zeros, turned: ScratchFloats.Place
  private let back, weights, unproject: Multiplication
  /// The gradient of the recurrent kernel; a single step has no state to multiply.
  private let recurrent: Multiplication?

  init(_ recurrence: Recurrence, _ operation: String, _ context: inout LoweringContext) throws {
    self.recurrence = recurrence
    batch = context.batch
    let sequenceType = context.inputTypes[1]
    steps = sequenceType.dimensions[0]
    inputs = sequenceType.channels
    func input(_ index: Int) throws -> UnsafePointer<Float> {
      UnsafePointer(try context.input(index).floats)
    }
    dy = try input(0)
    x = try input(1)
    w = try input(2)
    u = try input(3)
    states = try input(4)
    let isGated = recurrence.cell.gates > 1
    gates = try isGated ? input(5) : states
    carry = try isGated ? input(6) : states
    dw = context.output(0).floats
    let (units, columns) = (recurrence.units, recurrence.columns)
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
      let (units, columns) = (recurrence.units, recurrence.columns)
      let dsums = dsums.pointer(run)
      let dinner = dinner.pointer(run)
      let dstate = dstate.pointer(run)
      let dcell = dcell.pointer(run)
      let zeros = zeros.pointer(run)
      let turned = turned.pointer(run)
      let sequence = sequence.pointer(run)
      let block = batch * units
      wane_fill_f32(0, dstate, block)
      wane_fill_f32(0, dcell, block)
      wane_fill_f32(0, zeros, block)
      // Turned once, it multiplies faster at every step.
      wane_transpose_f32(u, turned, units, columns)
      for step in stride(from: steps - 1, through: 0, by: -1) {
        if let position = recurrence.resultPosition(step, of: steps) {
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
      for step in 0..<steps {
        let position = recurrence.position(step, of: steps)
        wane_copy_rows_f32(
          x + position * inputs, steps * inputs, sequence + step * batch * inputs, inputs, batch,
          inputs)
      }
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
      unproject.run(dsums, w, sequence, run)
      for step in 0..<steps {
        let position = recurrence.position(step, of: steps)
        wane_copy_rows_f32(
          sequence + step * batch * inputs, inputs, dx + position * inputs, steps * inputs, batch,
          inputs)
      }
    }
  }
}

extension RecurrentActivation {
  /// The gradient of what it was applied to, from its result.
  fileprivate func applyGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    switch self {
    case .linear: dx.update(from: dy, count: count)
    case .relu: wane_relu_grad_f32(y, dy, dx, count)
    case .sigmoid: wane_sigmoid_grad_f32(y, dy, dx, count)
    case .tanh: wane_tanh_grad_f32(y, dy, dx, count)
    }
  }
}
