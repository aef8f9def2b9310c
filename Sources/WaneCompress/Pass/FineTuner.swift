import WaneGraph
import WaneNN
import WaneTensor

/// Trains a model on after a pass has changed it.
struct FineTuner {
  let verb: String
  let context: CompressionContext
  let defaults: FineTuning.Defaults

  /// Checks that there is what the options ask for, before any work is done.
  ///
  /// - Throws: when epochs are asked for without data.
  init(_ verb: String, _ context: CompressionContext, defaults: FineTuning.Defaults) throws {
    let epochs = context.fineTuning.epochs
    guard epochs.isFinite, epochs >= 0 else {
      throw WaneError(verb, "epochs must be at least 0, got \(epochs)")
    }
    guard epochs == 0 || context.data != nil else {
      throw WaneError(verb, "fine-tuning for \(epochs) epochs needs the option 'data'")
    }
    self.verb = verb
    self.context = context
    self.defaults = defaults
  }

  /// Whether there is anything to train.
  var isWanted: Bool { context.fineTuning.epochs > 0 }

  /// Trains for the epochs of the context; without any the model comes back as it is.
  ///
  /// - Parameters:
  ///   - model: what is trained.
  ///   - masking: parameters that get masks to be set during the run.
  ///   - grids: what of integer grids moves.
  ///   - prepare: called before the first step.
  ///   - onStep: called after every step.
  ///   - finish: called after the last step.
  /// - Returns: the trained model, and a record of each epoch.
  /// - Throws: when the data do not fit the model, an option is out of range, or the user stops.
  func callAsFunction(
    _ model: Graph, masking: Set<String> = [], grids: GridTraining = GridTraining(),
    prepare: (TrainingRun) throws -> Void = { _ in },
    onStep: (TrainingRun) throws -> Void = { _ in },
    finish: (TrainingRun) throws -> Void = { _ in }
  ) throws -> (model: Graph, history: [EpochRecord]) {
    guard isWanted, let data = context.data else { return (model, []) }
    let epochs = context.fineTuning.epochs
    var options = context.fineTuning.trainingOptions(defaults, masking: masking)
    options.grids = grids
    let run = try TrainingRun(
      model, data: data, options: options, epochs: epochs, pool: context.pool, poll: context.poll)
    try prepare(run)
    var history: [EpochRecord] = []
    // Later than the start when the run was brought to the state of another.
    var epoch = Double(run.step) / Double(max(run.stepsPerEpoch, 1))
    while epoch < epochs {
      epoch = min(epoch + 1, epochs)
      let measure = try train(run, until: epoch, of: epochs, onStep)
      history.append(try record(run, epoch, measure))
    }
    try finish(run)
    return (try run.trainedModel(), history)
  }

  private func train(
    _ run: TrainingRun, until epoch: Double, of epochs: Double,
    _ onStep: (TrainingRun) throws -> Void
  ) throws -> TrainingRun.Measure {
    let start = Clock.seconds()
    let title = "\(verb) epoch \(FineTuner.text(epoch))/\(FineTuner.text(epochs))"
    var total = TrainingRun.Measure()
    try run.train(epochs: epoch, poll: context.poll) { run, measure in
      total.add(measure)
      try onStep(run)
      context.progress.reportIfWanted(
        Progress(
          title: title, completed: total.samples, total: run.data.count,
          details: FineTuner.details(total, seconds: Clock.seconds() - start)))
    }
    context.progress.finishStage()
    return total
  }

  private func record(_ run: TrainingRun, _ epoch: Double, _ measure: TrainingRun.Measure) throws
    -> EpochRecord
  {
    var record = EpochRecord(epoch: epoch, loss: measure.loss, accuracy: measure.accuracy)
    if let validation = context.validation {
      let evaluation = try Evaluation(
        run.trainedModel(), on: validation, context.fineTuning.objective, pool: context.pool,
        poll: context.poll)
      record.validationLoss = evaluation.loss
      record.validationAccuracy = evaluation.accuracy
    }
    return record
  }

  private static func text(_ epochs: Double) -> String {
    epochs == epochs.rounded() && epochs < 1e9 ? "\(Int(epochs))" : "\(epochs)"
  }

  private static func details(_ measure: TrainingRun.Measure, seconds: Double) -> String {
    func fixed(_ value: Double) -> String {
      guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
      let units = Int((abs(value) * 10_000).rounded())
      let digits = String(units % 10_000)
      return (value < 0 ? "-" : "") + "\(units / 10_000)."
        + String(repeating: "0", count: 4 - digits.count) + digits
    }
    var parts = ["loss \(fixed(measure.loss))"]
    if let accuracy = measure.accuracy { parts.append("accuracy \(fixed(accuracy))") }
    if seconds > 0 { parts.append("\(Int(Double(measure.samples) / seconds)) samples/s") }
    return parts.joined(separator: "  ")
  }
}
