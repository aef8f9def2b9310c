import WaneGraph
import WaneTensor

extension Graph {
  /// Appends the operations and parameters of a whole model, fed by values of this graph.
  ///
  /// Paths and parameters get `path` in front, `backbone/conv2d/kernel`. Parameters start with the
  /// values, constraints and trainability they have in the model; those that are there already under
  /// their new name are read.
  ///
  /// - Parameters:
  ///   - model: what is appended.
  ///   - path: what stands in front of its names.
  ///   - inputs: one value an input, of the input's type.
  /// - Returns: for the model's values, those that stand for them.
  /// - Throws: when an operand is missing or does not fit.
  mutating func append(_ model: Graph, under path: String, inputs: [Value]) throws -> [Value: Value]
  {
    var values = Dictionary(zip(model.inputs, inputs)) { first, _ in first }
    for (index, node) in model.nodes.enumerated() where !(node.operation is Input) {
      let place = "\(path)/\(node.layer)"
      let results: [Value]
      if let read = node.operation as? ParameterRead {
        results = [try self.read(read.name, of: model, under: path, layer: place)]
      } else {
        let operands = node.inputs.compactMap { values[$0] }
        guard operands.count == node.inputs.count else {
          throw WaneError("model", "an operand of '\(node.layer)' is missing")
        }
        results = try add(node.operation, operands, layer: place)
      }
      for (output, value) in results.enumerated() {
        values[Value(node: index, output: output)] = value
      }
    }
    return values
  }

  /// Reads a parameter of a model that is appended, which is added when it is not there yet.
  ///
  /// - Parameters:
  ///   - name: its name in the model.
  ///   - model: the model.
  ///   - path: what stands in front of its name here.
  ///   - layer: the layer that reads it.
  /// - Returns: its value.
  /// - Throws: when the model has none of that name.
  mutating func read(
    _ name: String, of model: Graph, under path: String, layer: String
  ) throws -> Value {
    let full = "\(path)/\(name)"
    if parameters[full] != nil { return try read(full, layer: layer) }
    guard let parameter = model.parameters[name] else {
      throw WaneError("model", "there is no parameter named '\(name)'")
    }
    return try add(parameter: parameter.renamed(full), layer: layer)
  }
}
