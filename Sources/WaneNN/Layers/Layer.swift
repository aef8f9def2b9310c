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
}

extension Layer {
  /// That of the type.
  public var kind: String { Self.kind }
  /// One.
  public var inputCount: ClosedRange<Int> { 1...1 }
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
    try graph.add(one: operation, inputs, layer: part.map { "\(path)/\($0)" } ?? path)
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
