import WaneTensor

/// A value repeated along axes of extent one, and along new ones in front: `x (, like) -> y`.
///
/// With a second operand that is batched, a value without a batch is repeated for every sample.
public struct BroadcastTo: Operation {
  public static let name = "broadcast_to"
  /// The extents of the result, of a sample when there is a batch.
  public let dimensions: [Int]

  /// Repeats up to the extents.
  public init(_ dimensions: [Int]) { self.dimensions = dimensions }

  public init(_ attributes: Attributes) throws { dimensions = try attributes.ints("dimensions") }

  public var attributes: [String: Attribute] { ["dimensions": .ints(dimensions)] }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...2)
    try require(inputs[0], .f32)
    let isBatched = inputs.contains { $0.isBatched }
    let type = ValueType(dtype: .f32, isBatched: isBatched, dimensions: dimensions)
    guard try inputs[0].broadcast(with: type, operation: Self.name) == type else {
      throw WaneError(Self.name, "\(inputs[0]) does not broadcast to \(type)")
    }
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    if let dy = context.outputGradients[0] {
      gradients[0] = try context.graph.sum(dy, like: context.inputs[0], layer: context.layer)
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let loop = StridedLoop(
      extents: y.shape.dimensions, steps: [x.shape.steps(broadcastTo: y.shape), y.shape.steps])
    return { _ in loop.copy(x.pointer, y.pointer, byteCount: 4) }
  }
}
