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
}

/// Applies a function to every element.
public struct Activation: Operation {
  public static let name = "activation"
  /// The function.
  public let kind: ActivationKind

  /// Applies `kind`.
  public init(_ kind: ActivationKind) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    kind = try ActivationKind(attribute: "kind", of: attributes)
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(ActivationGradient(kind), [gradient, context.outputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    switch kind {
    case .relu: return { _ in wane_relu_f32(x, y, count) }
    case .sigmoid: return { _ in wane_sigmoid_f32(x, y, count) }
    case .tanh: return { _ in wane_tanh_f32(x, y, count) }
    }
  }
}

/// The gradient of an activation from its result: `dy, y -> dx`.
public struct ActivationGradient: Operation {
  public static let name = "activation_gradient"
  /// The function.
  public let kind: ActivationKind

  init(_ kind: ActivationKind) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    kind = try ActivationKind(attribute: "kind", of: attributes)
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let (dy, y) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) { gradients[0] = try context.add(ActivationGradient(kind), [g, y]) }
    guard context.needs(1) else { return gradients }
    // f' in terms of y is 1 - y^2 for tanh and y (1 - y) for sigmoid; that of relu is constant.
    let product = try context.add(Binary(.multiply), [g, dy])
    switch kind {
    case .relu: break
    case .sigmoid:
      let slope = try context.add(Rescale(scale: -2, offset: 1), [y])
      gradients[1] = try context.add(Binary(.multiply), [product, slope])
    case .tanh:
      let slope = try context.add(Rescale(scale: -2), [y])
      gradients[1] = try context.add(Binary(.multiply), [product, slope])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let y = try context.input(1).floats
    let dx = context.output().floats
    let count = context.output().count
    switch kind {
    case .relu: return { _ in wane_relu_grad_f32(y, dy, dx, count) }
    case .sigmoid: return { _ in wane_sigmoid_grad_f32(y, dy, dx, count) }
    case .tanh: return { _ in wane_tanh_grad_f32(y, dy, dx, count) }
    }
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
