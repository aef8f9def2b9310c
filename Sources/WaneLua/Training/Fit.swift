import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `model:fit`.
  static let fit = Function(
    "fit", "Trains the model on a data set or a stream.",
    signature: "fit(data, [options]) -> history", options: Option.fitting,
    example:
      "history = model:fit(train, { epochs = 8, batch_size = 128, validation = test, seed = 1 })",
    method: { (box: ModelBox, context) in
      let options = try context.options(3)
      if let stream = context.objectIfAny(2, as: StreamBox.self)?.stream {
        guard let function = context.held(by: 2) else {
          throw context.argumentError(2, "a stream with its function expected")
        }
        guard !options.has("sample_weight") else {
          throw options.bad("sample_weight", "samples of a stream have no weights")
        }
        return try Fitting(box, (stream, function), options, context).proceed(context)
      }
      let data = try options.weighted(context.object(2, as: DatasetBox.self).dataset)
      return try Fitting(box, data, options, context).proceed(context)
    })
}

/// A `fit` under way.
///
/// Between steps and epochs it may call back into Lua, so it goes on in pieces.
private final class Fitting {
  private let box: ModelBox
  private let run: TrainingRun
  /// The batches of a stream, where the data are one.
  private let feed: StreamFeed?
  /// The next batch of the stream; nil at the end of an epoch.
  private var nextBatch: StreamBatch?
  private let pool: WorkerPool
  private let validation: Dataset?
  private let epochHook: LuaFunction?
  private let batchHook: LuaFunction?
  private let epochs: Double
  private let training: TrainingOptions
  private let customLoss: CustomLossEvaluation?
  private let sink: any ProgressSink
  private let checkpoint: (path: String, every: Int)?
  private var earlyStopping: EarlyStopping?
  private var plateau: PlateauReduction?
  private var history = FitHistory()
  /// Epochs that have ended.
  private var epoch = 0
  private var hasStopped = false
  private var hasNoted = false
  // The epoch under way.
  private var total = TrainingRun.Measure()
  private var last = TrainingRun.Measure()
  private var start: Double?
  /// Seconds that the run had waited for samples when the epoch began.
  private var waited = 0.0
  /// Samples of the last epoch.
  private var lastCount = 0

  /// Prepares a run on a data set.
  convenience init(
    _ box: ModelBox, _ data: Dataset, _ options: Options, _ context: CallContext
  ) throws {
    try self.init(box, options, context) { _, _ in (data, nil, nil) }
  }

  /// Prepares a run on a stream, whose first batch tells what its samples are like.
  convenience init(
    _ box: ModelBox, _ stream: (SampleStream, LuaFunction), _ options: Options,
    _ context: CallContext
  ) throws {
    try self.init(box, options, context) { training, epoch in
      let feed = StreamFeed(stream.0, stream.1, training, epoch: epoch)
      let batch = try Fitting.firstBatch(feed, epoch: epoch, context)
      return (batch.data, feed, batch)
    }
  }

  private init(
    _ box: ModelBox, _ options: Options, _ context: CallContext,
    data: (TrainingOptions, _ epoch: Int) throws -> (Dataset, StreamFeed?, StreamBatch?)
  ) throws {
    self.box = box
    epochs = try options.epochs(default: 1)
    validation = try options.dataset("validation")
    epochHook = try options.function("on_epoch")
    batchHook = try options.function("on_batch")
    earlyStopping = try options.earlyStopping()
    plateau = try options.plateauReduction()
    checkpoint = try options.checkpoint()
    sink = try context.progress(options)
    pool = try Threads.pool()
    var training = try options.training()
    training.classWeights = try options.numbers("class_weight")?.map { Float($0) } ?? []
    training.objective = try options.objective(context)
    training.regularizers = try options.regularizers()
    if training.objective.hasCustomLoss, let validation {
      customLoss = try CustomLossEvaluation(box.graph, on: validation, training.objective)
    } else {
      customLoss = nil
    }
    self.training = training
    let past = try Fitting.past(options, checkpoint?.path)
    let (data, feed, first) = try data(training, max(past?.integer("fit/epoch") ?? 0, 0))
    self.feed = feed
    nextBatch = first
    guard feed == nil || feed?.stream.limit != nil || epochs == epochs.rounded() else {
      throw options.bad(
        "epochs", "must be whole for a stream without a limit, got \(LuaNumber.format(epochs))")
    }
    run = try TrainingRun(
      box.graph, data: data, options: training, epochs: epochs, pool: pool, stream: feed?.stream,
      poll: context.poll)
    if let past { try resume(past) }
    try history.open(csv: options.string("csv_log"), jsonLines: options.string("jsonl_log"))
  }

