import WaneGraph
import WaneTensor

/// The result of a layer that was applied to other symbolic values: the functional form of a model
/// before it is built.
public final class SymbolicValue: Sendable {
  /// The layer.
  public let layer: any Layer
  /// What it was applied to.
  public var inputs: [SymbolicValue] { operands }
  /// Tells layer objects apart: the same object applied twice shares its parameters.
  public let identity: LayerIdentity
  // Written while nobody else can see it: when the value is made and when it goes.
  private nonisolated(unsafe) var operands: [SymbolicValue]

  /// Applies a layer.
  ///
  /// - Throws: when it takes another number of values.
  public init(_ layer: any Layer, _ inputs: [SymbolicValue], identity: LayerIdentity) throws {
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

  /// Lets go of a chain of values one by one: it may be longer than the stack is deep.
  deinit {
    var released = operands
    operands = []
    while var value = released.popLast() {
      guard isKnownUniquelyReferenced(&value) else { continue }
      released += value.operands
      value.operands = []
    }
  }
}

/// What makes a layer object itself.
public final class LayerIdentity: Sendable {
  /// Creates an identity different from all others.
  public init() {}
}
