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

/// The mean over a data set of losses among which are custom ones, for models of one form.
public final class CustomLossEvaluation {
  private var graph: Graph
  private let data: Dataset
  private let outputs: [String]
  private static let chunk = 256

  /// Builds the losses of a model on data.
  ///
  /// - Throws: when the data do not fit the model, or a loss does not fit them.
  public init(_ model: Graph, on data: Dataset, _ objective: Objective) throws {
    let data = try data.arranged(for: model, "loss")
    var graph = try model.feeding(data.columns.map(\.dtype), operation: "loss")
    let goals = try objective.goals(for: model)
    let answers = graph.outputs.map(graph.unmasked)
    let predicted = answers.map(\.value)
    var losses: [Value] = []
    for (index, goal) in goals.enumerated() {
      let loss = try graph.appendLoss(
        goal, output: predicted[index], mask: answers[index].mask, labels: data.allLabels[index],
        areSeveral: goals.count > 1)
      losses.append(try graph.batchMean(of: loss))
    }
    graph.outputs = [try graph.weightedSum(losses, goals.map(\.weight))] + losses
    outputs = goals.count > 1 ? goals.map(\.output) : []
    self.graph = graph
    self.data = data
  }

  /// The losses of a model of the same form.
  ///
  /// - Parameters:
  ///   - model: what is evaluated.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: their weighted sum, and of several outputs each by name: `digit_loss`.
  /// - Throws: when the model has another form, or what `poll` throws to stop.
  public func losses(of model: Graph, poll: () throws -> Void = {}) throws -> (
    total: Double, parts: [(name: String, value: Double)]
  ) {
    for parameter in model.parameters where graph.parameters[parameter.name] != nil {
      try graph.set(parameter)
    }
    let weights = WeightStore(graph.parameters, bound: [:])
    var programs: [Int: Program] = [:]
    var totals = graph.outputs.map { _ in 0.0 }
    let reader = PieceReader(data.columns, size: Self.chunk, depth: 2)
    for start in stride(from: 0, to: data.count, by: Self.chunk) {
      try poll()
      let rows = start..<min(start + Self.chunk, data.count)
      let program =
        try programs[rows.count]
        ?? Program(graph, batch: rows.count, mode: .inference, weights: weights)
      programs[rows.count] = program
      let labels = try data.allLabels.map { try $0.rows(rows) }
      let inputs = try reader.piece(start / Self.chunk)
      for (buffer, tensor) in zip(program.inputs, inputs + labels) {
        tensor.withBytes { bytes in
          if let base = bytes.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
          }
        }
      }
      program.run()
      try program.check()
      for index in totals.indices {
        totals[index] += Double(program.outputs[index].floats[0]) * Double(rows.count)
      }
    }
    let means = totals.map { data.count == 0 ? 0 : $0 / Double(data.count) }
    return (
      means[0], outputs.enumerated().map { ("\($0.element)_loss", means[1 + $0.offset]) }
    )
  }
}
