import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `model:fit`.
  static let fit = Function(
    "fit", "Trains the model on a data set.",
    signature: "fit(data, [options]) -> history",
    options: [
      Option("epochs", "number", default: "1", "how often it sees the data"), .batchSize,
      .validation, .optimizer, .learningRate, .learningRateSchedule, .loss, .precision,
      .seed,
      Option("shuffle", "boolean", default: "true", "samples in a new order each epoch"),
      Option(
        "on_epoch", "function", default: "none",
        "called with a table of measures after each epoch; returning false stops"), .progress,
    ],
    example:
      "history = model:fit(train, { epochs = 8, batch_size = 128, validation = test, seed = 1 })",
    method: { (box: ModelBox, context) in
      let data = try context.object(2, as: DatasetBox.self).dataset
      let options = try context.options(3)
      let fitting = try Fitting(box, data: data, options: options, context)
      return try fitting.proceed(context)
    })
}

/// A `fit` under way.
///
/// Between epochs it may call back into Lua, so it goes on in steps.
private final class Fitting {
  private let box: ModelBox
  private let run: TrainingRun
  private let pool: WorkerPool
  private let validation: Dataset?
  private let hook: LuaFunction?
  private let epochs: Double
  private let loss: Loss?
  private let sink: any ProgressSink
  private var history: [String: [LuaValue]] = [:]
  private var epoch = 0

  init(_ box: ModelBox, data: Dataset, options: Options, _ context: CallContext) throws {
    self.box = box
    epochs = try options.epochs(default: 1)
    validation = try options.dataset("validation")
    hook = try options.function("on_epoch")
    sink = try context.progress(options)
    pool = try Threads.pool()
    let training = try options.training()
    loss = training.loss
    run = try TrainingRun(box.graph, data: data, options: training, epochs: epochs, pool: pool)
  }

  /// Runs epochs until the end or until a callback is due.
  func proceed(_ context: CallContext) throws -> CallContext.Outcome {
    while Double(epoch) < epochs {
      epoch += 1
      let measures = try runEpoch(context)
      guard let hook else { continue }
      return context.call(hook, LuaValue.table(LuaTable(fields: measures))) { context in
        if context.count > 0, let answer = try? context.boolean(1), !answer {
          return context.results(self.result)
        }
        return try self.proceed(context)
      }
    }
    return context.results(result)
  }

  private var result: LuaValue {
    .table(LuaTable(fields: history.mapValues { .table(LuaTable($0)) }))
  }

  private func runEpoch(_ context: CallContext) throws -> [String: LuaValue] {
    let start = Clock.seconds()
    let title = epochs == epochs.rounded() ? "epoch \(epoch)/\(Int(epochs))" : "epoch \(epoch)"
    var total = TrainingRun.Measure()
    do {
      let interrupted = context.interruptCheck
      try run.train(epochs: min(Double(epoch), epochs)) {
        if interrupted() { throw WaneError("", "interrupted", kind: .interrupted) }
      } onStep: { [sink] run, measure in
        total.add(measure)
        let seconds = Clock.seconds() - start
        sink.reportIfWanted(
          Progress(
            title: title, completed: total.samples, total: run.data.count,
            details: Fitting.details(total, seconds: seconds)))
      }
    } catch let error as WaneError where error.kind == .interrupted {
      box.replace(by: try run.trainedModel())
      throw LuaError.interrupted("interrupted: model keeps the weights of step \(run.step)")
    }
    box.replace(by: try run.trainedModel())
    sink.finishStage()
    var measures: [String: LuaValue] = [
      "loss": .number(total.loss), "seconds": .number(Clock.seconds() - start),
    ]
    measures["accuracy"] = total.accuracy.map { .number($0) }
    if let validation {
      let evaluation = try Evaluation(
        box.graph, on: validation, loss: loss, pool: pool, poll: context.poll)
      measures["validation_loss"] = .number(evaluation.loss)
      measures["validation_accuracy"] = evaluation.accuracy.map { .number($0) }
    }
    for (name, value) in measures { history[name, default: []].append(value) }
    measures["epoch"] = .integer(epoch)
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
}

extension CallContext {
  /// Throws when the user asked to stop; for long work that leaves nothing behind.
  var poll: () throws -> Void {
    let interrupted = interruptCheck
    return { if interrupted() { throw LuaError.interrupted("interrupted") } }
  }
}