  /// Goes on until the end or until a callback is due.
  func proceed(_ context: CallContext) throws -> CallContext.Outcome {
    while !hasStopped, !isOver {
      try runSteps(context)
      if let batchHook {
        return context.call(batchHook, batchTable) { context in
          self.heed(context)
          return try self.endEpochIfDue(context) ?? self.proceed(context)
        }
      }
      if let outcome = try endEpochIfDue(context) { return outcome }
    }
    if training.precision == .bf16 { history.layersInBF16 = run.layersInBF16 }
    if let best = earlyStopping?.best { box.replace(by: try run.model(with: best)) }
    return context.results(history.luaValue)
  }

  /// Stops if a callback said so.
  private func heed(_ context: CallContext) {
    guard context.count > 0 else { return }
    if let answer = try? context.boolean(1), !answer { hasStopped = true }
    if let answer = try? context.string(1), answer == "stop" { hasStopped = true }
  }

  // MARK: Steps

  /// Whether the run has reached its end.
  private var isOver: Bool {
    guard let feed else { return run.step >= run.totalSteps }
    // The function of a stream may end an epoch before its limit.
    return Double(epoch) >= epochs || (feed.stream.limit != nil && run.step >= run.totalSteps)
  }

  /// Whether the steps of the epoch under way are done.
  private var epochHasEnded: Bool {
    guard feed == nil else { return nextBatch == nil || isOver }
    return run.step >= min((epoch + 1) * run.stepsPerEpoch, run.totalSteps)
  }

  /// The first batch of an epoch of a stream.
  ///
  /// - Throws: when there is none.
  private static func firstBatch(
    _ feed: StreamFeed, epoch: Int, _ context: CallContext
  ) throws -> StreamBatch {
    if let batch = try feed.nextBatch(context) { return batch }
    throw feed.stream.exhausted(epoch: epoch)
  }

  /// Runs a step; the next batch of a stream is made meanwhile.
  private func runStep(_ context: CallContext) throws -> TrainingRun.Measure {
    guard let feed else { return try run.runStep() }
    run.epoch = epoch
    if nextBatch == nil {
      feed.begin(epoch: epoch)
      nextBatch = try Fitting.firstBatch(feed, epoch: epoch, context)
    }
    guard let batch = nextBatch else { return TrainingRun.Measure() }
    nextBatch = nil
    let (measure, next) = try run.runStep(on: batch) { try feed.nextBatch(context) }
    nextBatch = next
    return measure
  }

  /// Runs the steps of an epoch, or one when each is reported.
  private func runSteps(_ context: CallContext) throws {
    let start = self.start ?? Clock.seconds()
    self.start = start
    let interrupted = context.interruptCheck
    do {
      repeat {
        if interrupted() { throw WaneError("", "interrupted", kind: .interrupted) }
        last = try runStep(context)
        total.add(last)
        if training.precision == .bf16, !hasNoted { noteLayersInBF16() }
        sink.reportIfWanted(
          Progress(
            title: title, completed: total.samples, total: samplesOfEpoch,
            details: Fitting.details(total, seconds: Clock.seconds() - start)))
      } while batchHook == nil && !epochHasEnded
      // A callback may look at the model, and may end the run by an error.
      if batchHook != nil { box.replace(by: try run.trainedModel()) }
    } catch {
      box.replace(by: try run.trainedModel())
      guard Fitting.isInterrupt(error) else { throw error }
      throw LuaError.interrupted("interrupted: model keeps the weights of step \(run.step)")
    }
  }

