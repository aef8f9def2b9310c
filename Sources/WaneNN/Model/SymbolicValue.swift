import WaneGraph
import WaneTensor

/// A result of a layer that was applied to other symbolic values: the functional form of a model before
/// it is built.
public final class SymbolicValue: Sendable {
  /// The layer.
  public var layer: any Layer { source.layer }
  /// What it was applied to.
  public var inputs: [SymbolicValue] { source.operands }
  /// Tells layer objects apart: the same object applied twice shares its parameters.
  public var identity: LayerIdentity { source.identity }
  /// Which of the layer's results it is, from 0.
  public let output: Int
  /// Tells one application of a layer from another.
  var application: ObjectIdentifier { ObjectIdentifier(source) }
  // Looked at for writing while nobody else can see the value.
  private nonisolated(unsafe) var source: LayerApplication

  /// Applies a layer; the value is its first result.
  ///
  /// - Throws: when it takes another number of values.
  public convenience init(
    _ layer: any Layer, _ inputs: [SymbolicValue], identity: LayerIdentity
  ) throws {
    self.init(try LayerApplication(layer, inputs, identity), output: 0)
  }

  private init(_ source: LayerApplication, output: Int) {
    self.source = source
    self.output = output
  }

  /// All results of the layer.
  public var results: [SymbolicValue] {
    (0..<layer.outputCount).map { SymbolicValue(source, output: $0) }
  }

  /// Takes what its layer was applied to, if nobody else needs that.
  fileprivate func release(into released: inout [SymbolicValue]) {
    guard isKnownUniquelyReferenced(&source) else { return }
    released += source.operands
    source.operands = []
  }
}

/// A layer and what it is applied to.
private final class LayerApplication: Sendable {
  let layer: any Layer
  let identity: LayerIdentity
  // Written while nobody else can see it: when the application is made and when it goes.
  nonisolated(unsafe) var operands: [SymbolicValue]

  init(_ layer: any Layer, _ inputs: [SymbolicValue], _ identity: LayerIdentity) throws {
    guard layer.inputCount.contains(inputs.count) else {
      let kind = layer.kind
      let wanted = layer.inputCount
      let range =
        wanted.lowerBound == wanted.upperBound
        ? "\(wanted.lowerBound)" : "at least \(wanted.lowerBound)"
      throw WaneError(kind, "takes \(range) values, got \(inputs.count)")
    }
    self.layer = layer
    operands = inputs
    self.identity = identity
  }

  /// Lets go of a chain of applications one by one: it may be longer than the stack is deep.
  deinit {
    var released = operands
    operands = []
    while var value = released.popLast() {
      if isKnownUniquelyReferenced(&value) { value.release(into: &released) }
    }
  }
}

/// What makes a layer object itself.
public final class LayerIdentity: Sendable {
  /// Creates an identity different from all others.
  public init() {}
}
