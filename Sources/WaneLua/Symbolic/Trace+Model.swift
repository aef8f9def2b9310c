import WaneGraph
import WaneTensor

/// Models that traced functions call: what they compute becomes part of the trace, as in inference, and
/// their parameters are constants of it.
extension Trace {
  /// The outputs of a model for values of the trace.
  ///
  /// Values of whole tensors have the samples on their first axis, and so have the outputs.
  ///
  /// - Throws: when the values do not fit the model.
  func apply(_ box: ModelBox, _ inputs: [Value]) throws -> [Value] {
    let model = try box.graph.withoutMasks().withoutDropout().pruned()
    let declared = model.inputs.map(model.type(of:))
    guard inputs.count == declared.count else {
      throw WaneError("model", "takes \(declared.count) inputs, got \(inputs.count)")
    }
    let samples = try samples(of: inputs)
    var values: [Value: Value] = [:]
    for (index, input) in inputs.enumerated() {
      let batched = try samples.map { try add(SplitBatch(count: $0), input) } ?? input
      guard type(batched) == declared[index] else {
        throw WaneError("model", "takes \(declared[index]), got \(type(input))")
      }
      values[model.inputs[index]] = batched
    }
    for (index, node) in model.nodes.enumerated() where !(node.operation is Input) {
      let results: [Value]
      if let read = node.operation as? ParameterRead {
        guard let parameter = model.parameters[read.name] else {
          throw WaneError("model", "there is no parameter named '\(read.name)'")
        }
        results = [try value(of: parameter, in: box)]
      } else {
        let operands = node.inputs.compactMap { values[$0] }
        results = try graph.add(node.operation, operands, layer: layer)
      }
      for (output, value) in results.enumerated() {
        values[Value(node: index, output: output)] = value
      }
    }
    return try model.outputs.map { output in
      guard let value = values[output] else { throw WaneError("model", "has no output") }
      return try samples.map { try add(JoinBatch(count: $0), value) } ?? value
    }
  }

  /// How many samples whole tensors have; nil for values that are samples already.
  private func samples(of inputs: [Value]) throws -> Int? {
    guard let first = inputs.first, !inputs.allSatisfy({ type($0).isBatched }) else { return nil }
    let counts = inputs.map { type($0).isBatched ? nil : type($0).dimensions.first }
    guard let count = counts[0], counts.allSatisfy({ $0 == count }) else {
      throw WaneError(
        "model",
        "takes tensors of as many samples each, got "
          + inputs.map { "\(type($0))" }.joined(separator: ", "))
    }
    guard batch == nil || batch == count else {
      throw WaneError(
        "model",
        "is called with \(count) samples in a function that calls one with \(batch ?? 0); give all "
          + "models as many, got \(type(first))")
    }
    batch = count
    return count
  }
}
