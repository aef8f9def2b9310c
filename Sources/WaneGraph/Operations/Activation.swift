import CKernels
import WaneTensor

/// A function applied to every element by itself.
public enum ActivationKind: String, CaseIterable, Sendable {
  /// `max(0, x)`.
  case relu
  /// `1 / (1 + exp(-x))`.
  case sigmoid
  /// `tanh(x)`.
  case tanh
  /// `min(max(0, x), 6)`.
  case relu6
  /// `x` above zero, `alpha x` below.
  case leakyReLU = "leaky_relu"
  /// `x` above zero, `alpha (exp(x) - 1)` below.
  case elu
  /// `elu` with the factors that keep mean and variance (Klambauer et al., 2017).
  case selu
  /// `x P(Z < x)` for a standard normal `Z`.
  case gelu
  /// The approximation of `gelu` by a hyperbolic tangent.
  case geluTanh = "gelu_tanh"
  /// `x sigmoid(x)`.
  case silu
  /// `x hard_sigmoid(x)`.
  case hardSwish = "hard_swish"
  /// `min(max(0, x / 6 + 1 / 2), 1)`.
  case hardSigmoid = "hard_sigmoid"
  /// `log(1 + exp(x))`.
  case softplus
  /// `x tanh(softplus(x))`.
  case mish
  /// `x / (1 + |x|)`.
  case softsign

  /// Whether there is a number `alpha` in it.
  public var hasAlpha: Bool { self == .leakyReLU || self == .elu }

  /// Whether the gradient is taken from the operand; else it is from the result.
  var needsOperand: Bool {
    switch self {
    case .gelu, .geluTanh, .silu, .hardSwish, .mish: true
    default: false
    }
  }
}

/// Applies a function to every element.
public struct Activation: Operation {
  public static let name = "activation"
  /// The function.
  public let kind: ActivationKind
  /// What `leaky_relu` and `elu` do below zero; 0 for the others.
  public let alpha: Float

  /// Applies a function without a number in it, or `elu` with an `alpha` of 1, or `leaky_relu` with
  /// one of 0.2.
  public init(_ kind: ActivationKind) {
    self.kind = kind
    alpha = kind == .elu ? 1 : kind == .leakyReLU ? 0.2 : 0
  }

  /// Applies `leaky_relu` or `elu`.
  ///
  /// - Throws: when the function has no `alpha`, or it is negative.
  public init(_ kind: ActivationKind, alpha: Float) throws {
    guard kind.hasAlpha, alpha >= 0, alpha.isFinite else {
      throw WaneError(kind.rawValue, "slope below zero must be at least 0, got \(alpha)")
    }
    self.kind = kind
    self.alpha = alpha
  }

  public init(_ attributes: Attributes) throws {
    let kind = try ActivationKind(attribute: "kind", of: attributes)
    if kind.hasAlpha {
      try self.init(kind, alpha: attributes.float("alpha"))
    } else {
      self.init(kind)
    }
  }

  public var attributes: [String: Attribute] {
    kind.hasAlpha
      ? ["kind": .string(kind.rawValue), "alpha": .float(alpha)]
      : ["kind": .string(kind.rawValue)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let known = kind.needsOperand ? context.inputs[0] : context.outputs[0]
    return [try context.add(ActivationGradient(self), [gradient, known])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    return { _ in apply(x, y, count) }
  }

  /// Applies it to numbers; `y` may be `x`.
  func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
    switch kind {
    case .leakyReLU: wane_leaky_relu_f32(x, alpha, y, count)
    case .elu: wane_elu_f32(x, alpha, y, count)
    case .relu: wane_relu_f32(x, y, count)
    case .sigmoid: wane_sigmoid_f32(x, y, count)
    case .tanh: wane_tanh_f32(x, y, count)
    case .relu6: wane_relu6_f32(x, y, count)
    case .selu: wane_selu_f32(x, y, count)
    case .gelu: wane_gelu_f32(x, y, count)
    case .geluTanh: wane_gelu_tanh_f32(x, y, count)
    case .silu: wane_silu_f32(x, y, count)
    case .hardSwish: wane_hard_swish_f32(x, y, count)
    case .hardSigmoid: wane_hard_sigmoid_f32(x, y, count)
    case .softplus: wane_softplus_f32(x, y, count)
    case .mish: wane_mish_f32(x, y, count)
    case .softsign: wane_softsign_f32(x, y, count)
    }
  }

  /// The gradient of what it was applied to, from its result, or from its operand where the kind needs
  /// that; `dx` may be `dy`.
  func applyGradient(
    _ known: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    switch kind {
    case .leakyReLU: wane_leaky_relu_grad_f32(known, alpha, dy, dx, count)
    case .elu: wane_elu_grad_f32(known, alpha, dy, dx, count)
    case .relu: wane_relu_grad_f32(known, dy, dx, count)
    case .sigmoid: wane_sigmoid_grad_f32(known, dy, dx, count)
    case .tanh: wane_tanh_grad_f32(known, dy, dx, count)
    case .relu6: wane_relu6_grad_f32(known, dy, dx, count)
    case .selu: wane_selu_grad_f32(known, dy, dx, count)
    case .gelu: wane_gelu_grad_f32(known, dy, dx, count)
    case .geluTanh: wane_gelu_tanh_grad_f32(known, dy, dx, count)
    case .silu: wane_silu_grad_f32(known, dy, dx, count)
    case .hardSwish: wane_hard_swish_grad_f32(known, dy, dx, count)
    case .hardSigmoid: wane_hard_sigmoid_grad_f32(known, dy, dx, count)
    case .softplus: wane_softplus_grad_f32(known, dy, dx, count)
    case .mish: wane_mish_grad_f32(known, dy, dx, count)
    case .softsign: wane_softsign_grad_f32(known, dy, dx, count)
    }
  }
}

/// The gradient of an activation: `dy, y -> dx`, or `dy, x -> dx` for those that need their operand.
public struct ActivationGradient: Operation {
  public static let name = "activation_gradient"
  private let forward: Activation

  init(_ kind: ActivationKind) { forward = Activation(kind) }

  init(_ forward: Activation) { self.forward = forward }

  public init(_ attributes: Attributes) throws { forward = try Activation(attributes) }

  public var attributes: [String: Attribute] { forward.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let (dy, known) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) { gradients[0] = try context.add(self, [g, known]) }
    guard context.needs(1), let curvature = try forward.curvature(&context, of: known) else {
      return gradients
    }
    let product = try context.add(Binary(.multiply), [g, dy])
    gradients[1] = try context.add(Binary(.multiply), [product, curvature])
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let known = try context.input(1).floats
    let dx = context.output().floats
    let count = context.output().count
    return { [forward] _ in forward.applyGradient(known, dy, dx, count) }
  }
}

extension ActivationKind {
  init(attribute name: String, of attributes: Attributes) throws {
    let text = try attributes.string(name)
    guard let kind = ActivationKind(rawValue: text) else {
      throw WaneError(attributes.operation, "there is no activation '\(text)'")
    }
    self = kind
  }
}
