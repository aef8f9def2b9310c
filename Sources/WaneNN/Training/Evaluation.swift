import CKernels
import WaneGraph
import WaneTensor

/// How well a model does on data.
public struct Evaluation: Sendable {
  /// The mean loss over the samples.
  public let loss: Double
  /// The fraction of samples whose class was found; nil when labels are not classes.
  public private(set) var accuracy: Double?
  /// What else was measured, in the order it was asked for.
  public let metrics: [(name: String, value: Metric.Value)]
  /// The class the model chose for each sample; empty when labels are not classes.
  public let predictions: [Int32]

  /// Runs a model over a data set.
  ///
  /// - Parameters:
  ///   - model: a model with one input and one output.
  ///   - data: what it is run on.
  ///   - loss: what is averaged over the samples; by default what suits the labels.
  ///   - metrics: what is measured besides.
  ///   - precision: what large products may round their operands to.
  ///   - pool: the workers.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: when they do not fit.
  public init(
    _ model: Graph, on data: Dataset, loss: Loss? = nil, metrics: [Metric] = [],
    precision: Precision = .f32,
    pool: WorkerPool, poll: () throws -> Void = {}
  ) throws {
    guard model.outputs.count == 1, model.inputs.count == 1 else {
      throw WaneError(
        "evaluate", "only models with one input and one output can be evaluated on a data set")
    }
    let input = model.type(of: model.inputs[0])
    guard input.dimensions == data.sampleDimensions else {
      throw WaneError(
        "evaluate",
        "the model takes \(input), the data set has \(Shape.text(data.sampleDimensions))")
    }
    let session = try InferenceSession(
      model.feeding(data.inputs.dtype, operation: "evaluate"), pool: pool, precision: precision)
    let outputs = try session.run([data.inputs], poll: poll)[0]
    let result = session.graph.outputs[0]
    let output = session.graph.type(of: result)
    let kind = loss ?? .usual(for: data.labels.dtype, output: output)
    _ = try kind.labelType(data.labels, output: output)
    let form = try PredictionForm(
      session.graph, output: result, labels: data.labels, loss: kind)
    let rows = data.count

    var losses: [Float]
    if kind == .crossEntropy {
      losses = try Evaluation.crossEntropies(
        outputs, data.labels, columns: output.sampleCount,
        areProbabilities: session.graph.producer(of: result).operation is Softmax)
    } else {
      losses = try kind.values(
        outputs, data.labels, output: output, isFromLogits: form.probabilities != .asTheyAre)
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
    let sums = try MetricSums((hasAccuracy ? [Metric(.accuracy)] : []) + metrics, form)
    try sums.add(outputs, data.labels, poll: poll)
    var values = try sums.values()
    accuracy = nil
    if hasAccuracy, case .number(let value) = values.removeFirst().value, rows > 0 {
      accuracy = value
    }
    if let weights = data.weights {
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
