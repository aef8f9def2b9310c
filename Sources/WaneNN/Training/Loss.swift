import WaneGraph
import WaneTensor

/// What training makes small.
public enum Loss: String, CaseIterable, Sendable {
  /// Cross entropy with classes or one-hot rows. From logits when the last layer is not a softmax and
  /// its values need not be probabilities.
  case crossEntropy = "cross_entropy"
  /// The squared difference, averaged over a sample's elements.
  case meanSquaredError = "mse"

  /// The usual loss for labels of a type.
  public static func usual(for labels: DType) -> Loss {
    labels == .i32 ? .crossEntropy : .meanSquaredError
  }

  /// The type that labels of this loss have, for an output of the model.
  public func labelType(_ labels: Tensor, output: ValueType) throws -> ValueType {
    let dimensions = Array(labels.shape.dimensions.dropFirst())
    guard output.dtype == .f32, self != .crossEntropy || output.dimensions.count == 1 else {
      throw WaneError(rawValue, "does not apply to a model whose output is \(output)")
    }
    switch self {
    case .crossEntropy where labels.dtype == .i32:
      guard dimensions.isEmpty else {
        throw WaneError(rawValue, "classes must be one number a sample, got \(labels.shape)")
      }
      return .batched([], .i32)
    case .crossEntropy, .meanSquaredError:
      guard labels.dtype == .f32, dimensions == output.dimensions else {
        throw WaneError(
          rawValue, "labels \(labels.shape) \(labels.dtype) do not fit the model's output \(output)"
        )
      }
      return .batched(dimensions)
    }
  }
}

extension Graph {
  /// The logits behind an output: what goes into its softmax, or the output itself.
  ///
  /// When the output is made of probabilities by other means than a softmax, their logarithms.
  public mutating func logits(of output: Value, areProbabilities: Bool = false) throws -> Value {
    let producer = producer(of: output)
    if producer.operation is Softmax { return producer.inputs[0] }
    if areProbabilities { return try add(one: LogProbabilities(), [output], layer: producer.layer) }
    return output
  }

  /// Appends a loss and returns one number a sample, and the number of hits where that makes sense.
  mutating func add(_ loss: Loss, output: Value, labels: Value) throws -> (
    loss: Value, hits: Value?
  ) {
    switch loss {
    case .crossEntropy:
      let logits = try logits(of: output)
      let results = try add(CrossEntropy(), [logits, labels], layer: "loss")
      return (results[0], results[2])
    case .meanSquaredError:
      return (try add(SquaredError(), [output, labels], layer: "loss")[0], nil)
    }
  }
}
