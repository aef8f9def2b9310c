import CKernels
import WaneGraph
import WaneTensor

/// How well a model does on data.
public struct Evaluation: Sendable {
  /// The mean loss over the samples; of several outputs, the weighted sum of theirs.
  public let loss: Double
  /// The fraction of samples whose class was found; nil when labels are not classes, or there are
  /// several outputs.
  public let accuracy: Double?
  /// What else was measured, in the order it was asked for.
  ///
  /// Of several outputs, the loss and accuracy of each are among it, and names begin with the
  /// output's: `digit_loss`.
  public let metrics: [(name: String, value: Metric.Value)]
  /// The class the model chose for each sample, output after output; empty when no labels are
  /// classes.
  public let predictions: [Int32]

  /// Runs a model over a data set.
  ///
  /// - Parameters:
  ///   - model: what is run.
  ///   - data: what it is run on.
  ///   - loss: what is averaged over the samples, for every output; by default what suits the labels.
  ///   - metrics: what is measured besides, of every output.
  ///   - precision: what large products may round their operands to.
  ///   - pool: the workers.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: when they do not fit.
  public init(
    _ model: Graph, on data: Dataset, loss: Loss? = nil, metrics: [Metric] = [],
    precision: Precision = .f32, pool: WorkerPool, poll: () throws -> Void = {}
  ) throws {
    let objective = Objective(
      losses: .all(Objective.OutputLoss(loss)), metrics: .all(metrics))
    try self.init(
      model, on: data, objective, precision: precision, pool: pool, poll: poll)
  }

  /// Runs a model over a data set.
  ///
  /// - Parameters:
  ///   - model: what is run.
  ///   - data: what it is run on.
  ///   - objective: what is averaged and measured; losses that are functions are not.
  ///   - precision: what large products may round their operands to.
  ///   - pool: the workers.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: when they do not fit.
  public init(
    _ model: Graph, on data: Dataset, _ objective: Objective, precision: Precision = .f32,
    pool: WorkerPool, poll: () throws -> Void = {}
  ) throws {
    let data = try data.arranged(for: model, "evaluate")
    let session = try InferenceSession(
      model.feeding(data.columns.map(\.dtype), operation: "evaluate"), pool: pool,
      precision: precision)
    let outputs = try session.run(data.columns, poll: poll)
    let goals = try objective.goals(for: model)
    let areSeveral = goals.count > 1
    var (total, accuracy) = (0.0, Double?.none)
    var predictions: [Int32] = []
    var measured: [(name: String, value: Metric.Value)] = []
    for (index, goal) in goals.enumerated() {
      let part: OutputEvaluation
      do {
        part = try OutputEvaluation(
          goal, of: outputs[index], labels: data.allLabels[index], weights: data.weights,
          session.graph, session.graph.outputs[index], poll: poll)
      } catch let error as WaneError where areSeveral {
        throw error.inLayer(goal.output)
      }
      // A weight of 1 leaves the only loss as it is.
      total += part.loss * Double(goal.weight)
      predictions += part.predictions
      guard areSeveral else {
        accuracy = part.accuracy
        measured = part.metrics
        continue
      }
      measured.append(("\(goal.output)_loss", .number(part.loss)))
      if let accuracy = part.accuracy {
        measured.append(("\(goal.output)_accuracy", .number(accuracy)))
      }
      measured += part.metrics.map { ("\(goal.output)_\($0.name)", $0.value) }
    }
    loss = total
    self.accuracy = accuracy
    metrics = measured
    self.predictions = predictions
  }
}

/// How well one output of a model does.
private struct OutputEvaluation {
  let loss: Double
  private(set) var accuracy: Double?
  let metrics: [(name: String, value: Metric.Value)]
  let predictions: [Int32]

