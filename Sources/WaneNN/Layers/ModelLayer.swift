import WaneGraph
import WaneTensor

/// A whole model as a layer of another: its operations and parameters become part of the outer graph.
///
/// Paths and parameters get the layer's path in front, `backbone/conv2d/kernel`. Parameters start with
/// the values, constraints and trainability they have in the model. Masks of its inputs reach the layers
/// inside, as Keras's do.
public struct ModelLayer: Layer {
  public static let kind = "model"
  public let name: String?
  private let graph: Graph

  /// Wraps a model.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - name: what the layer is called.
  public init(_ graph: Graph, name: String? = nil) {
    self.graph = graph
    self.name = name
  }

  public var inputCount: ClosedRange<Int> { graph.inputs.count...graph.inputs.count }

  public var outputCount: Int { graph.outputs.count }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let results = try buildAll(&builder, inputs)
    guard let result = results.first else { throw WaneError("model", "has no output") }
    return result
  }

  public func buildAll(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> [Value] {
    for (declared, input) in zip(graph.inputs, inputs) {
      let (wanted, got) = (graph.type(of: declared), builder.type(input))
      guard wanted == got else { throw WaneError("model", "takes \(wanted), got \(got)") }
    }
    var embedding = MaskedEmbedding(graph, builder, inputs: inputs)
    let results: [Value]
    (builder, results) = try embedding.append()
    return results.map { result in
      let node = builder.graph.producer(of: result)
      guard node.operation is Masked else { return result }
      builder.set(node.inputs[1], of: node.inputs[0])
      return node.inputs[0]
    }
  }
}
