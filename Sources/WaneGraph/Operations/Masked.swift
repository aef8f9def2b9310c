import WaneTensor

/// A value, and which of its steps count: `x [N, T, ...], mask [N, T] -> x`.
///
/// It stands before an output of a model, where losses and metrics find it, and before a batch
/// normalization, where training finds it; the value goes through as it is.
public struct Masked: Operation {
  public static let name = "masked"

  /// Creates the operation.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public var aliases: Int? { 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let (value, mask) = (inputs[0], inputs[1])
    guard value.dtype == .f32, value.isBatched, let steps = value.dimensions.first,
      mask == .batched([steps])
    else {
      throw WaneError(Self.name, "mask \(mask) does not fit \(value)")
    }
    return [value]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    [context.outputGradients[0], nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel { { _ in } }
}

extension Graph {
  /// The same graph whose outputs have no masks.
  public func withoutMasks() throws -> Graph {
    guard nodes.contains(where: { $0.operation is Masked }) else { return self }
    return try rewritten { _, node, inputs, _ in
      node.operation is Masked ? [inputs[0]] : nil
    }
  }

  /// What an output or operand is, and its mask if it has one.
  public func unmasked(_ output: Value) -> (value: Value, mask: Value?) {
    let node = producer(of: output)
    return node.operation is Masked ? (node.inputs[0], node.inputs[1]) : (output, nil)
  }
}
