import WaneTensor

/// What a caller gives: batched values in order of `index`.
public struct Input: Operation {
  public static let name = "input"
  /// Which of the graph's inputs it is, from 0.
  public let index: Int
  /// Element type and extents of a sample.
  public let type: ValueType

  /// Declares an input.
  public init(index: Int, type: ValueType) {
    self.index = index
    self.type = type
  }

  public init(_ attributes: Attributes) throws {
    let dtype = try attributes.string("dtype")
    guard let dtype = DType(name: dtype), !dtype.isHalf else {
      throw WaneError("input", "there is no element type '\(dtype)'")
    }
    index = try attributes.int("index", in: 0...1023)
    type = .batched(try attributes.ints("dimensions"), dtype)
  }

  public var attributes: [String: Attribute] {
    [
      "index": .int(index), "dtype": .string(type.dtype.description),
      "dimensions": .ints(type.dimensions),
    ]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 0...0)
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel { { _ in } }
}
