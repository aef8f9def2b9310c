import WaneTensor

/// Which way a recurrent layer walks over a sequence, and where its results stand.
public enum RecurrentDirection: String, CaseIterable, Sendable {
  /// From the first step to the last.
  case forward
  /// From the last step to the first; results are in the order in which they are made.
  case backward
  /// From the last step to the first; each result stands where its step does, as the backward half
  /// of a bidirectional layer wants it.
  case backwardAligned = "backward_aligned"
}

/// The cells that a recurrent layer can have.
public enum RecurrentCell: Hashable, Sendable {
  /// `h = f(x W + h U + b)`.
  case simple(RecurrentActivation)
  /// Long short-term memory.
  case lstm
  /// Gated recurrent units, reset after the product.
  case gru

  /// How many numbers a unit sums up.
  public var gates: Int {
    switch self {
    case .simple: 1
    case .lstm: 4
    case .gru: 3
    }
  }

  /// The name in attributes.
  var name: String {
    switch self {
    case .simple(let activation): activation.rawValue
    case .lstm: LSTM.name
    case .gru: GRU.name
    }
  }

  init?(name: String) {
    switch name {
    case LSTM.name: self = .lstm
    case GRU.name: self = .gru
    default:
      guard let activation = RecurrentActivation(rawValue: name) else { return nil }
      self = .simple(activation)
    }
  }
}

/// What the recurrent operations have in common.
public struct Recurrence: Hashable, Sendable {
  /// What happens at a step.
  public let cell: RecurrentCell
  /// The size of the state.
  public let units: Int
  /// Whether the state of every step is returned, or that of the last.
  public let returnsSequences: Bool
  /// Which way the steps go.
  public let direction: RecurrentDirection
  /// What is not as usual.
  public let form: RecurrentForm

  /// Describes a recurrence.
  ///
  /// - Throws: when the number of units is not in 1 ... 2^24, or recurrent dropout not in [0, 1).
  init(
    _ cell: RecurrentCell, units: Int, returnsSequences: Bool, direction: RecurrentDirection,
    form: RecurrentForm, operation: String
  ) throws {
    guard (1...1 << 24).contains(units) else {
      throw WaneError(operation, "units must be in 1..\(1 << 24), got \(units)")
    }
    guard form.recurrentDropout >= 0, form.recurrentDropout < 1 else {
      throw WaneError(
        operation, "recurrent_dropout must be in [0, 1), got \(form.recurrentDropout)")
    }
    self.form = form
    self.cell = cell
    self.units = units
    self.returnsSequences = returnsSequences
    self.direction = direction
  }

  init(_ cell: RecurrentCell, _ attributes: Attributes) throws {
    let text = try attributes.string("direction")
    guard let direction = RecurrentDirection(rawValue: text) else {
      throw WaneError(attributes.operation, "there is no direction '\(text)'")
    }
    try self.init(
      cell, units: attributes.int("units"),
      returnsSequences: attributes.bool("return_sequences"), direction: direction,
      form: RecurrentForm(attributes), operation: attributes.operation)
  }

  var attributes: [String: Attribute] {
    [
      "units": .int(units), "return_sequences": .bool(returnsSequences),
      "direction": .string(direction.rawValue),
    ].merging(form.attributes) { $1 }
  }

  /// Columns of the kernels.
  public var columns: Int { cell.gates * units }

  /// The extents of the bias: a GRU that resets after the product has one for the inputs and one for
  /// the state.
  public var biasExtents: [Int] { cell == .gru && form.resetsAfter ? [2, columns] : [columns] }

  /// Which result is the state after the last step.
  public var stateResult: Int { cell.gates == 1 ? 2 : 4 }

  /// Which result are the contents of the cells then; nil for cells without.
  public var cellResult: Int? { cell == .lstm ? 5 : nil }

  /// Where the bias and the first states are among so many operands.
  public func places(ofOperands count: Int) -> (bias: Int?, states: [Int]) {
    let places = RecurrentOperands.forward(self, count: count)
    return (places.bias, [places.state, places.cell].compactMap { $0 })
  }

