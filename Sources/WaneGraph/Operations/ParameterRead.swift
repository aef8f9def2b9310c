import WaneTensor

/// Reads a parameter of the graph.
public struct ParameterRead: Operation {
  public static let name = "parameter"
  /// The name of the parameter.
  public let parameter: String
  /// Its extents.
  public let dimensions: [Int]

  /// The name of the parameter.
  public var name: String { parameter }

  /// Reads the parameter named.
  public init(name: String, dimensions: [Int]) {
    parameter = name
    self.dimensions = dimensions
  }

  public init(_ attributes: Attributes) throws {
    parameter = try attributes.string("name")
    dimensions = try attributes.ints("dimensions")
  }

  public var attributes: [String: Attribute] {
    ["name": .string(parameter), "dimensions": .ints(dimensions)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 0...0)
    return [.fixed(dimensions)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel { { _ in } }
}
