import WaneTensor

/// An operation that carries a state from step to step of a sequence `[N, T, C]`.
///
/// Operands: the sequences, the kernel `[C, gates * units]`, the recurrent kernel
/// `[units, gates * units]`, a bias if any; then, if the form says so, the first state (and the first
/// contents of the cells of an LSTM) `[N, units]`, and a mask `[N, T]` of zeros and ones. Results: the
/// state after the last step `[N, units]` or after every step `[N, T, units]`; made only when used, what
/// the gradient needs of the steps, and the last state (and contents of the cells) `[N, units]`.
public protocol RecurrentOperation: Operation {
  /// What is carried, and which way.
  var recurrence: Recurrence { get }
}

extension RecurrentOperation {
  /// The same without dropout of the state.
  func withoutDropout() throws -> Self {
    var attributes = attributes
    (attributes["recurrent_dropout"], attributes["stream"]) = (nil, nil)
    return try Self(Attributes(attributes, of: Self.name))
  }

  /// The same in another form.
  ///
  /// - Throws: when the form cannot be.
  public func with(form: RecurrentForm) throws -> Self {
    let old = recurrence.form.attributes
    let others = attributes.filter { old[$0.key] == nil }
    return try Self(Attributes(others.merging(form.attributes) { $1 }, of: Self.name))
  }

  public var attributes: [String: Attribute] { recurrence.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...7)
    return try recurrence.infer(Self.name, inputs)
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int { recurrence.work(inputs) }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    try recurrence.gradient(&context)
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    guard recurrence.form.isPlain(context.mode) else {
      return try GeneralRecurrentForward(recurrence, Self.name, &context).kernel()
    }
    return try RecurrentForward(recurrence, Self.name, &context).kernel()
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
    direction: RecurrentDirection = .forward, form: RecurrentForm = RecurrentForm()
  ) throws {
    self.activation = activation
    recurrence = try Recurrence(
      .simple(activation), units: units, returnsSequences: returnsSequences, direction: direction,
      form: form, operation: Self.name)
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
    units: Int, returnsSequences: Bool = false, direction: RecurrentDirection = .forward,
    form: RecurrentForm = RecurrentForm()
  ) throws {
    recurrence = try Recurrence(
      .lstm, units: units, returnsSequences: returnsSequences, direction: direction, form: form,
      operation: Self.name)
  }

  public init(_ attributes: Attributes) throws { recurrence = try Recurrence(.lstm, attributes) }
}

/// Gated recurrent units (Cho et al., 2014) whose reset gate is applied after the product, as Keras
/// and cuDNN do it, or before, as the paper does; the gates in the order z, r, h, the bias
/// `[2, 3 * units]` or `[3 * units]`.
///
///     g = tanh(x W + r (h U))   or   tanh(x W + (r h) U)      h' = z h + (1 - z) g
public struct GRU: RecurrentOperation {
  public static let name = "gru"
  public let recurrence: Recurrence

  /// Creates a layer of `units` units.
  public init(
    units: Int, returnsSequences: Bool = false, direction: RecurrentDirection = .forward,
    form: RecurrentForm = RecurrentForm()
  ) throws {
    recurrence = try Recurrence(
      .gru, units: units, returnsSequences: returnsSequences, direction: direction, form: form,
      operation: Self.name)
  }

  public init(_ attributes: Attributes) throws { recurrence = try Recurrence(.gru, attributes) }
}
