import WaneTensor

/// The elements along some axes in the opposite order.
public struct Flip: Operation {
  public static let name = "flip"
  /// The axes of a sample, or of a value without a batch, from 0.
  public let axes: [Int]

  /// Turns axes around.
  public init(_ axes: [Int]) { self.axes = axes.sorted() }

  public init(_ attributes: Attributes) throws { self.init(try attributes.ints("axes")) }

  public var attributes: [String: Attribute] { ["axes": .ints(axes)] }

  public func isLinear(in operand: Int) -> Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard Set(axes).count == axes.count, axes.allSatisfy(inputs[0].dimensions.indices.contains)
    else { throw WaneError(Self.name, "axes \(axes) do not fit \(inputs[0])") }
    return inputs
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [try context.add(self, [dy])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let turned = axes.map { $0 + (context.inputTypes[0].isBatched ? 1 : 0) }
    var steps = x.shape.steps
    var start = 0
    for axis in turned where x.shape[axis] > 1 {
      start += (x.shape[axis] - 1) * steps[axis]
      steps[axis] = -steps[axis]
    }
    let loop = StridedLoop(extents: y.shape.dimensions, steps: [steps, y.shape.steps])
    let first = y.count == 0 ? 0 : start
    return { _ in loop.copy(x.floats + first, y.pointer, byteCount: 4) }
  }
}