  init(
    _ goal: Objective.Goal, of outputs: Tensor, labels: Tensor, weights: Tensor?, _ graph: Graph,
    _ result: Value, poll: () throws -> Void
  ) throws {
    let output = graph.type(of: result)
    let kind = goal.loss ?? .usual(for: labels.dtype, output: output)
    _ = try kind.labelType(labels, output: output)
    let form = try PredictionForm(graph, output: result, labels: labels, loss: kind)
    let rows = outputs.shape[0]

    var losses: [Float]
    if kind == .crossEntropy {
      losses = try OutputEvaluation.crossEntropies(
        outputs, labels, columns: output.sampleCount,
        areProbabilities: graph.producer(of: result).operation is Softmax)
    } else {
      losses = try kind.values(
        outputs, labels, output: output, isFromLogits: form.probabilities != .asTheyAre)
    }
    var predictions: [Int32] = []
    if kind.comparesClasses {
      predictions = [Int32](repeating: 0, count: rows)
      outputs.with(Float.self) { values in
        guard let base = values.baseAddress else { return }
        wane_row_max_f32(base, nil, &predictions, rows, output.sampleCount)
      }
    }
    let hasAccuracy = kind.comparesClasses || kind.comparesAnswers
    let sums = try MetricSums((hasAccuracy ? [Metric(.accuracy)] : []) + goal.metrics, form)
    try sums.add(outputs, labels, poll: poll)
    var values = try sums.values()
    accuracy = nil
    if hasAccuracy, case .number(let value) = values.removeFirst().value, rows > 0 {
      accuracy = value
    }
    if let weights {
      losses = zip(losses, weights.array(Float.self)).map { $0 * $1 }
    }
    self.loss = rows == 0 ? 0 : wane_sum_f32(losses, rows) / Double(rows)
    self.metrics = values
    self.predictions = predictions
  }

  /// Cross entropies from outputs, which `areProbabilities` of a softmax or logits.
  private static func crossEntropies(
    _ outputs: Tensor, _ labels: Tensor, columns: Int, areProbabilities: Bool
  ) throws -> [Float] {
    let rows = outputs.shape[0]
    var losses = [Float](repeating: 0, count: rows)
    var logits = outputs
    if areProbabilities {
      // The logarithm of a softmax is a set of logits for it.
      try logits.withMutableElements(Float.self) { values in
        guard let base = values.baseAddress else { return }
        wane_clamp_f32(base, Float.leastNormalMagnitude, 1, base, values.count)
        wane_log_f32(base, base, values.count)
      }
    }
    let hits = logits.with(Float.self) { logits -> Int64 in
      guard let base = logits.baseAddress else { return 0 }
      if labels.dtype == .i32 {
        return labels.with(Int32.self) { labels in
          labels.baseAddress.map {
            wane_cross_entropy_index_f32(base, $0, &losses, nil, 1, rows, columns)
          } ?? 0
        }
      }
      return labels.with(Float.self) { labels in
        labels.baseAddress.map {
          wane_cross_entropy_dense_f32(base, $0, &losses, nil, 1, rows, columns)
        } ?? 0
      }
    }
    guard hits >= 0 else {
      throw WaneError("evaluate", "the label of sample \(-hits) is not one of \(columns) classes")
    }
    return losses
  }
}

extension Loss {
  /// The loss of each sample, from outputs of a model.
  fileprivate func values(
    _ outputs: Tensor, _ labels: Tensor, output: ValueType, isFromLogits: Bool
  ) throws -> [Float] {
    var loss = self
    loss.isFromLogits = isFromLogits
    var graph = Graph()
    let x = try graph.add(one: Input(index: 1, type: output), [])
    let t = try graph.add(one: Input(index: 2, type: labelType(labels, output: output)), [])
    graph.outputs = [try graph.add(loss, output: x, labels: t).loss]
    let session = try InferenceSession(graph, pool: WorkerPool(count: 1), chunk: 1024)
    return try session.run([outputs, labels])[0].array(Float.self)
  }
}

extension MetricSums {
  /// Takes all samples in, a few at a time.
  fileprivate func add(_ outputs: Tensor, _ labels: Tensor, poll: () throws -> Void) throws {
    let (rows, chunk) = (outputs.shape[0], 4096)
    guard rows > 0 else { return }
    try outputs.with(Float.self) { x in
      try labels.withBytes { t in
        guard let x = x.baseAddress, let t = t.baseAddress else { return }
        let (width, labelBytes) = (outputs.count / rows, labels.byteCount / rows)
        for begin in stride(from: 0, to: rows, by: chunk) {
          try poll()
          add(
            outputs: x + begin * width, labels: t + begin * labelBytes,
            rows: min(chunk, rows - begin))
        }
      }
    }
  }
}