  private static func isInterrupt(_ error: any Error) -> Bool {
    if case LuaError.interrupted = error { return true }
    return (error as? WaneError)?.kind == .interrupted
  }

  /// Samples of the epoch under way; 0 where nobody knows.
  private var samplesOfEpoch: Int {
    feed == nil ? run.data.count : feed?.stream.limit ?? lastCount
  }

  /// Says once where bf16 is used, since it is not everywhere.
  private func noteLayersInBF16() {
    hasNoted = true
    let layers = run.layersInBF16
    let text =
      layers.isEmpty
      ? "precision bf16: no layer has products that are faster in bf16 on this processor; all "
        + "run in f32"
      : "precision bf16: \(layers.joined(separator: ", ")); the others run in f32"
    sink.note(text)
    box.precisionNote = text
  }

  private var title: String {
    epochs == epochs.rounded() ? "epoch \(epoch + 1)/\(Int(epochs))" : "epoch \(epoch + 1)"
  }

  private var batchTable: LuaValue {
    var fields: [String: LuaValue] = [
      "epoch": .integer(epoch + 1), "step": .integer(run.step), "loss": .number(last.loss),
      "lr": .number(Double(run.learningRate(at: run.step - 1))),
    ]
    fields["accuracy"] = last.accuracy.map { .number($0) }
    for (name, value) in last.outputMeasures { fields[name] = .number(value) }
    return .table(LuaTable(fields: fields))
  }

  // MARK: Epochs

  /// Does what follows on an epoch when one has ended; nil when no callback is due.
  private func endEpochIfDue(_ context: CallContext) throws -> CallContext.Outcome? {
    guard hasStopped || epochHasEnded else { return nil }
    let measures = try measure(context)
    epoch += 1
    lastCount = total.samples
    total = TrainingRun.Measure()
    start = nil
    try history.append(measures)
    let numbers = FitHistory.numbers(measures)
    if try earlyStopping?.stops(numbers, epoch: epoch, variables: run.variableValues) == true {
      hasStopped = true
    }
    try plateau?.look(numbers, run)
    guard let epochHook else {
      try keep()
      return nil
    }
    var fields = measures.mapValues(\.luaValue)
    fields["epoch"] = .integer(epoch)
    return context.call(epochHook, LuaValue.table(LuaTable(fields: fields))) { context in
      self.heed(context)
      try self.keep()
      return try self.proceed(context)
    }
  }

  private func measure(_ context: CallContext) throws -> [String: Metric.Value] {
    box.replace(by: try run.trainedModel())
    sink.finishStage()
    var measures: [String: Metric.Value] = [
      "loss": .number(total.loss), "lr": .number(Double(run.learningRate(at: run.step - 1))),
      "seconds": .number(Clock.seconds() - (start ?? Clock.seconds())),
    ]
    if run.data.isStored || feed != nil {
      measures["wait_seconds"] = .number(run.secondsWaited - waited)
      waited = run.secondsWaited
    }
    measures["accuracy"] = total.accuracy.map { .number($0) }
    for (name, value) in total.outputMeasures { measures[name] = .number(value) }
    for (name, value) in try run.takeMetrics() { measures[name] = value }
    if let customLoss {
      let losses = try customLoss.losses(of: box.graph, poll: context.poll)
      measures["validation_loss"] = .number(losses.total)
      for (name, value) in losses.parts { measures["validation_\(name)"] = .number(value) }
    } else if let validation {
      let evaluation = try Evaluation(
        box.graph, on: validation, training.objective, precision: training.precision,
        pool: pool, poll: context.poll)
      measures["validation_loss"] = .number(evaluation.loss)
      measures["validation_accuracy"] = evaluation.accuracy.map { .number($0) }
      for (name, value) in evaluation.metrics { measures["validation_\(name)"] = value }
    }
    return measures
  }

