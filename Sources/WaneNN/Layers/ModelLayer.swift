import WaneGraph
import WaneTensor

/// A whole model as a layer of another: its operations and parameters become part of the outer graph.
///
/// Paths and parameters get the layer's path in front, `backbone/conv2d/kernel`. Parameters start with
/// the values, constraints and trainability they have in the model.
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
    guard inputs.allSatisfy({ builder.mask(of: $0) == nil }) else {
      throw WaneError(
        "model", "takes no sequences that are masked outside; make the mask inside the model")
    }
    let values = try builder.graph.append(graph, under: builder.path, inputs: inputs)
    return try graph.outputs.map { output in
      guard let result = values[output] else { throw WaneError("model", "has no output") }
      let node = builder.graph.producer(of: result)
      guard node.operation is Masked else { return result }
      builder.set(node.inputs[1], of: node.inputs[0])
      return node.inputs[0]
    }
  }
}
