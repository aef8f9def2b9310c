import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

extension Option {
  /// What every verb that can fine-tune takes.
  static let fineTuning: [Option] =
    [
      Option(
        "data", "Dataset or Stream", default: "none",
        "what fine-tuning and criteria learn from, of a stream from its first samples"),
      Option("epochs", "number", default: "1 with data, else 0", "how long to fine-tune"),
      .batchSize,
      Option("learning_rate", "number", default: "chosen by the verb", "step size of fine-tuning"),
      .optimizer,
      Option(
        "learning_rate_schedule", "name or { name, options }", default: "chosen by the verb",
        "how the step size falls, as in fit"), .loss, .lossWeights, .seed, .validation,
    ] + Option.teaching + [.regularizer, .progress]

  /// Which layers a verb treats.
  static let selection: [Option] = [
    Option(
      "only", "string or list", default: "all layers",
      "layers to treat: a name, a kind, or a Lua pattern"),
    Option("except", "string or list", default: "none", "layers to leave as they are"),
  ]
}

extension Options {
  /// Which layers are meant.
  func selection() throws -> Selection {
    Selection(only: try strings("only"), except: try strings("except") ?? [])
  }

  /// How to fine-tune.
  ///
  /// - Parameter hasData: whether there is something to learn from: then one epoch is the default.
  /// - Returns: the options of training.
  /// - Throws: when an option has the wrong type or is out of range.
  func fineTuning(hasData: Bool) throws -> FineTuning {
    var result = FineTuning()
    result.epochs = try epochs(default: hasData ? 1 : 0)
    result.batchSize = try integer("batch_size", atLeast: 1, default: 128)
    result.learningRate = try number("learning_rate").map { Float($0) }
    result.optimizer = has("optimizer") ? try optimizer() : nil
    result.schedule = try learningRateSchedule()
    result.seed = try seed()
    result.objective = try namedObjective()
    result.regularizers = try regularizers()
    result.teacher = try distillation()
    return result
  }

  /// What a verb works with.
  func compression(_ context: CallContext) throws -> CompressionContext {
    let stream = try stream("data", context)
    let data = try stream.map { try $0.samples() } ?? dataset("data")
    return CompressionContext(
      pool: try Threads.pool(), data: data, stream: stream,
      calibration: try calibration(context), validation: try dataset("validation"),
      fineTuning: try fineTuning(hasData: data != nil), progress: try context.progress(self),
      poll: context.poll)
  }

  /// The samples that show which values occur; the first of a stream.
  private func calibration(_ context: CallContext) throws -> Dataset? {
    guard let stream = try stream("calibration", context) else {
      return try dataset("calibration")
    }
    return try stream.samples(Calibration.usualCount)
  }
}