  private static func details(_ measure: TrainingRun.Measure, seconds: Double) -> String {
    var parts = ["loss \(NumberText.fixed(measure.loss, 4))"]
    if let accuracy = measure.accuracy {
      parts.append("accuracy \(NumberText.fixed(accuracy, 4))")
    }
    if seconds > 0 {
      let speed = Int(Double(measure.samples) / seconds)
      parts.append("\(NumberText.grouped(speed)) samples/s")
    }
    return parts.joined(separator: "  ")
  }

  // MARK: Checkpoint

  /// What must be the same where a checkpoint goes on, beside what the run itself asks for: sums are
  /// rounded otherwise with another number of threads, and the rules for the end of a run look at
  /// other numbers with other validation data.
  private lazy var conditions: [(name: String, text: String)] = {
    let watched = validation.map {
      "\($0.count) samples of \(Shape.text($0.sampleDimensions)), \($0.mark)"
    }
    return [
      ("the number of threads", "\(pool.count)"), ("validation", watched ?? "none"),
      ("early_stopping", earlyStopping?.settings ?? "none"),
      ("reduce_on_plateau", plateau?.settings ?? "none"),
    ]
  }()

  /// Writes the checkpoint when it is time.
  private func keep() throws {
    guard let checkpoint else { return }
    let isLast = hasStopped || isOver
    guard isLast || epoch % checkpoint.every == 0 else { return }
    var state = TrainingState()
    try run.save(to: &state)
    history.save(to: &state)
    for (name, text) in conditions { state.values["fit/\(name)"] = .text(text) }
    state.values["fit/epoch"] = .integer(epoch)
    state.values["fit/has_stopped"] = .integer(hasStopped ? 1 : 0)
    earlyStopping?.save(to: &state)
    plateau?.save(to: &state)
    try CheckpointFile.write(state, to: checkpoint.path)
  }

  /// The checkpoint to go on from, if that is wanted.
  private static func past(_ options: Options, _ path: String?) throws -> TrainingState? {
    switch options.value("resume") {
    case nil, .boolean(false): return nil
    case .boolean(true), .string("auto"): break
    case let other:
      throw options.bad(
        "resume",
        "a boolean or 'auto' expected, got \(other?.shortDescription ?? "nothing")")
    }
    guard let path else {
      throw options.bad("resume", "the option 'checkpoint' must say from which file")
    }
    if case .string = options.value("resume"), !CheckpointFile.exists(path) { return nil }
    return try CheckpointFile.read(path)
  }

  /// Goes on from a checkpoint.
  private func resume(_ state: TrainingState) throws {
    try run.check(state)
    for (name, text) in conditions {
      let was = try state.text("fit/\(name)")
      guard was == text else {
        throw WaneError("resume", "\(name) was \(was) in the checkpoint, and is \(text) now")
      }
    }
    var past = FitHistory()
    try past.restore(state)
    try earlyStopping?.restore(state, run)
    try plateau?.restore(state)
    let epoch = try state.integer("fit/epoch")
    guard epoch >= 0, epoch <= past.epochs.count else {
      throw WaneError("resume", "the checkpoint is of epoch \(epoch)")
    }
    hasStopped = try state.integer("fit/has_stopped") != 0
    try run.restore(state)
    self.epoch = epoch
    history = past
    box.replace(by: try run.trainedModel())
  }
}

extension CallContext {
  /// Throws when the user asked to stop; for long work that leaves nothing behind.
  var poll: () throws -> Void {
    let interrupted = interruptCheck
    return { if interrupted() { throw LuaError.interrupted("interrupted") } }
  }
}
