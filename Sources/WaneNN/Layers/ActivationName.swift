import WaneGraph

/// The activations that layers take by name, with Keras's usual numbers in them.
public enum ActivationName: String, CaseIterable, Sendable {
  case linear, relu, sigmoid, tanh, softmax, relu6
  case leakyReLU = "leaky_relu"
  case elu, selu, gelu, silu
  case hardSwish = "hard_swish"
  case hardSigmoid = "hard_sigmoid"
  case softplus, mish, softsign

  /// What computes it; nil for `linear`.
  var operation: (any WaneGraph.Operation)? {
    switch self {
    case .linear: nil
    case .softmax: Softmax()
    case .relu: Activation(.relu)
    case .sigmoid: Activation(.sigmoid)
    case .tanh: Activation(.tanh)
    case .relu6: Activation(.relu6)
    case .leakyReLU: Activation(.leakyReLU)
    case .elu: Activation(.elu)
    case .selu: Activation(.selu)
    case .gelu: Activation(.gelu)
    case .silu: Activation(.silu)
    case .hardSwish: Activation(.hardSwish)
    case .hardSigmoid: Activation(.hardSigmoid)
    case .softplus: Activation(.softplus)
    case .mish: Activation(.mish)
    case .softsign: Activation(.softsign)
    }
  }
}
