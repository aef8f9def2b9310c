import WaneGraph
import WaneTensor

/// Batch normalization over the last axis, with Keras's defaults.
///
/// Parameters `gamma` (ones), `beta` (zeros) and the moving statistics, each `[C]`. Steps of a sequence
/// that are masked are normalized, too, but are no part of the statistics.
public struct BatchNormLayer: StepwiseLayer {
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

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let channels = [builder.type(inputs[0]).channels]
    let mask = builder.mask(of: inputs[0])
    let operands = [
      try mask.map { try builder.add(Masked(), [inputs[0], $0]) } ?? inputs[0],
      try builder.parameter("gamma", channels, .ones),
      try builder.parameter("beta", channels, .zeros),
      try builder.parameter("moving_mean", channels, .zeros, isTrainable: false),
      try builder.parameter("moving_variance", channels, .ones, isTrainable: false),
    ]
    return try builder.add(BatchNorm(epsilon: epsilon, momentum: momentum), operands)
  }
}
