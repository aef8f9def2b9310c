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
  let masksZero: Bool

  /// Creates a table of `inputs` vectors of `outputs` numbers.
  ///
  /// - Parameters:
  ///   - inputs: rows of the table.
  ///   - outputs: numbers in a row.
  ///   - masksZero: whether 0 stands for padding, which later layers pass over.
  ///   - name: what the layer is called.
  /// - Throws: when a size is not positive.
  public init(inputs: Int, outputs: Int, masksZero: Bool = false, name: String? = nil) throws {
    guard inputs > 0, outputs > 0 else {
      throw WaneError(
        "embedding", "input_dim and output_dim must be positive, got \(inputs) and \(outputs)")
    }
    self.inputs = inputs
    self.outputs = outputs
    self.masksZero = masksZero
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let table = try builder.parameter(
      "embeddings", [self.inputs, outputs], .uniform(limit: 0.05))
    let result = try builder.add(Embedding(), inputs + [table])
    guard masksZero else { return result }
    let type = builder.type(inputs[0])
    guard type.dimensions.count == 1 else {
      throw WaneError(Self.kind, "mask_zero takes sequences of whole numbers, got \(type)")
    }
    let words = try builder.add(Cast(.f32), inputs, part: "mask")
    let zero = try builder.add(Constant(0), [], part: "mask")
    let isWord = try builder.add(Compare(.notEqual), [words, zero], part: "mask")
    builder.set(try builder.add(Cast(.f32), [isWord], part: "mask"), of: result)
    return result
  }
}
