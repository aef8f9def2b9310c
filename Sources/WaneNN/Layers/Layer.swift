import WaneGraph
import WaneTensor

/// A piece of network that adds its operations and parameters to a graph.
///
/// A layer is a description; the graph it builds is the model. Applying one layer object twice in a
/// model shares its parameters.
public protocol Layer: Sendable {
  /// What it is called when it has no name: `conv2d`, `dense`.
  static var kind: String { get }

  /// The same for a type that stands for several kinds.
  var kind: String { get }

  /// The name the user gave it.
  var name: String? { get }

  /// Adds the layer to the graph under construction.
  ///
  /// - Parameters:
  ///   - builder: the graph under construction.
  ///   - inputs: as many values as `inputCount` allows.
  /// - Returns: the layer's result.
  /// - Throws: when the layer does not fit its inputs.
  func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value

  /// How many values the layer takes.
  var inputCount: ClosedRange<Int> { get }

  /// How many results it has.
  var outputCount: Int { get }

  /// Adds the layer, and returns all its results.
  ///
  /// - Throws: when the layer does not fit its inputs.
  func buildAll(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> [Value]

  /// The masks of its results.
  ///
  /// - Parameters:
  ///   - builder: the graph, where the masks of the inputs are.
  ///   - inputs: what the layer was given, one of which at least has a mask.
  ///   - outputs: its results.
  /// - Returns: a mask `[N, T]` or nil for each result.
  /// - Throws: when a mask cannot be computed, or the layer cannot do with the one there is.
  func masks(_ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]) throws
    -> [Value?]
}

extension Layer {
  /// That of the type.
  public var kind: String { Self.kind }
  /// One.
  public var inputCount: ClosedRange<Int> { 1...1 }
  /// One.
  public var outputCount: Int { 1 }
  /// The only result.
  public func buildAll(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> [Value] {
    [try build(&builder, inputs)]
  }
  /// None: what layers do to the steps of a sequence is not known of all.
  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] { outputs.map { _ in nil } }
}

/// A layer that treats every step of a sequence by itself, so that its result has its input's mask.
public protocol StepwiseLayer: Layer {}

extension StepwiseLayer {
  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] { outputs.map { _ in builder.mask(of: inputs[0]) } }
}

/// What a layer needs to add itself to a graph.
public struct LayerBuilder {
  /// The graph under construction.
  public var graph: Graph
  /// The path of the layer at hand, unique in the model.
  public let path: String
  /// The seed of initial values.
  public let seed: UInt64
  /// The place of the layer among those of the model, for random streams of its own.
  public let ordinal: Int
  /// The masks of values that have one: `[N, T]`, 1 at steps that count and 0 elsewhere.
  private(set) var masks: [Value: Value] = [:]

  init(graph: Graph, path: String, seed: UInt64, ordinal: Int, masks: [Value: Value]) {
    self.graph = graph
    self.path = path
    self.seed = seed
    self.ordinal = ordinal
    self.masks = masks
  }

  /// The mask of a value, if it has one.
  public func mask(of value: Value) -> Value? { masks[value] }

  /// Says which steps of a value count.
  mutating func set(_ mask: Value, of value: Value) { masks[value] = mask }

  /// The type of a value.
  public func type(_ value: Value) -> ValueType { graph.type(of: value) }

  /// Appends an operation with one result.
  ///
  /// - Parameters:
  ///   - operation: what is done.
  ///   - inputs: to what.
  ///   - part: which part of the layer it belongs to, for layers with several kernels.
  /// - Returns: the operation's first result.
  /// - Throws: what the operation says against its operands.
  public mutating func add(
    _ operation: any Operation, _ inputs: [Value], part: String? = nil
  ) throws -> Value {
    try addAll(operation, inputs, part: part)[0]
  }

  /// Appends an operation, and returns all its results.
  mutating func addAll(
    _ operation: any Operation, _ inputs: [Value], part: String? = nil
  ) throws -> [Value] {
    try graph.add(operation, inputs, layer: part.map { "\(path)/\($0)" } ?? path)
  }

  /// Adds a parameter of the layer, or reads it when the layer was applied before.
  public mutating func parameter(
    _ name: String, _ dimensions: [Int], _ initializer: Initializer, isTrainable: Bool = true,
    part: String? = nil
  ) throws -> Value {
    let full = "\(path)/\(name)"
    let place = part.map { "\(path)/\($0)" } ?? path
    if let existing = graph.parameters[full] {
      guard existing.shape.dimensions == dimensions else {
        throw WaneError(
          path,
          "is shared between inputs that want \(name) \(existing.shape) and "
            + Shape.text(dimensions))
      }
      return try graph.read(full, layer: place)
    }
    let value = try initializer.tensor(Shape(dimensions), seed: seed, stream: full)
    return try graph.add(
      parameter: Parameter(full, value, isTrainable: isTrainable), layer: place)
  }

  /// Appends an activation by its name, if any.
  public mutating func activate(_ value: Value, _ activation: ActivationName?) throws -> Value {
    guard let operation = activation?.operation else { return value }
    return try add(operation, [value])
  }
}
