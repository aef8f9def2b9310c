import WaneGraph
import WaneTensor

/// All elements of a sample in one row, in order.
public struct FlattenLayer: Layer {
  public static let kind = "flatten"
  public let name: String?

  /// Creates a flattening.
  public init(name: String? = nil) { self.name = name }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(Reshape([builder.type(inputs[0]).sampleCount]), inputs)
  }
}