  /// How many operands of the gradient stand for what the forward pass left.
  var savedCount: Int { cell.gates == 1 ? 1 : 3 }

  /// Whether what a GRU adds to the state's product of its candidate is kept apart.
  var hasInner: Bool { cell == .gru && form.resetsAfter }

  /// The types of the results: the states, one or all; for the gradient the states, gates and cells of
  /// all steps, which lie step by step rather than sample by sample; the last state and cell.
  func infer(_ operation: String, _ inputs: [ValueType]) throws -> [ValueType] {
    let operands = RecurrentOperands.forward(self, count: inputs.count)
    guard inputs.count == operands.count else {
      throw WaneError(operation, "takes \(operands.count) operands, got \(inputs.count)")
    }
    let x = inputs[0]
    guard inputs.allSatisfy({ $0.dtype == .f32 }), x.isBatched, x.dimensions.count == 2,
      x.dimensions.allSatisfy({ $0 > 0 })
    else {
      throw WaneError(operation, "takes sequences [steps, channels], got \(x)")
    }
    let (steps, state) = (x.dimensions[0], ValueType.batched([units]))
    let wanted: [(what: String, operand: Int?, type: ValueType)] = [
      ("kernel", operands.kernel, .fixed([x.channels, columns])),
      ("recurrent kernel", operands.recurrentKernel, .fixed([units, columns])),
      ("bias", operands.bias, .fixed(biasExtents)), ("initial state", operands.state, state),
      ("initial cell", operands.cell, state), ("mask", operands.mask, .batched([steps])),
    ]
    for (what, operand, type) in wanted {
      guard let operand, inputs[operand] != type else { continue }
      throw WaneError(operation, "\(what) \(inputs[operand]) is not of \(type)")
    }
    let result = ValueType.batched(returnsSequences ? [steps, units] : [units])
    let states = ValueType.batched([steps, units])
    if cell.gates == 1 { return [result, states, state] }
    let saved = [states, .batched([steps, columns]), states]
    return [result] + saved + (cell == .lstm ? [state, state] : [state])
  }

  /// Products of one sample, those of the inputs and those of the states.
  func work(_ inputs: [ValueType]) -> Int {
    let x = inputs[0].dimensions
    guard x.count == 2 else { return 0 }
    let (row, overflow) = (x[1].addingReportingOverflow(units))
    let (step, beyond) = row.multipliedReportingOverflow(by: columns)
    let (all, far) = step.multipliedReportingOverflow(by: x[0])
    return overflow || beyond || far ? .max : all
  }

  /// The position in the sequence that a step reads.
  func position(_ step: Int, of steps: Int) -> Int {
    direction == .forward ? step : steps - 1 - step
  }

  /// The position at which a step's state stands in the result; nil when it is not returned.
  func resultPosition(_ step: Int, of steps: Int) -> Int? {
    guard returnsSequences else { return step == steps - 1 ? 0 : nil }
    return direction == .backwardAligned ? steps - 1 - step : step
  }

  func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let ofResults = [0, stateResult, cellResult].map { result in
      result.flatMap { context.outputGradients[$0] }
    }
    guard ofResults.contains(where: { $0 != nil }) else { return context.inputs.map { _ in nil } }
    let operands = RecurrentOperands.forward(self, count: context.inputs.count)
    let gradient = RecurrentGradient(
      self, of: ofResults.map { $0 != nil }, hasBias: operands.bias != nil)
    let results = try context.add(
      all: gradient,
      ofResults.compactMap { $0 } + context.inputs[..<3] + context.outputs[1...savedCount]
        + context.inputs[3...])
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    if context.needs(0) { gradients[0] = results[3] }
    (gradients[1], gradients[2]) = (results[0], results[1])
    if let bias = operands.bias { gradients[bias] = results[2] }
    if let state = operands.state, context.needs(state) { gradients[state] = results[4] }
    if let cell = operands.cell, context.needs(cell) { gradients[cell] = results[5] }
    return gradients
  }
}
