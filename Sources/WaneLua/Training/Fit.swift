import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `model:fit`.
  static let fit = Function(
    "fit", "Trains the model on a data set.",
    signature: "fit(data, [options]) -> history", options: Option.fitting,
    example:
      "history = model:fit(train, { epochs = 8, batch_size = 128, validation = test, seed = 1 })",
    method: { (box: ModelBox, context) in
      let options = try context.options(3)
      let data = try options.weighted(context.object(2, as: DatasetBox.self).dataset)
      let fitting = try Fitting(box, data: data, options: options, context)
      return try fitting.proceed(context)
    })
}

/// A `fit` under way.
///
/// Between steps and epochs it may call back into Lua, so it goes on in pieces.
private final class Fitting {
  private let box: ModelBox
  private let run: TrainingRun
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

  init(_ box: ModelBox, data: Dataset, options: Options, _ context: CallContext) throws {
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
    run = try TrainingRun(
      box.graph, data: data, options: training, epochs: epochs, pool: pool, poll: context.poll)
    try resume(options)
    try history.open(csv: options.string("csv_log"), jsonLines: options.string("jsonl_log"))
  }

  /// Goes on until the end or until a callback is due.
  func proceed(_ context: CallContext) throws -> CallContext.Outcome {
    while !hasStopped, run.step < run.totalSteps {
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

  /// The number of the step that ends the epoch under way.
  private var epochEnd: Int { min((epoch + 1) * run.stepsPerEpoch, run.totalSteps) }

  /// Runs the steps of an epoch, or one when each is reported.
  private func runSteps(_ context: CallContext) throws {
    let start = self.start ?? Clock.seconds()
    self.start = start
    let interrupted = context.interruptCheck
    let end = batchHook == nil ? epochEnd : run.step + 1
    do {
      while run.step < end {
        if interrupted() { throw WaneError("", "interrupted", kind: .interrupted) }
        last = try run.runStep()
        total.add(last)
        if training.precision == .bf16, !hasNoted { noteLayersInBF16() }
        sink.reportIfWanted(
          Progress(
            title: title, completed: total.samples, total: run.data.count,
            details: Fitting.details(total, seconds: Clock.seconds() - start)))
      }
      // A callback may look at the model, and may end the run by an error.
      if batchHook != nil { box.replace(by: try run.trainedModel()) }
    } catch let error as WaneError {
      box.replace(by: try run.trainedModel())
      guard error.kind == .interrupted else { throw error }
      throw LuaError.interrupted("interrupted: model keeps the weights of step \(run.step)")
    }
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
    guard hasStopped || run.step >= epochEnd else { return nil }
    let measures = try measure(context)
    epoch += 1
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
    if run.data.isStored {
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
    let isLast = hasStopped || run.step >= run.totalSteps
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

  /// Goes on from the checkpoint if that is wanted.
  private func resume(_ options: Options) throws {
    switch options.value("resume") {
    case nil, .boolean(false): return
    case .boolean(true), .string("auto"): break
    case let other:
      throw options.bad(
        "resume",
        "a boolean or 'auto' expected, got \(other?.shortDescription ?? "nothing")")
    }
    guard let path = checkpoint?.path else {
      throw options.bad("resume", "the option 'checkpoint' must say from which file")
    }
    if case .string = options.value("resume"), !CheckpointFile.exists(path) { return }
    let state = try CheckpointFile.read(path)
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
