import CKernels
import WaneTensor

/// `exp(x) / sum(exp(x))` along the last axis.
public struct Softmax: Operation {
  public static let name = "softmax"

  /// Creates a softmax.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard !inputs[0].dimensions.isEmpty else {
      throw WaneError(Self.name, "takes at least one axis, got \(inputs[0])")
    }
    return inputs
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(SoftmaxGradient(), [gradient, context.outputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let columns = context.inputTypes[0].channels
    let rows = columns == 0 ? 0 : context.output().count / columns
    return { _ in wane_softmax_f32(x, y, rows, columns) }
  }
}

/// The gradient of softmax from its result: `dy, y -> dx`.
public struct SoftmaxGradient: Operation {
  public static let name = "softmax_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    // dx = y (dy - sum(dy y)); the sum over the row is s, that of g y is t.
    let (dy, y) = (context.inputs[0], context.inputs[1])
    let last = context.graph.type(of: y).dimensions.count - 1
    func total(_ a: Value) throws -> Value {
      let product = try context.add(Binary(.multiply), [a, y])
      return try context.add(Reduce(.sum, axes: [last], keepingAxes: true), [product])
    }
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) { gradients[0] = try context.add(SoftmaxGradient(), [g, y]) }
    if context.needs(1) {
      // g (dy - s) - t dy
      let rest = try context.add(Binary(.subtract), [dy, total(dy)])
      let direct = try context.add(Binary(.multiply), [g, rest])
      let through = try context.add(Binary(.multiply), [dy, total(g)])
      gradients[1] = try context.add(Binary(.subtract), [direct, through])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let y = try context.input(1).floats
    let dx = context.output().floats
    let columns = context.inputTypes[0].channels
    let rows = columns == 0 ? 0 : context.output().count / columns
    return { _ in wane_softmax_grad_f32(y, dy, dx, rows, columns) }
  }
}
