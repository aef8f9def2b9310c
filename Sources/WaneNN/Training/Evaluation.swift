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
    let evaluator = try Evaluator(model, objective, precision: precision, pool: pool)
    try evaluator.add(data, poll: poll)
    self = try evaluator.evaluation()
  }

  /// Puts together what was found at each output.
  ///
  /// - Parameters:
  ///   - goals: what was averaged and measured.
  ///   - parts: one an output.
  /// - Throws: when memory cannot be had.
  init(_ goals: [Objective.Goal], _ parts: [OutputMeter]) throws {
    var total = 0.0
    var measured: [(name: String, value: Metric.Value)] = []
    var only: Double?
    for (goal, part) in zip(goals, parts) {
      let (accuracy, metrics) = try part.values()
      // A weight of 1 leaves the only loss as it is.
      total += part.loss * Double(goal.weight)
      guard goals.count > 1 else {
        only = accuracy
        measured = metrics
        continue
      }
      measured.append(("\(goal.output)_loss", .number(part.loss)))
      if let accuracy { measured.append(("\(goal.output)_accuracy", .number(accuracy))) }
      measured += metrics.map { ("\(goal.output)_\($0.name)", $0.value) }
    }
    loss = total
    accuracy = only
    metrics = measured
    predictions = parts.flatMap(\.predictions)
  }
}
