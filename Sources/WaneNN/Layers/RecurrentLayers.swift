import WaneGraph
import WaneTensor

/// Fully connected recurrence.
public struct SimpleRNNLayer: RecurrentLayer {
  public static let kind = "simple_rnn"
  public let name: String?
  public let options: RecurrentOptions
  let activation: RecurrentActivation

  /// Creates a layer.
  ///
  /// - Throws: when an option is out of range.
  public init(
    _ options: RecurrentOptions, activation: RecurrentActivation = .tanh, name: String? = nil
  ) throws {
    self.options = options
    self.activation = activation
    self.name = name
    try check()
  }

  public func operation(_ direction: RecurrentDirection, _ form: RecurrentForm) throws
    -> any RecurrentOperation
  {
    try SimpleRNN(
      units: options.units, activation: activation, returnsSequences: options.returnsSequences,
      direction: direction, form: form)
  }
}

/// Long short-term memory.
public struct LSTMLayer: RecurrentLayer {
  public static let kind = "lstm"
  public static let stateCount = 2
  public let name: String?
  public let options: RecurrentOptions
  public let form: RecurrentForm
  let usesUnitForgetBias: Bool

  /// Creates a layer.
  ///
  /// - Parameters:
  ///   - options: units and how they are run.
  ///   - activation: of the contents of the cells, and of the result.
  ///   - gateActivation: of the gates.
  ///   - usesUnitForgetBias: whether the bias of the forget gate starts at one (Jozefowicz et al., 2015).
  ///   - name: what the layer is called.
  /// - Throws: when an option is out of range.
  public init(
    _ options: RecurrentOptions, activation: RecurrentActivation = .tanh,
    gateActivation: RecurrentActivation = .sigmoid, usesUnitForgetBias: Bool = true,
    name: String? = nil
  ) throws {
    self.options = options
    self.usesUnitForgetBias = usesUnitForgetBias
    self.name = name
    form = RecurrentForm(activation: activation, gateActivation: gateActivation)
    try check()
  }

  public func operation(_ direction: RecurrentDirection, _ form: RecurrentForm) throws
    -> any RecurrentOperation
  {
    try LSTM(
      units: options.units, returnsSequences: options.returnsSequences, direction: direction,
      form: form)
  }

  public var initialBias: Initializer {
    guard usesUnitForgetBias else { return .zeros }
    let units = options.units
    return .values((0..<4 * units).map { (units..<2 * units).contains($0) ? 1 : 0 })
  }
}

/// Gated recurrent units.
public struct GRULayer: RecurrentLayer {
  public static let kind = "gru"
  public let name: String?
  public let options: RecurrentOptions
  public let form: RecurrentForm

  /// Creates a layer.
  ///
  /// - Parameters:
  ///   - options: units and how they are run.
  ///   - activation: of the candidate.
  ///   - gateActivation: of the gates.
  ///   - resetsAfter: whether the reset gate is applied after the product with the state, or before.
  ///   - name: what the layer is called.
  /// - Throws: when an option is out of range.
  public init(
    _ options: RecurrentOptions, activation: RecurrentActivation = .tanh,
    gateActivation: RecurrentActivation = .sigmoid, resetsAfter: Bool = true, name: String? = nil
  ) throws {
    self.options = options
    self.name = name
    form = RecurrentForm(
      activation: activation, gateActivation: gateActivation, resetsAfter: resetsAfter)
    try check()
  }

  public func operation(_ direction: RecurrentDirection, _ form: RecurrentForm) throws
    -> any RecurrentOperation
  {
    try GRU(
      units: options.units, returnsSequences: options.returnsSequences, direction: direction,
      form: form)
  }
}
