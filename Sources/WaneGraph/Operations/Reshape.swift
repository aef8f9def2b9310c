import WaneTensor

/// The same elements of each sample under other extents.
public struct Reshape: Operation {
  public static let name = "reshape"
  /// The new extents of a sample.
  public let dimensions: [Int]

  /// Creates a reshape.
  public init(_ dimensions: [Int]) { self.dimensions = dimensions }

  public init(_ attributes: Attributes) throws { dimensions = try attributes.ints("dimensions") }

  public var attributes: [String: Attribute] { ["dimensions": .ints(dimensions)] }

  public var aliases: Int? { 0 }

  public func isLinear(in operand: Int) -> Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard try Shape(dimensions).count == inputs[0].sampleCount else {
      throw WaneError(Self.name, "\(inputs[0]) cannot become \(Shape.text(dimensions))")
    }
    var type = inputs[0]
    type.dimensions = dimensions
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let original = context.graph.type(of: context.inputs[0]).dimensions
    return [try context.add(Reshape(original), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel { { _ in } }
}
