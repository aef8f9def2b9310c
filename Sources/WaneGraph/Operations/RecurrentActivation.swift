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
  private var elements: Activation? {
    switch self {
    case .linear: nil
    case .relu: Activation(.relu)
    case .sigmoid: Activation(.sigmoid)
    case .tanh: Activation(.tanh)
    case .relu6: Activation(.relu6)
    case .leakyReLU: Activation(.leakyReLU)
    case .elu: Activation(.elu)
    case .selu: Activation(.selu)
    case .hardSigmoid: Activation(.hardSigmoid)
    case .softplus: Activation(.softplus)
    case .softsign: Activation(.softsign)
    }
  }

  /// Applies it in place.
  func apply(_ x: UnsafeMutablePointer<Float>, _ count: Int) { elements?.apply(x, x, count) }

  /// The gradient of what it was applied to, from its result.
  func applyGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    if let elements { return elements.applyGradient(y, dy, dx, count) }
    if dx != dy { dx.update(from: dy, count: count) }
  }

  /// What it makes of a value, in operations that have gradients of any order.
  func value(_ formula: inout Formula, _ x: Value) throws -> Value {
    switch self {
    case .linear: x
    case .relu: try formula.function(.relu, x)
    case .sigmoid: try formula.function(.sigmoid, x)
    case .tanh: try formula.function(.tanh, x)
    default: try elements.map { try formula.add($0, x) } ?? x
    }
  }
}
