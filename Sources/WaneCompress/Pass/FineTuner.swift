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
    let first = try context.stream.map { stream in
      guard stream.stream.limit != nil else {
        throw WaneError(
          verb,
          "epochs of a stream without a limit have no length that schedules can follow: give "
            + "wane.data.generator the option 'limit'")
      }
      return try stream.firstBatch(epoch: 0, size: options.batchSize, seed: options.seed)
    }
    let run = try TrainingRun(
      model, data: first?.data ?? data, options: options, epochs: epochs, pool: context.pool,
      stream: context.stream?.stream, poll: context.poll)
    try prepare(run)
    var history: [EpochRecord] = []
    // Later than the start when the run was brought to the state of another.
    var epoch = Double(run.step) / Double(max(run.stepsPerEpoch, 1))
    var nextBatch = epoch < 1 ? first : nil
    while epoch < epochs {
      let number = Int(epoch)
      epoch = min(epoch + 1, epochs)
      let batch =
        try nextBatch
        ?? context.stream?.firstBatch(
          epoch: number, size: options.batchSize, seed: options.seed)
      nextBatch = nil
      let measure = try train(run, until: epoch, of: epochs, beginning: batch, onStep)
      history.append(try record(run, epoch, measure))
    }
    try finish(run)
    return (try run.trainedModel(), history)
  }

  private func train(
    _ run: TrainingRun, until epoch: Double, of epochs: Double, beginning batch: StreamBatch?,
    _ onStep: (TrainingRun) throws -> Void
  ) throws -> TrainingRun.Measure {
    let start = Clock.seconds()
    let title = "\(verb) epoch \(FineTuner.text(epoch))/\(FineTuner.text(epochs))"
    let samples = context.stream?.stream.limit ?? run.data.count
    var total = TrainingRun.Measure()
    func report(_ measure: TrainingRun.Measure) throws {
      total.add(measure)
      try onStep(run)
      context.progress.reportIfWanted(
        Progress(
          title: title, completed: total.samples, total: samples,
          details: FineTuner.details(total, seconds: Clock.seconds() - start)))
    }
    if let batch, let stream = context.stream {
      try train(run, until: epoch, batch, of: stream, report)
    } else {
      try run.train(epochs: epoch, poll: context.poll) { _, measure in try report(measure) }
    }
    context.progress.finishStage()
    return total
  }

  /// Trains on batches of a stream, the next of which is made while a step runs.
  private func train(
    _ run: TrainingRun, until epoch: Double, _ first: StreamBatch, of stream: any StreamSource,
    _ report: (TrainingRun.Measure) throws -> Void
  ) throws {
    let end = min(Int((epoch * Double(run.stepsPerEpoch)).rounded()), run.totalSteps)
    run.epoch = Int(epoch.rounded(.up)) - 1
    var (next, count): (StreamBatch?, Int) = (first, 0)
    while run.step < end {
      guard let batch = next else {
        throw WaneError(
          verb,
          "epoch \(run.epoch + 1) of the stream ended after \(count) samples, before its limit of "
            + "\(stream.stream.limit ?? 0), which schedules follow")
      }
      try context.poll()
      count += batch.data.count
      let isLast = run.step + 1 == end
      let (measure, made) = try run.runStep(on: batch) {
        isLast ? nil : try stream.nextBatch()
      }
      next = made
      try report(measure)
    }
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
