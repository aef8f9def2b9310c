import WaneGraph
import WaneTensor

/// The options that recurrent layers share, with Keras's defaults.
public struct RecurrentOptions: Sendable {
  /// The size of the state.
  public var units: Int
  /// Whether the state after every step is returned, or that after the last.
  public var returnsSequences: Bool
  /// Whether the steps go from the last to the first.
  public var goesBackwards: Bool
  /// Whether a number is added to each sum.
  public var usesBias: Bool

  /// Describes a recurrent layer.
  public init(
    units: Int, returnsSequences: Bool = false, goesBackwards: Bool = false, usesBias: Bool = true
  ) {
    self.units = units
    self.returnsSequences = returnsSequences
    self.goesBackwards = goesBackwards
    self.usesBias = usesBias
  }

  var direction: RecurrentDirection { goesBackwards ? .backward : .forward }
}

/// A layer that walks over sequences `[N, T, C]` with a state.
///
/// Kernel `[C, gates * units]`, Glorot uniform; recurrent kernel `[units, gates * units]`, orthogonal;
/// bias zero.
public protocol RecurrentLayer: Layer {
  /// What is common to all kinds.
  var options: RecurrentOptions { get }

  /// The operation, walking in a direction.
  func operation(_ direction: RecurrentDirection) throws -> any RecurrentOperation

  /// How the bias starts.
  var initialBias: Initializer { get }
}

extension RecurrentLayer {
  /// Zero.
  public var initialBias: Initializer { .zeros }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try build(&builder, inputs, direction: options.direction)
  }

  /// Adds the layer walking in a direction, as a part of the layer at hand if there are several.
  func build(
    _ builder: inout LayerBuilder, _ inputs: [Value], direction: RecurrentDirection,
    part: String? = nil
  ) throws -> Value {
    let operation = try operation(direction)
    let type = builder.type(inputs[0])
    guard type.dimensions.count == 2 else {
      throw WaneError(Self.kind, "takes sequences [steps, channels], got \(type)")
    }
    let recurrence = operation.recurrence
    let prefix = part.map { "\($0)/" } ?? ""
    var operands = inputs
    operands.append(
      try builder.parameter(
        prefix + "kernel", [type.channels, recurrence.columns], .glorotUniform, part: part))
    operands.append(
      try builder.parameter(
        prefix + "recurrent_kernel", [options.units, recurrence.columns], .orthogonal, part: part))
    if options.usesBias {
      let extents = recurrence.cell.bias(units: options.units)
      operands.append(try builder.parameter(prefix + "bias", extents, initialBias, part: part))
    }
    return try builder.add(operation, operands, part: part)
  }
}

/// Fully connected recurrence.
public struct SimpleRNNLayer: RecurrentLayer {
  public static let kind = "simple_rnn"
  public let name: String?
  public let options: RecurrentOptions
  let activation: RecurrentActivation

  /// Creates a layer.
  ///
  /// - Throws: when the number of units is not positive.
  public init(
    _ options: RecurrentOptions, activation: RecurrentActivation = .tanh, name: String? = nil
  ) throws {
    self.options = options
    self.activation = activation
    self.name = name
    _ = try operation(.forward)
  }

  public func operation(_ direction: RecurrentDirection) throws -> any RecurrentOperation {
    try SimpleRNN(
      units: options.units, activation: activation, returnsSequences: options.returnsSequences,
      direction: direction)
  }
}

/// Long short-term memory.
public struct LSTMLayer: RecurrentLayer {
  public static let kind = "lstm"
  public let name: String?
  public let options: RecurrentOptions
  let usesUnitForgetBias: Bool

  /// Creates a layer.
  ///
  /// - Parameters:
  ///   - options: units and how they are run.
  ///   - usesUnitForgetBias: whether the bias of the forget gate starts at one (Jozefowicz et al., 2015).
  ///   - name: what the layer is called.
  /// - Throws: when the number of units is not positive.
  public init(_ options: RecurrentOptions, usesUnitForgetBias: Bool = true, name: String? = nil)
    throws
  {
    self.options = options
    self.usesUnitForgetBias = usesUnitForgetBias
    self.name = name
    _ = try operation(.forward)
  }

  public func operation(_ direction: RecurrentDirection) throws -> any RecurrentOperation {
    try LSTM(
      units: options.units, returnsSequences: options.returnsSequences, direction: direction)
  }

  public var initialBias: Initializer {
    guard usesUnitForgetBias else { return .zeros }
    let units = options.units
    return .values((0..<4 * units).map { (units..<2 * units).contains($0) ? 1 : 0 })
  }
}

/// Gated recurrent units, the reset gate after the product.
public struct GRULayer: RecurrentLayer {
  public static let kind = "gru"
  public let name: String?
  public let options: RecurrentOptions

  /// Creates a layer.
  ///
  /// - Throws: when the number of units is not positive.
  public init(_ options: RecurrentOptions, name: String? = nil) throws {
    self.options = options
    self.name = name
    _ = try operation(.forward)
  }

  public func operation(_ direction: RecurrentDirection) throws -> any RecurrentOperation {
    try GRU(
      units: options.units, returnsSequences: options.returnsSequences, direction: direction)
  }
}
