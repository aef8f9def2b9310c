import WaneGraph
import WaneTensor

/// A loss that whoever trains writes himself, out of the operations of graphs.
public struct CustomLoss: @unchecked Sendable {
  /// Appends the loss of a model's output and the labels to a graph: a scalar, or one number a sample.
  ///
  /// Called while the call that made it lasts, on its thread.
  public let append: (inout Graph, _ output: Value, _ labels: Value) throws -> Value

  /// Creates a loss.
  public init(_ append: @escaping (inout Graph, Value, Value) throws -> Value) {
    self.append = append
  }
}

extension Graph {
  /// Appends a loss of labels: a scalar, or one number a sample.
  mutating func add(_ loss: CustomLoss, output: Value, labels: Value) throws -> Value {
    let result = try loss.append(&self, output, labels)
    let type = type(of: result)
    guard type == .fixed([]) || type == .batched([]) else {
      throw WaneError("loss", "must be a scalar or one number a sample, got \(type)")
    }
    return result
  }

  /// The mean of a loss over the batch, which it may be already.
  mutating func batchMean(_ loss: Value) throws -> Value {
    type(of: loss).isBatched ? try add(one: BatchMean(), [loss], layer: "loss") : loss
  }
}

/// The mean of a custom loss over a data set, for models of one form.
public final class CustomLossEvaluation {
  private var graph: Graph
  private let data: Dataset
  private static let chunk = 256

  /// Builds the loss of a model on data.
  ///
  /// - Throws: when the data do not fit the model, or the loss does not fit them.
  public init(_ model: Graph, on data: Dataset, loss: CustomLoss) throws {
    guard model.outputs.count == 1, model.inputs.count == 1 else {
      throw WaneError(
        "loss", "only models with one input and one output can be evaluated on a data set")
    }
    var graph = try model.feeding(data.inputs.dtype, operation: "loss")
    let type = ValueType.batched(
      Array(data.labels.shape.dimensions.dropFirst()), data.labels.dtype)
    let labels = try graph.appendInput(type, layer: "labels")
    let result = try graph.add(loss, output: graph.outputs[0], labels: labels)
    graph.outputs = [try graph.batchMean(result)]
    self.graph = graph
    self.data = data
  }

  /// The loss of a model of the same form.
  ///
  /// - Throws: when the model has another form, or what `poll` throws to stop.
  public func loss(of model: Graph, poll: () throws -> Void = {}) throws -> Double {
    for parameter in model.parameters where graph.parameters[parameter.name] != nil {
      try graph.set(parameter)
    }
    let weights = WeightStore(graph.parameters, bound: [:])
    var programs: [Int: Program] = [:]
    var total = 0.0
    for start in stride(from: 0, to: data.count, by: Self.chunk) {
      try poll()
      let rows = start..<min(start + Self.chunk, data.count)
      let program =
        try programs[rows.count]
        ?? Program(graph, batch: rows.count, mode: .inference, weights: weights)
      programs[rows.count] = program
      let part = try data.slice(rows)
      for (buffer, tensor) in zip(program.inputs, [part.inputs, part.labels]) {
        tensor.withBytes { bytes in
          if let base = bytes.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
          }
        }
      }
      program.run()
      try program.check()
      total += Double(program.outputs[0].floats[0]) * Double(rows.count)
    }
    return data.count == 0 ? 0 : total / Double(data.count)
  }
}
