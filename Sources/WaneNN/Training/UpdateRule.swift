import CKernels
import WaneTensor

/// How a gradient becomes a step, with the definitions of Keras 3.
///
/// The formulas stand beside the kernels, in `wane_optimizer.h`.
public enum UpdateRule: Equatable, Sendable {
  /// Gradient descent, with momentum if it is not 0 (Sutskever et al., 2013).
  case sgd(momentum: Float = 0, nesterov: Bool = false)
  /// Adam (Kingma and Ba, 2015); with `amsgrad` the divisor never shrinks (Reddi et al., 2018).
  case adam(
    beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-7, amsgrad: Bool = false)
  /// Adam with Nesterov's momentum (Dozat, 2016).
  case nadam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-7)
  /// RMSprop (Tieleman and Hinton, 2012).
  case rmsprop(
    rho: Float = 0.9, momentum: Float = 0, epsilon: Float = 1e-7, centered: Bool = false)
  /// Adagrad (Duchi et al., 2011).
  case adagrad(initialAccumulator: Float = 0.1, epsilon: Float = 1e-7)
  /// Adadelta (Zeiler, 2012).
  case adadelta(rho: Float = 0.95, epsilon: Float = 1e-7)
  /// Lion (Chen et al., 2023).
  case lion(beta1: Float = 0.9, beta2: Float = 0.99)

  /// What Lua calls it.
  public var name: String {
    switch self {
    case .sgd: "sgd"
    case .adam: "adam"
    case .nadam: "nadam"
    case .rmsprop: "rmsprop"
    case .adagrad: "adagrad"
    case .adadelta: "adadelta"
    case .lion: "lion"
    }
  }

  /// Where each number that is remembered for a variable starts.
  var slots: [Float] {
    switch self {
    case .sgd(let momentum, _): momentum == 0 ? [] : [0]
    case .adam(_, _, _, let amsgrad): amsgrad ? [0, 0, 0] : [0, 0]
    case .nadam: [0, 0]
    case .rmsprop(_, let momentum, _, let centered):
      [0] + (momentum == 0 ? [] : [0]) + (centered ? [0] : [])
    case .adagrad(let initial, _): [initial]
    case .adadelta: [0, 0]
    case .lion: [0]
    }
  }

  func validate() throws {
    func unit(_ value: Float, _ what: String) throws {
      guard (0..<1).contains(value) else {
        throw WaneError(name, "\(what) must be in [0, 1), got \(value)")
      }
    }
    func positive(_ value: Float, _ what: String) throws {
      guard value > 0, value.isFinite else {
        throw WaneError(name, "\(what) must be greater than 0, got \(value)")
      }
    }
    switch self {
    case .sgd(let momentum, _): try unit(momentum, "momentum")
    case .adam(let beta1, let beta2, let epsilon, _), .nadam(let beta1, let beta2, let epsilon):
      try unit(beta1, "beta1")
      try unit(beta2, "beta2")
      try positive(epsilon, "epsilon")
    case .rmsprop(let rho, let momentum, let epsilon, _):
      try unit(rho, "rho")
      try unit(momentum, "momentum")
      try positive(epsilon, "epsilon")
    case .adagrad(let initial, let epsilon):
      guard initial >= 0, initial.isFinite else {
        throw WaneError(name, "initial_accumulator_value must be at least 0, got \(initial)")
      }
      try positive(epsilon, "epsilon")
    case .adadelta(let rho, let epsilon):
      try unit(rho, "rho")
      try positive(epsilon, "epsilon")
    case .lion(let beta1, let beta2):
      try unit(beta1, "beta1")
      try unit(beta2, "beta2")
    }
  }

  /// Moves the variables `range`; `state` has an array for each of `slots`.
  func update(
    _ variables: UnsafeMutablePointer<Float>, state: [UnsafeMutablePointer<Float>],
    gradient: UnsafePointer<wane_gradient>, step: Int, rate: Float, decay: Float, range: Range<Int>
  ) {
    let (begin, end) = (range.lowerBound, range.upperBound)
    switch self {
    case .sgd(let momentum, let nesterov):
      var options = wane_sgd(
        learning_rate: rate, momentum: momentum, nesterov: nesterov ? 1 : 0, weight_decay: decay)
      wane_sgd_f32(&options, gradient, variables, state.first, begin, end)
    case .adam(let beta1, let beta2, let epsilon, let amsgrad):
      var options = wane_adam(
        learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: decay,
        step: Int64(step))
      wane_adam_f32(
        &options, gradient, variables, state[0], state[1], amsgrad ? state[2] : nil, begin, end)
    case .nadam(let beta1, let beta2, let epsilon):
      var options = wane_adam(
        learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: decay,
        step: Int64(step))
      wane_nadam_f32(&options, gradient, variables, state[0], state[1], begin, end)
    case .rmsprop(let rho, let momentum, let epsilon, let centered):
      var options = wane_rmsprop(
        learning_rate: rate, rho: rho, momentum: momentum, epsilon: epsilon, weight_decay: decay)
      wane_rmsprop_f32(
        &options, gradient, variables, state[0], momentum == 0 ? nil : state[1],
        centered ? state[state.count - 1] : nil, begin, end)
    case .adagrad(_, let epsilon):
      var options = wane_adagrad(learning_rate: rate, epsilon: epsilon, weight_decay: decay)
      wane_adagrad_f32(&options, gradient, variables, state[0], begin, end)
    case .adadelta(let rho, let epsilon):
      var options = wane_adadelta(
        learning_rate: rate, rho: rho, epsilon: epsilon, weight_decay: decay)
      wane_adadelta_f32(&options, gradient, variables, state[0], state[1], begin, end)
    case .lion(let beta1, let beta2):
      var options = wane_lion(
        learning_rate: rate, beta1: beta1, beta2: beta2, weight_decay: decay)
      wane_lion_f32(&options, gradient, variables, state[0], begin, end)
    }
  }
}
