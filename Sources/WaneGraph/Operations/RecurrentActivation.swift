import CKernels
import WaneTensor

/// The activations of recurrent cells: those whose gradient follows from their result, which is what a
/// step keeps.
public enum RecurrentActivation: String, CaseIterable, Sendable {
  case linear, relu, sigmoid, tanh, relu6
  case leakyReLU = "leaky_relu"
  case elu, selu
  case hardSigmoid = "hard_sigmoid"
  case softplus, softsign

  /// The activation of elements; nil for none.
  var kind: ActivationKind? { ActivationKind(rawValue: rawValue) }

  /// Applies it in place.
  func apply(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
    switch self {
    case .linear: break
    case .relu: wane_relu_f32(x, x, count)
    case .sigmoid: wane_sigmoid_f32(x, x, count)
    case .tanh: wane_tanh_f32(x, x, count)
    case .relu6: wane_relu6_f32(x, x, count)
    case .leakyReLU: wane_leaky_relu_f32(x, Activation(.leakyReLU).alpha, x, count)
    case .elu: wane_elu_f32(x, Activation(.elu).alpha, x, count)
    case .selu: wane_selu_f32(x, x, count)
    case .hardSigmoid: wane_hard_sigmoid_f32(x, x, count)
    case .softplus: wane_softplus_f32(x, x, count)
    case .softsign: wane_softsign_f32(x, x, count)
    }
  }

  /// The gradient of what it was applied to, from its result.
  func applyGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    switch self {
    case .linear: if dx != dy { dx.update(from: dy, count: count) }
    case .relu: wane_relu_grad_f32(y, dy, dx, count)
    case .sigmoid: wane_sigmoid_grad_f32(y, dy, dx, count)
    case .tanh: wane_tanh_grad_f32(y, dy, dx, count)
    case .relu6: wane_relu6_grad_f32(y, dy, dx, count)
    case .leakyReLU: wane_leaky_relu_grad_f32(y, Activation(.leakyReLU).alpha, dy, dx, count)
    case .elu: wane_elu_grad_f32(y, Activation(.elu).alpha, dy, dx, count)
    case .selu: wane_selu_grad_f32(y, dy, dx, count)
    case .hardSigmoid: wane_hard_sigmoid_grad_f32(y, dy, dx, count)
    case .softplus: wane_softplus_grad_f32(y, dy, dx, count)
    case .softsign: wane_softsign_grad_f32(y, dy, dx, count)
    }
  }

  /// What it makes of a value, in operations that have gradients of any order.
  func value(_ formula: inout Formula, _ x: Value) throws -> Value {
    switch self {
    case .linear: x
    case .relu: try formula.function(.relu, x)
    case .sigmoid: try formula.function(.sigmoid, x)
    case .tanh: try formula.function(.tanh, x)
    default: try kind.map { try formula.add(Activation($0), x) } ?? x
    }
  }
}
