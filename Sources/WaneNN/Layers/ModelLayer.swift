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
  /// - Throws: when the model has several outputs: a layer has one result.
  public init(_ graph: Graph, name: String? = nil) throws {
    guard graph.outputs.count == 1 else {
      throw WaneError(
        "model", "only a model with one output can be a layer, got \(graph.outputs.count) outputs")
    }
    self.graph = graph
    self.name = name
  }

  public var inputCount: ClosedRange<Int> { graph.inputs.count...graph.inputs.count }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    for (declared, input) in zip(graph.inputs, inputs) {
      let (wanted, got) = (graph.type(of: declared), builder.type(input))
      guard wanted == got else { throw WaneError("model", "takes \(wanted), got \(got)") }
    }
    let values = try builder.graph.append(graph, under: builder.path, inputs: inputs)
    guard let result = graph.outputs.first.flatMap({ values[$0] }) else {
      throw WaneError("model", "has no output")
    }
    return result
  }
}
