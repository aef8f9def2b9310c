import CKernels
import WaneTensor

/// A number that is part of the graph.
public struct Constant: Operation {
  public static let name = "constant"
  /// The number.
  public let value: Float

  /// Creates a constant.
  public init(_ value: Float) { self.value = value }

  public init(_ attributes: Attributes) throws { value = try attributes.float("value") }

  public var attributes: [String: Attribute] { ["value": .float(value)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 0...0)
    return [.fixed([])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let y = context.output().floats
    return { [value] _ in y[0] = value }
  }
}
