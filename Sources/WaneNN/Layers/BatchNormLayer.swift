import WaneGraph
import WaneTensor

/// Batch normalization over the last axis, with Keras's defaults.
///
/// Parameters `gamma` (ones), `beta` (zeros) and the moving statistics, each `[C]`.
public struct BatchNormLayer: Layer {
  public static let kind = "batch_norm"
  public let name: String?
  let momentum: Float
  let epsilon: Float

  /// Creates a batch normalization.
  ///
  /// - Throws: when momentum is not in [0, 1) or epsilon not positive.
  public init(momentum: Float = 0.99, epsilon: Float = 1e-3, name: String? = nil) throws {
    guard momentum >= 0, momentum < 1 else {
      throw WaneError("batch_norm", "momentum must be in [0, 1), got \(momentum)")
    }
    guard epsilon > 0 else {
      throw WaneError("batch_norm", "epsilon must be positive, got \(epsilon)")
    }
    self.momentum = momentum
    self.epsilon = epsilon
    self.name = name
  }

  /// Statistics would be those of padding, too.
  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] {
    throw WaneError(
      Self.kind, "cannot leave the steps that are masked out of its statistics; use layer_norm")
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let channels = [builder.type(inputs[0]).channels]
    let operands = [
      inputs[0],
      try builder.parameter("gamma", channels, .ones),
      try builder.parameter("beta", channels, .zeros),
      try builder.parameter("moving_mean", channels, .zeros, isTrainable: false),
      try builder.parameter("moving_variance", channels, .ones, isTrainable: false),
    ]
    return try builder.add(BatchNorm(epsilon: epsilon, momentum: momentum), operands)
  }
}
