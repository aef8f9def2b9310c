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
    var fed = try model.feeding(data.columns.map(\.dtype), operation: "evaluate")
    // Behind the outputs, their masks.
    let answers = fed.outputs.map(fed.unmasked)
    fed.outputs = answers.map(\.value) + answers.compactMap(\.mask)
    let session = try InferenceSession(fed, pool: pool, precision: precision)
    let outputs = try session.run(data.columns, poll: poll)
    var masks = outputs[answers.count...]
    let goals = try objective.goals(for: model)
    let areSeveral = goals.count > 1
    var (total, accuracy) = (0.0, Double?.none)
    var predictions: [Int32] = []
    var measured: [(name: String, value: Metric.Value)] = []
    for (index, goal) in goals.enumerated() {
      let part: OutputEvaluation
      do {
        part = try OutputEvaluation(
          goal, of: outputs[index], mask: answers[index].mask.flatMap { _ in masks.popFirst() },
          labels: data.allLabels[index], weights: data.weights,
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
    _ goal: Objective.Goal, of outputs: Tensor, mask: Tensor?, labels: Tensor, weights: Tensor?,
    _ graph: Graph, _ result: Value, poll: () throws -> Void
  ) throws {
    let output = graph.type(of: result)
    let kind = goal.loss ?? .usual(for: labels.dtype, output: output)
    _ = try kind.labelType(labels, output: output)
    let form = try PredictionForm(
      graph, output: result, labels: labels, loss: kind, isMasked: mask != nil)
    let isByRow = try kind.judgesRows(
      of: output, areStepsWeighed: mask != nil || (weights?.shape.rank ?? 1) > 1)

    let losses: [Float]
    if kind == .crossEntropy {
      losses = try OutputEvaluation.crossEntropies(
        outputs, labels, columns: output.channels,
        areProbabilities: graph.producer(of: result).operation is Softmax)
    } else {
      losses = try kind.values(
        outputs, labels, output: output, isFromLogits: form.probabilities != .asTheyAre,
        isByRow: isByRow)
    }
    loss = try OutputEvaluation.mean(losses, kind.name, weights: weights, mask: mask)
    var predictions: [Int32] = []
    if kind.comparesClasses {
      let rows = outputs.count / max(output.channels, 1)
      predictions = [Int32](repeating: 0, count: rows)
      outputs.with(Float.self) { values in
        guard let base = values.baseAddress else { return }
        wane_row_max_f32(base, nil, &predictions, rows, output.channels)
      }
    }
    let hasAccuracy = kind.comparesClasses || kind.comparesAnswers
    let sums = try MetricSums((hasAccuracy ? [Metric(.accuracy)] : []) + goal.metrics, form)
    try sums.add(outputs, labels, mask: mask, poll: poll)
    var values = try sums.values()
    accuracy = nil
    if hasAccuracy, case .number(let value) = values.removeFirst().value, outputs.shape[0] > 0 {
      accuracy = value
    }
    self.metrics = values
    self.predictions = predictions
  }

  /// The mean of losses, one a sample or a row, of those that count.
  private static func mean(
    _ losses: [Float], _ name: String, weights: Tensor?, mask: Tensor?
  ) throws -> Double {
    guard !losses.isEmpty else { return 0 }
    var losses = losses
    if let weights {
      let count = weights.count
      guard count > 0, losses.count % count == 0 else {
        throw WaneError(name, "weights \(weights.shape) do not fit \(losses.count) losses")
      }
      let (rows, factors) = (losses.count / count, weights.array(Float.self))
      for index in losses.indices { losses[index] *= factors[index / rows] }
    }
    guard let mask, mask.count > 0 else {
      return wane_sum_f32(losses, losses.count) / Double(losses.count)
    }
    let (rows, bits) = (losses.count / mask.count, mask.array(Float.self))
    for index in losses.indices { losses[index] *= bits[index / rows] }
    let counting = wane_sum_f32(bits, bits.count) * Double(rows)
    return counting > 0 ? wane_sum_f32(losses, losses.count) / counting : 0
  }

  /// Cross entropies of rows from outputs, which `areProbabilities` of a softmax or logits.
  private static func crossEntropies(
    _ outputs: Tensor, _ labels: Tensor, columns: Int, areProbabilities: Bool
  ) throws -> [Float] {
    let rows = outputs.count / max(columns, 1)
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
  /// The loss of each sample, or of each of its rows, from outputs of a model.
  fileprivate func values(
    _ outputs: Tensor, _ labels: Tensor, output: ValueType, isFromLogits: Bool, isByRow: Bool
  ) throws -> [Float] {
    var loss = self
    loss.isFromLogits = isFromLogits
    var graph = Graph()
    let x = try graph.add(one: Input(index: 1, type: output), [])
    let t = try graph.add(one: Input(index: 2, type: labelType(labels, output: output)), [])
    graph.outputs = [try graph.add(loss, output: x, labels: t, isByRow: isByRow).loss]
    let session = try InferenceSession(graph, pool: WorkerPool(count: 1), chunk: 1024)
    return try session.run([outputs, labels])[0].array(Float.self)
  }
}

extension MetricSums {
  /// Takes all samples in, a few at a time.
  fileprivate func add(
    _ outputs: Tensor, _ labels: Tensor, mask: Tensor?, poll: () throws -> Void
  ) throws {
    let (samples, chunk) = (outputs.shape[0], 4096)
    guard samples > 0 else { return }
    let bits = mask?.array(Float.self)
    try outputs.with(Float.self) { x in
      try labels.withBytes { t in
        guard let x = x.baseAddress, let t = t.baseAddress else { return }
        let (width, labelBytes) = (outputs.count / samples, labels.byteCount / samples)
        for begin in stride(from: 0, to: samples, by: chunk) {
          try poll()
          let count = min(chunk, samples - begin)
          func add(_ mask: UnsafePointer<Float>?) {
            self.add(
              outputs: x + begin * width, labels: t + begin * labelBytes, mask: mask,
              samples: count)
          }
          guard let bits else {
            add(nil)
            continue
          }
          let steps = bits.count / samples
          bits.withUnsafeBufferPointer { add($0.baseAddress.map { $0 + begin * steps }) }
        }
      }
    }
  }
}
