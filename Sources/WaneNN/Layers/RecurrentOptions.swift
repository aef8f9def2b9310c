import WaneGraph
import WaneTensor

/// The options that recurrent layers share, with Keras's defaults.
public struct RecurrentOptions: Sendable {
  /// The size of the state.
  public var units: Int
  /// Whether the state after every step is returned, or that after the last.
  public var returnsSequences = false
  /// Whether the last state (and the last contents of the cells) are results, too.
  public var returnsState = false
  /// Whether the steps go from the last to the first.
  public var goesBackwards = false
  /// Whether a number is added to each sum.
  public var usesBias = true
  /// The fraction of the inputs' channels that training sets to zero, the same at all steps.
  public var dropout: Float = 0
  /// The fraction of the state that training sets to zero in products, the same at all steps.
  public var recurrentDropout: Float = 0
  /// Whether the result is zero at steps that are masked; else it is that of the step before.
  public var zeroesMasked = false

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

/// How a recurrent layer is applied: alone, or as one half of a bidirectional one.
struct RecurrentApplication {
  let direction: RecurrentDirection
  /// Which part of the layer at hand it is, if there are several.
  var part: String?
  /// Tells the random numbers of the parts apart.
  var number = 0
  var zeroesMasked: Bool
}

/// A layer that walks over sequences `[N, T, C]` with a state.
///
/// Takes the sequences, or the sequences and the first state (and the first contents of the cells).
/// Kernel `[C, gates * units]`, Glorot uniform; recurrent kernel `[units, gates * units]`, orthogonal;
/// bias zero.
public protocol RecurrentLayer: Layer {
  /// What is common to all kinds.
  var options: RecurrentOptions { get }

  /// The operation, walking in a direction, of the layer's form with what is added to it.
  func operation(_ direction: RecurrentDirection, _ form: RecurrentForm) throws
    -> any RecurrentOperation

  /// What the layer's cell does otherwise than the usual one.
  var form: RecurrentForm { get }

  /// How the bias starts.
  var initialBias: Initializer { get }

  /// How many values a state consists of.
  static var stateCount: Int { get }
}

extension RecurrentLayer {
  /// Zero.
  public var initialBias: Initializer { .zeros }
  /// The usual one.
  public var form: RecurrentForm { RecurrentForm() }
  /// One.
  public static var stateCount: Int { 1 }

  public var inputCount: ClosedRange<Int> { 1...1 + Self.stateCount }

  public var outputCount: Int { options.returnsState ? 1 + Self.stateCount : 1 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try buildAll(&builder, inputs)[0]
  }

  public func buildAll(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> [Value] {
    try results(
      &builder, inputs,
      RecurrentApplication(direction: options.direction, zeroesMasked: options.zeroesMasked))
  }

  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] {
    let mask = options.returnsSequences ? builder.mask(of: inputs[0]) : nil
    return outputs.indices.map { $0 == 0 ? mask : nil }
  }

  /// Throws what the operation says against the options.
  func check() throws {
    var form = form
    form.recurrentDropout = options.recurrentDropout
    _ = try operation(.forward, form)
    guard options.dropout >= 0, options.dropout < 1 else {
      throw WaneError(kind, "dropout must be in [0, 1), got \(options.dropout)")
    }
  }

  /// Adds the layer walking in a direction: the result, and the last state if that is returned.
  func results(
    _ builder: inout LayerBuilder, _ inputs: [Value], _ application: RecurrentApplication
  ) throws -> [Value] {
    let type = builder.type(inputs[0])
    guard type.dimensions.count == 2 else {
      throw WaneError(Self.kind, "takes sequences [steps, channels], got \(type)")
    }
    guard inputs.count == 1 || inputs.count == 1 + Self.stateCount else {
      throw WaneError(
        Self.kind,
        "takes sequences, and a state of \(Self.stateCount) values if any, "
          + "got \(inputs.count) values")
    }
    var form = form
    form.recurrentDropout = options.recurrentDropout
    // Streams of several uses within a layer, beyond the ordinals of layers.
    form.stream = builder.ordinal + (2 * application.number + 1) << 24
    form.takesState = inputs.count > 1
    let mask = builder.mask(of: inputs[0])
    form.isMasked = mask != nil
    // A layer by itself says it for masks that may come from outside of its model, too.
    form.zeroesMasked = application.zeroesMasked && (mask != nil || application.part == nil)
    let operation = try operation(application.direction, form)
    let recurrence = operation.recurrence
    let part = application.part
    var sequences = inputs[0]
    if options.dropout > 0 {
      let stream = builder.ordinal + (2 * application.number) << 24
      sequences = try builder.add(
        SpatialDropout(rate: options.dropout, stream: stream), [sequences], part: part)
    }
    let prefix = part.map { "\($0)/" } ?? ""
    var operands = [sequences]
    operands.append(
      try builder.parameter(
        prefix + "kernel", [type.channels, recurrence.columns], .glorotUniform, part: part))
    operands.append(
      try builder.parameter(
        prefix + "recurrent_kernel", [options.units, recurrence.columns], .orthogonal, part: part))
    if options.usesBias {
      operands.append(
        try builder.parameter(prefix + "bias", recurrence.biasExtents, initialBias, part: part))
    }
    operands += inputs[1...]
    if let mask { operands.append(mask) }
    let all = try builder.addAll(operation, operands, part: part)
    guard options.returnsState else { return [all[0]] }
    return [all[0], all[recurrence.stateResult]] + (recurrence.cellResult.map { [all[$0]] } ?? [])
  }
}
