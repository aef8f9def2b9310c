import WaneGraph
import WaneTensor

/// A fully connected layer over the last axis: `[N, ..., I]` to `[N, ..., units]`.
///
/// Kernel `[I, units]`, Glorot uniform; bias `[units]`, zero.
public struct DenseLayer: StepwiseLayer {
  public static let kind = "dense"
  public let name: String?
  let units: Int
  let activation: ActivationName?
  let usesBias: Bool

  /// Creates a fully connected layer.
  ///
  /// - Throws: when the number of units is not positive.
  public init(
    units: Int, activation: ActivationName? = nil, usesBias: Bool = true, name: String? = nil
  ) throws {
    guard units > 0 else { throw WaneError("dense", "units must be positive, got \(units)") }
    self.units = units
    self.activation = activation
    self.usesBias = usesBias
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let row = builder.type(inputs[0])
    guard !row.dimensions.isEmpty else {
      throw WaneError("dense", "takes rows, got \(row)")
    }
    var operands = inputs
    operands.append(try builder.parameter("kernel", [row.channels, units], .glorotUniform))
    if usesBias { operands.append(try builder.parameter("bias", [units], .zeros)) }
    return try builder.activate(builder.add(Dense(), operands), activation)
  }
}
