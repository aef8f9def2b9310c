import CKernels
import WaneTensor

/// `x - log(sum(exp(x)))` along the last axis: the logarithm of softmax without its rounding.
public struct LogSoftmax: Operation {
  public static let name = "log_softmax"

  /// Creates a logarithmic softmax.
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

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    // dx = dy - softmax sum(dy)
    let last = context.graph.type(of: dy).dimensions.count - 1
    let softmax = try context.add(Unary(.exp), [context.outputs[0]])
    let sum = try context.add(Reduce(.sum, axes: [last], keepingAxes: true), [dy])
    let part = try context.add(Binary(.multiply), [softmax, sum])
    return [try context.add(Binary(.subtract), [dy, part])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let columns = context.inputTypes[0].channels
    let rows = columns == 0 ? 0 : context.output().count / columns
    return { _ in wane_log_softmax_f32(x, y, rows, columns) }
  }
}
