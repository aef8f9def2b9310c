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

  /// The extents of the bias: a GRU has one for the inputs and one for the state.
  public func bias(units: Int) -> [Int] {
    switch self {
    case .simple: [units]
    case .lstm: [4 * units]
    case .gru: [2, 3 * units]
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

/// The activations of a simple cell.
public enum RecurrentActivation: String, CaseIterable, Sendable {
  case linear, relu, sigmoid, tanh
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

  /// Describes a recurrence.
  ///
  /// - Throws: when the number of units is not in 1 ... 2^24.
  init(
    _ cell: RecurrentCell, units: Int, returnsSequences: Bool, direction: RecurrentDirection,
    operation: String
  ) throws {
    guard (1...1 << 24).contains(units) else {
      throw WaneError(operation, "units must be in 1..\(1 << 24), got \(units)")
    }
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
      operation: attributes.operation)
  }

  var attributes: [String: Attribute] {
    [
      "units": .int(units), "return_sequences": .bool(returnsSequences),
      "direction": .string(direction.rawValue),
    ]
  }

  /// Columns of the kernels.
  public var columns: Int { cell.gates * units }

  /// The types of the results: the states, one or all; and for the gradient the states, gates and
  /// cells of all steps, which lie step by step rather than sample by sample.
  func infer(_ operation: String, _ inputs: [ValueType]) throws -> [ValueType] {
    let x = inputs[0]
    guard inputs.allSatisfy({ $0.dtype == .f32 }), x.isBatched, x.dimensions.count == 2,
      x.dimensions.allSatisfy({ $0 > 0 })
    else {
      throw WaneError(operation, "takes sequences [steps, channels], got \(x)")
    }
    for (what, type, wanted) in [
      ("kernel", inputs[1], [x.channels, columns]),
      ("recurrent kernel", inputs[2], [units, columns]),
    ] where type != .fixed(wanted) {
      throw WaneError(operation, "\(what) \(type) is not of \(Shape.text(wanted))")
    }
    guard inputs.count == 3 || inputs[3] == .fixed(cell.bias(units: units)) else {
      throw WaneError(operation, "bias \(inputs[3]) does not fit \(units) units")
    }
    let steps = x.dimensions[0]
    let result = ValueType.batched(returnsSequences ? [steps, units] : [units])
    let states = ValueType.batched([steps, units])
    if case .simple = cell { return [result, states] }
    return [result, states, .batched([steps, columns]), states]
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
    guard let gradient = context.outputGradients[0] else {
      return context.inputs.map { _ in nil }
    }
    let results = try context.add(
      all: RecurrentGradient(self),
      [gradient] + context.inputs[..<3] + context.outputs[1...] + context.inputs[3...])
    let ofParameters: [Value?] = results[..<(context.inputs.count - 1)].map { $0 }
    return [context.needs(0) ? results[3] : nil] + ofParameters
  }
}

/// An operation that carries a state from step to step of a sequence `[N, T, C]`.
///
/// Operands: the sequences, the kernel `[C, gates * units]`, the recurrent kernel
/// `[units, gates * units]`, and a bias if any. Results: the state after the last step
/// `[N, units]` or after every step `[N, T, units]`, and what the gradient needs of the steps,
/// made only when used.
public protocol RecurrentOperation: Operation {
  /// What is carried, and which way.
  var recurrence: Recurrence { get }
}

extension RecurrentOperation {
  public var attributes: [String: Attribute] { recurrence.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...4)
    return try recurrence.infer(Self.name, inputs)
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int { recurrence.work(inputs) }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    try recurrence.gradient(&context)
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try RecurrentForward(recurrence, Self.name, &context).kernel()
  }
}

/// Fully connected recurrence (Elman, "Finding Structure in Time", 1990): `h' = f(x W + h U + b)`.
public struct SimpleRNN: RecurrentOperation {
  public static let name = "simple_rnn"
  public let recurrence: Recurrence
  private let activation: RecurrentActivation

  /// Creates a recurrence of `units` units.
  public init(
    units: Int, activation: RecurrentActivation = .tanh, returnsSequences: Bool = false,
    direction: RecurrentDirection = .forward
  ) throws {
    self.activation = activation
    recurrence = try Recurrence(
      .simple(activation), units: units, returnsSequences: returnsSequences, direction: direction,
      operation: Self.name)
  }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("activation")
    guard let activation = RecurrentActivation(rawValue: text) else {
      throw WaneError(Self.name, "there is no activation '\(text)'")
    }
    self.activation = activation
    recurrence = try Recurrence(.simple(activation), attributes)
  }

  public var attributes: [String: Attribute] {
    recurrence.attributes.merging(["activation": .string(activation.rawValue)]) { $1 }
  }
}

/// Long short-term memory (Hochreiter and Schmidhuber, 1997), with forget gates (Gers, Schmidhuber
/// and Cummins, 2000); the gates in the order i, f, c, o.
///
///     c' = sigmoid(f) c + sigmoid(i) tanh(c)      h' = sigmoid(o) tanh(c')
public struct LSTM: RecurrentOperation {
  public static let name = "lstm"
  public let recurrence: Recurrence

  /// Creates a layer of `units` cells.
  public init(
    units: Int, returnsSequences: Bool = false, direction: RecurrentDirection = .forward
  ) throws {
    recurrence = try Recurrence(
      .lstm, units: units, returnsSequences: returnsSequences, direction: direction,
      operation: Self.name)
  }

  public init(_ attributes: Attributes) throws { recurrence = try Recurrence(.lstm, attributes) }
}

/// Gated recurrent units (Cho et al., 2014) whose reset gate is applied after the product, as Keras
/// and cuDNN do it; the gates in the order z, r, h, the bias `[2, 3 * units]`.
///
///     g = tanh(x W + r (h U))      h' = z h + (1 - z) g
public struct GRU: RecurrentOperation {
  public static let name = "gru"
  public let recurrence: Recurrence

  /// Creates a layer of `units` units.
  public init(
    units: Int, returnsSequences: Bool = false, direction: RecurrentDirection = .forward
  ) throws {
    recurrence = try Recurrence(
      .gru, units: units, returnsSequences: returnsSequences, direction: direction,
      operation: Self.name)
  }

  public init(_ attributes: Attributes) throws { recurrence = try Recurrence(.gru, attributes) }
}
