import CKernels
import WaneTensor

/// How gradients move variables.
///
/// An optimizer sees one flat array of floats; it knows nothing of layers.
public enum Optimizer: Equatable, Sendable {
  /// Gradient descent, with momentum if it is not 0 (Sutskever et al., 2013).
  case sgd(learningRate: Float, momentum: Float = 0, nesterov: Bool = false)
  /// Adam (Kingma and Ba, 2015), with Keras's defaults.
  case adam(
    learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-7)

  /// The step size.
  public var learningRate: Float {
    switch self {
    case .sgd(let rate, _, _), .adam(let rate, _, _, _): rate
    }
  }

  /// The same optimizer with another step size.
  public func with(learningRate: Float) -> Optimizer {
    switch self {
    case .sgd(_, let momentum, let nesterov):
      .sgd(learningRate: learningRate, momentum: momentum, nesterov: nesterov)
    case .adam(_, let beta1, let beta2, let epsilon):
      .adam(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
    }
  }

  /// The same optimizer, checked.
  ///
  /// - Throws: when a coefficient is out of range.
  public func validated() throws -> Optimizer {
    guard learningRate > 0, learningRate.isFinite else {
      throw WaneError(
        "optimizer", "learning_rate must be greater than 0, got \(learningRate)")
    }
    switch self {
    case .sgd(_, let momentum, _):
      guard (0..<1).contains(momentum) else {
        throw WaneError("sgd", "momentum must be in [0, 1), got \(momentum)")
      }
    case .adam(_, let beta1, let beta2, let epsilon):
      guard (0..<1).contains(beta1), (0..<1).contains(beta2), epsilon > 0 else {
        throw WaneError(
          "adam", "betas must be in [0, 1) and epsilon positive, got \(beta1), \(beta2), \(epsilon)"
        )
      }
    }
    return self
  }

  /// How many numbers an optimizer remembers for each variable.
  var slots: Int {
    switch self {
    case .sgd(_, let momentum, _): momentum == 0 ? 0 : 1
    case .adam: 2
    }
  }

  /// Moves the variables `range`, given the parts that the shards have of the gradient.
  func update(
    _ variables: UnsafeMutablePointer<Float>, state: [UnsafeMutablePointer<Float>],
    gradient: UnsafePointer<wane_gradient>, step: Int, rate: Float, range: Range<Int>
  ) {
    switch self {
    case .sgd(_, let momentum, let nesterov):
      var options = wane_sgd(
        learning_rate: rate, momentum: momentum, nesterov: nesterov ? 1 : 0, weight_decay: 0)
      wane_sgd_f32(
        &options, gradient, variables, state.first, range.lowerBound, range.upperBound)
    case .adam(_, let beta1, let beta2, let epsilon):
      var options = wane_adam(
        learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: 0,
        step: Int64(step))
      wane_adam_f32(
        &options, gradient, variables, state[0], state[1], range.lowerBound, range.upperBound)
    }
  }
}
