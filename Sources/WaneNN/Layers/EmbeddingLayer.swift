import WaneGraph
import WaneTensor

/// Vectors for whole numbers: `[N, ...]` of type i32 or u8 to `[N, ..., outputs]`.
///
/// Table `embeddings [inputs, outputs]`, uniform in +-0.05.
public struct EmbeddingLayer: Layer {
  public static let kind = "embedding"
  public let name: String?
  let inputs: Int
  let outputs: Int

  /// Creates a table of `inputs` vectors of `outputs` numbers.
  ///
  /// - Throws: when one of these is not positive.
  public init(inputs: Int, outputs: Int, name: String? = nil) throws {
    guard inputs > 0, outputs > 0 else {
      throw WaneError(
        "embedding", "input_dim and output_dim must be positive, got \(inputs) and \(outputs)")
    }
    self.inputs = inputs
    self.outputs = outputs
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let table = try builder.parameter(
      "embeddings", [self.inputs, outputs], .uniform(limit: 0.05))
    return try builder.add(Embedding(), inputs + [table])
  }
}
