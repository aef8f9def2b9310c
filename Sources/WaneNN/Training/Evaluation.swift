import CKernels
import WaneGraph
import WaneTensor

/// How well a model does on data.
public struct Evaluation: Sendable {
  /// The mean loss over the samples.
  public let loss: Double
  /// The fraction of samples whose class was found; nil when labels are not classes.
  public let accuracy: Double?
  /// The class the model chose for each sample; empty when labels are not classes.
  public let predictions: [Int32]

  /// Runs a model over a data set.
  ///
  /// - Throws: when they do not fit.
  public init(
    _ model: Graph, on data: Dataset, loss: Loss? = nil, precision: Precision = .f32,
    pool: WorkerPool, poll: () throws -> Void = {}
  ) throws {
    guard model.outputs.count == 1, model.inputs.count == 1 else {
      throw WaneError(
        "evaluate", "only models with one input and one output can be evaluated on a data set")
    }
    let session = try InferenceSession(
      model.feeding(data.inputs.dtype, operation: "evaluate"), pool: pool, precision: precision)
    let outputs = try session.run([data.inputs], poll: poll)[0]
    let kind = loss ?? .usual(for: data.labels.dtype)
    let output = session.graph.type(of: session.graph.outputs[0])
    _ = try kind.labelType(data.labels, output: output)
    let isProbability = session.graph.producer(of: session.graph.outputs[0]).operation is Softmax
    let (rows, columns) = (data.count, output.sampleCount)

    var losses = [Float](repeating: 0, count: rows)
    var predictions: [Int32] = []
    var accuracy: Double?
    switch kind {
    case .crossEntropy:
      predictions = [Int32](repeating: 0, count: rows)
      var logits = outputs
      if isProbability {
        // The logarithm of a softmax is a set of logits for it.
        try logits.withMutableElements(Float.self) { values in
          guard let base = values.baseAddress else { return }
          wane_clamp_f32(base, Float.leastNormalMagnitude, 1, base, values.count)
          wane_log_f32(base, base, values.count)
        }
      }
      let hits = logits.with(Float.self) { logits -> Int64 in
        guard let base = logits.baseAddress else { return 0 }
        wane_row_max_f32(base, nil, &predictions, rows, columns)
        if data.labels.dtype == .i32 {
          return data.labels.with(Int32.self) { labels in
            labels.baseAddress.map {
              wane_cross_entropy_index_f32(base, $0, &losses, nil, 1, rows, columns)
            } ?? 0
          }
        }
        return data.labels.with(Float.self) { labels in
          labels.baseAddress.map {
            wane_cross_entropy_dense_f32(base, $0, &losses, nil, 1, rows, columns)
          } ?? 0
        }
      }
      guard hits >= 0 else {
        throw WaneError(
          "evaluate", "the label of sample \(-hits) is not one of \(columns) classes")
      }
      accuracy = rows == 0 ? nil : Double(hits) / Double(rows)
    case .meanSquaredError:
      outputs.with(Float.self) { x in
        data.labels.with(Float.self) { target in
          if let x = x.baseAddress, let target = target.baseAddress {
            wane_squared_error_f32(x, target, &losses, nil, 1, rows, columns)
          }
        }
      }
    }
    self.loss = rows == 0 ? 0 : wane_sum_f32(losses, rows) / Double(rows)
    self.accuracy = accuracy
    self.predictions = predictions
  }
}
