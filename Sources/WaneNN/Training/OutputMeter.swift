import CKernels
import WaneGraph
import WaneTensor

/// How well one output of a model does on samples that come a batch at a time.
struct OutputMeter {
  private let kind: Loss
  private let output: ValueType
  private let labelType: DType
  private let form: PredictionForm
  private let isByRow: Bool
  private let areProbabilities: Bool
  private let hasAccuracy: Bool
  private let sums: MetricSums
  /// The sum of losses that count, and how many these are.
  private var total = (losses: 0.0, count: 0.0)
  private var samples = 0
  /// The class that was chosen for each row; empty where labels are not compared as classes.
  private(set) var predictions: [Int32] = []

  /// Begins with no samples.
  ///
  /// - Parameters:
  ///   - goal: what is averaged and measured.
  ///   - labels: the first labels.
  ///   - graph: the model.
  ///   - result: its output.
  ///   - isMasked: whether there are masks.
  ///   - hasStepWeights: whether samples have weights step by step.
  /// - Throws: when they do not fit.
  init(
    _ goal: Objective.Goal, labels: Tensor, _ graph: Graph, _ result: Value, isMasked: Bool,
    hasStepWeights: Bool
  ) throws {
    output = graph.type(of: result)
    labelType = labels.dtype
    kind = goal.loss ?? .usual(for: labels.dtype, output: output)
    _ = try kind.labelType(labels, output: output)
    form = try PredictionForm(
      graph, output: result, labels: labels, loss: kind, isMasked: isMasked)
    isByRow = try kind.judgesRows(of: output, areStepsWeighed: isMasked || hasStepWeights)
    areProbabilities = graph.producer(of: result).operation is Softmax
    hasAccuracy = kind.comparesClasses || kind.comparesAnswers
    sums = try MetricSums((hasAccuracy ? [Metric(.accuracy)] : []) + goal.metrics, form)
  }

  /// The mean loss.
  var loss: Double { total.count > 0 ? total.losses / total.count : 0 }

  /// The accuracy, if there is one, and the metrics.
  func values() throws -> (
    accuracy: Double?, metrics: [(name: String, value: Metric.Value)]
  ) {
    var values = try sums.values()
    guard hasAccuracy, case .number(let accuracy) = values.removeFirst().value else {
      return (nil, values)
    }
    return (samples > 0 ? accuracy : nil, values)
  }

  /// Takes samples in.
  ///
  /// - Parameters:
  ///   - outputs: what the model gave.
  ///   - mask: which steps count.
  ///   - labels: what is compared with it.
  ///   - weights: what losses count.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: when they do not fit.
  mutating func add(
    _ outputs: Tensor, mask: Tensor?, labels: Tensor, weights: Tensor?, poll: () throws -> Void
  ) throws {
    // Among samples of a stream, numbers that are whole by chance.
    let labels =
      labelType == .f32 && labels.dtype == .i32 ? try labels.converted(to: .f32) : labels
    guard labels.dtype == labelType else {
      throw WaneError("evaluate", "labels are \(labels.dtype), those before \(labelType)")
    }
    _ = try kind.labelType(labels, output: output)
    try kind.checkClasses(labels, output: output, "evaluate")
    let losses: [Float]
    if kind == .crossEntropy {
      losses = try crossEntropies(outputs, labels)
    } else {
      losses = try kind.values(
        outputs, labels, output: output, isFromLogits: form.probabilities != .asTheyAre,
        isByRow: isByRow)
    }
    try add(losses, weights: weights, mask: mask)
    samples += outputs.shape[0]
    if kind.comparesClasses {
      let rows = outputs.count / max(output.channels, 1)
      var chosen = [Int32](repeating: 0, count: rows)
      outputs.with(Float.self) { values in
        guard let base = values.baseAddress else { return }
        wane_row_max_f32(base, nil, &chosen, rows, output.channels)
      }
      predictions += chosen
    }
    try sums.add(outputs, labels, mask: mask, poll: poll)
  }

  /// Adds losses, one a sample or a row, as far as they count.
  private mutating func add(_ losses: [Float], weights: Tensor?, mask: Tensor?) throws {
    guard !losses.isEmpty else { return }
    var losses = losses
    if let weights {
      let count = weights.count
      guard count > 0, losses.count % count == 0 else {
        throw WaneError(
          kind.name, "weights \(weights.shape) do not fit \(losses.count) losses")
      }
      let (rows, factors) = (losses.count / count, weights.array(Float.self))
      for index in losses.indices { losses[index] *= factors[index / rows] }
    }
    var counting = Double(losses.count)
    if let mask, mask.count > 0 {
      let (rows, bits) = (losses.count / mask.count, mask.array(Float.self))
      for index in losses.indices { losses[index] *= bits[index / rows] }
      counting = wane_sum_f32(bits, bits.count) * Double(rows)
    }
    total.losses += wane_sum_f32(losses, losses.count)
    total.count += counting
  }

  /// Cross entropies of rows from outputs, which are probabilities of a softmax, or logits.
  private func crossEntropies(_ outputs: Tensor, _ labels: Tensor) throws -> [Float] {
    let columns = output.channels
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
    logits.with(Float.self) { logits in
      guard let base = logits.baseAddress else { return }
      if labels.dtype == .i32 {
        labels.with(Int32.self) { labels in
          guard let labels = labels.baseAddress else { return }
          _ = wane_cross_entropy_index_f32(base, labels, &losses, nil, 1, rows, columns)
        }
      } else {
        labels.with(Float.self) { labels in
          guard let labels = labels.baseAddress else { return }
          _ = wane_cross_entropy_dense_f32(base, labels, &losses, nil, 1, rows, columns)
        }
      }
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
