import CKernels
import WaneTensor

/// How gradients move variables, with the definitions and defaults of Keras 3.
///
/// An optimizer sees one flat array of floats; it knows nothing of layers.
public struct Optimizer: Equatable, Sendable {
  /// How a gradient becomes a step.
  public var rule: UpdateRule
  /// The step size.
  public var learningRate: Float
  /// What each step takes from a variable besides, times the step size (Loshchilov and Hutter, 2019).
  public var weightDecay: Float = 0
  /// Whether biases and the scales of normalizations, variables of one axis, decay as well.
  public var decaysVectors = true
  /// How large gradients may be.
  public var clipping = GradientClipping.none
  /// The momentum of the moving average of the variables that the trained model gets; nil for the
  /// variables themselves.
  public var averageMomentum: Float?
  /// After how many steps the variables are set to their average; nil for never.
  public var averageInterval: Int?

  /// Creates an optimizer.
  public init(_ rule: UpdateRule, learningRate: Float, weightDecay: Float = 0) {
    self.rule = rule
    self.learningRate = learningRate
    self.weightDecay = weightDecay
  }

  /// Gradient descent, with momentum if it is not 0.
  public static func sgd(learningRate: Float, momentum: Float = 0, nesterov: Bool = false)
    -> Optimizer
  {
    Optimizer(.sgd(momentum: momentum, nesterov: nesterov), learningRate: learningRate)
  }

  /// Adam, with Keras's defaults.
  public static func adam(
    learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-7
  ) -> Optimizer {
    Optimizer(.adam(beta1: beta1, beta2: beta2, epsilon: epsilon), learningRate: learningRate)
  }

  /// The same optimizer with another step size.
  public func with(learningRate: Float) -> Optimizer {
    var result = self
    result.learningRate = learningRate
    return result
  }

  /// The same optimizer, checked.
  ///
  /// - Throws: when a coefficient is out of range.
  public func validated() throws -> Optimizer {
    guard learningRate > 0, learningRate.isFinite else {
      throw WaneError("optimizer", "learning_rate must be greater than 0, got \(learningRate)")
    }
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw WaneError(rule.name, "weight_decay must be at least 0, got \(weightDecay)")
    }
    if let limit = clipping.limit {
      guard limit > 0, limit.isFinite else {
        throw WaneError(rule.name, "a limit of gradients must be greater than 0, got \(limit)")
      }
    }
    if let averageMomentum {
      guard (0...1).contains(averageMomentum) else {
        throw WaneError(rule.name, "ema_momentum must be in [0, 1], got \(averageMomentum)")
      }
    }
    if let averageInterval {
      guard averageInterval > 0 else {
        throw WaneError(
          rule.name, "ema_overwrite_frequency must be at least 1, got \(averageInterval)")
      }
    }
    try rule.validate()
    return self
  }

  /// Moves the variables `range`, given the parts that the shards have of the gradient.
  ///
  /// - Parameters:
  ///   - variables: all variables.
  ///   - state: an array for each number that is remembered.
  ///   - gradient: its parts.
  ///   - step: the number of the step, 1 for the first.
  ///   - rate: the step size.
  ///   - decay: the weight decay of these variables; that of the optimizer when nil.
  ///   - range: which of them move.
  func update(
    _ variables: UnsafeMutablePointer<Float>, state: [UnsafeMutablePointer<Float>],
    gradient: UnsafePointer<wane_gradient>, step: Int, rate: Float, decay: Float? = nil,
    range: Range<Int>
  ) {
    rule.update(
      variables, state: state, gradient: gradient, step: step, rate: rate,
      decay: decay ?? weightDecay, range: range)
  }
}

/// How large gradients may be.
public enum GradientClipping: Equatable, Sendable {
  /// As large as they are.
  case none
  /// Every element within these bounds.
  case value(Float)
  /// Every variable's gradient of at most this norm.
  case norm(Float)
  /// The gradient of all variables together of at most this norm.
  case globalNorm(Float)

  /// The bound.
  var limit: Float? {
    switch self {
    case .none: nil
    case .value(let limit), .norm(let limit), .globalNorm(let limit): limit
    }
  }

  /// Whether norms are needed, which take a pass over the gradient before the update.
  var needsNorms: Bool {
    switch self {
    case .none, .value: false
    case .norm, .globalNorm: true
    }
  }
}
