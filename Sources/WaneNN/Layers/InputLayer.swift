import WaneGraph
import WaneTensor

/// Where a model is fed: one block of the given extents a sample.
public struct InputLayer: Layer {
  public static let kind = "input"
  public let name: String?
  /// The extents of a sample.
  public let dimensions: [Int]

  /// Creates an input.
  ///
  /// - Throws: when an extent is not positive.
  public init(_ dimensions: [Int], name: String? = nil) throws {
    guard dimensions.allSatisfy({ $0 > 0 }) else {
      throw WaneError("input", "extents must be positive, got \(Shape.text(dimensions))")
    }
    guard (try? Shape(dimensions)) != nil else {
      throw WaneError("input", "\(Shape.text(dimensions)) is too large")
    }
    self.dimensions = dimensions
    self.name = name
  }

  public var inputCount: ClosedRange<Int> { 0...0 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let index = builder.graph.inputs.count
    return try builder.add(Input(index: index, type: .batched(dimensions)), [])
  }
}
