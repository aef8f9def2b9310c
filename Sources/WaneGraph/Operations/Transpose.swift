import WaneTensor

/// The axes of a sample, or of a value without a batch, in another order.
public struct Transpose: Operation {
  public static let name = "transpose"
  /// For each axis of the result, the axis of the operand it is, from 0.
  public let order: [Int]

  /// Puts axes in an order.
  public init(_ order: [Int]) { self.order = order }

  public init(_ attributes: Attributes) throws { order = try attributes.ints("order") }

  public var attributes: [String: Attribute] { ["order": .ints(order)] }

  public func isLinear(in operand: Int) -> Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    var type = inputs[0]
    guard order.sorted() == Array(type.dimensions.indices) else {
      throw WaneError(Self.name, "\(order) is not an order of the axes of \(type)")
    }
    type.dimensions = order.map { inputs[0].dimensions[$0] }
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    return [try context.add(Transpose(inverse), [dy])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let all = context.inputTypes[0].isBatched ? [0] + order.map { $0 + 1 } : order
    let steps = x.shape.steps
    let loop = StridedLoop(
      extents: y.shape.dimensions, steps: [all.map { steps[$0] }, y.shape.steps])
    let byteCount = context.inputTypes[0].dtype.byteCount
    return { _ in loop.copy(x.pointer, y.pointer, byteCount: byteCount) }
  }
}
