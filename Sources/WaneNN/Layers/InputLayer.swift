import WaneGraph
import WaneTensor

/// Where a model is fed: one block of the given extents a sample.
public struct InputLayer: Layer {
  public static let kind = "input"
  public let name: String?
  /// The extents of a sample.
  public let dimensions: [Int]
  /// The element type of a sample.
  public let dtype: DType

  /// Creates an input.
  ///
  /// - Throws: when an extent is not positive, or no layer takes elements of that type.
  public init(_ dimensions: [Int], dtype: DType = .f32, name: String? = nil) throws {
    guard dimensions.allSatisfy({ $0 > 0 }) else {
      throw WaneError("input", "extents must be positive, got \(Shape.text(dimensions))")
    }
    guard (try? Shape(dimensions)) != nil else {
      throw WaneError("input", "\(Shape.text(dimensions)) is too large")
    }
    guard InputLayer.dtypes.contains(dtype) else {
      let known = InputLayer.dtypes.map(\.description).joined(separator: ", ")
      throw WaneError("input", "dtype must be one of \(known), got \(dtype)")
    }
    self.dimensions = dimensions
    self.dtype = dtype
    self.name = name
  }

  /// The element types that an input can have.
  public static let dtypes: [DType] = [.f32, .i32, .u8]

  public var inputCount: ClosedRange<Int> { 0...0 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let index = builder.graph.inputs.count
    return try builder.add(Input(index: index, type: .batched(dimensions, dtype)), [])
  }
}
