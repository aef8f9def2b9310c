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
    var values: [Value: Value] = [:]
    for (declared, input) in zip(graph.inputs, inputs) {
      let (wanted, got) = (graph.type(of: declared), builder.type(input))
      guard wanted == got else { throw WaneError("model", "takes \(wanted), got \(got)") }
      values[declared] = input
    }
    for (index, node) in graph.nodes.enumerated() where !(node.operation is Input) {
      let place = "\(builder.path)/\(node.layer)"
      let results: [Value]
      if let read = node.operation as? ParameterRead {
        results = [try self.read(read.name, place, &builder)]
      } else {
        let operands = node.inputs.compactMap { values[$0] }
        guard operands.count == node.inputs.count else {
          throw WaneError("model", "an operand of '\(node.layer)' is missing")
        }
        results = try builder.graph.add(node.operation, operands, layer: place)
      }
      for (output, value) in results.enumerated() {
        values[Value(node: index, output: output)] = value
      }
    }
    guard let result = graph.outputs.first.flatMap({ values[$0] }) else {
      throw WaneError("model", "has no output")
    }
    return result
  }

  private func read(_ name: String, _ place: String, _ builder: inout LayerBuilder) throws -> Value
  {
    let full = "\(builder.path)/\(name)"
    if builder.graph.parameters[full] != nil { return try builder.graph.read(full, layer: place) }
    guard let parameter = graph.parameters[name] else {
      throw WaneError("model", "there is no parameter named '\(name)'")
    }
    let copy = try Parameter(
      full, parameter.payload, shape: parameter.shape, isTrainable: parameter.isTrainable,
      isMasked: parameter.isMasked)
    return try builder.graph.add(parameter: copy, layer: place)
  }
}
