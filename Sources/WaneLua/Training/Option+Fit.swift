import WaneNN
import WaneTensor

extension Option {
  /// What `fit` takes, besides what all training does.
  static let fitting: [Option] = [
    Option("epochs", "number", default: "1", "how often it sees the data"), .batchSize,
    .validation, .optimizer, .learningRate, .learningRateSchedule, .loss, .lossWeights,
    .regularizer, .metrics,
    .precision,
    .seed,
    Option("shuffle", "boolean", default: "true", "samples in a new order each epoch"),
    Option(
      "class_weight", "list of numbers", default: "1 each",
      "what the loss of each class counts, class 0 first"),
    .sampleWeight,
    Option(
      "on_epoch", "function", default: "none",
      "called with a table of measures after each epoch; returning false or \"stop\" ends training"),
    Option(
      "on_batch", "function", default: "none",
      "called with epoch, step, loss, accuracy and lr after each step; it may end training, too"),
    Option(
      "early_stopping", "table", default: "none",
      "ends training when a measure stops getting better: { " + text(earlyStopping) + " }"),
    Option(
      "reduce_on_plateau", "table", default: "none",
      "makes the step size smaller when a measure stops getting better: { " + text(plateau) + " }"),
    Option(
      "checkpoint", "path or table", default: "none",
      "keeps the run in a file: { " + text(checkpoint) + " }"),
    Option(
      "resume", "boolean or \"auto\"", default: "false",
      "goes on from the checkpoint, bit for bit; \"auto\": if there is one"),
    Option("csv_log", "path", default: "none", "a line of measures for each epoch"),
    Option("jsonl_log", "path", default: "none", "the same, a JSON object a line"), .progress,
  ]

  static let sampleWeight = Option(
    "sample_weight", "Tensor", default: "the data set's", "what the loss of each sample counts")

  static let monitor: [Option] = [
    Option("monitor", "string", default: "validation_loss, or loss", "the measure"),
    Option(
      "mode", oneOf: Monitor.Direction.allCases.map(\.rawValue), default: "auto",
      "whether less or more is better"),
  ]

  static let earlyStopping: [Option] =
    monitor + [
      Option("patience", "integer", default: "0", "epochs without an improvement"),
      Option("min_delta", "number", default: "0", "how much better counts"),
      Option(
        "restore_best", "boolean", default: "false", "ends with the weights of the best epoch"),
    ]

  static let plateau: [Option] =
    monitor + [
      Option("factor", "number in (0, 1)", default: "0.1", "what the step size is multiplied by"),
      Option("patience", "integer", default: "10", "epochs without an improvement"),
      Option("min_delta", "number", default: "0.0001", "how much better counts"),
      Option("cooldown", "integer", default: "0", "epochs of rest afterwards"),
      Option("min_lr", "number", default: "0", "what the step size does not fall below"),
    ]

  static let checkpoint: [Option] = [
    Option("path", "string", "the file"),
    Option("every", "integer", default: "1", "after how many epochs it is written"),
  ]

  /// Names and defaults, for help: `patience = 0, min_delta = 0`.
  private static func text(_ options: [Option]) -> String {
    options.map { option in option.defaultText.map { "\(option.name) = \($0)" } ?? option.name }
      .joined(separator: ", ")
  }
}

extension Options {
  /// A data set with the weights that the options ask for.
  func weighted(_ data: Dataset) throws -> Dataset {
    guard let box = try object("sample_weight", as: TensorBox.self, called: "Tensor") else {
      return data
    }
    return try checked("sample_weight") { try data.weighted(box.tensor) }
  }

  /// The rule that ends training, if one is wanted.
  func earlyStopping() throws -> EarlyStopping? {
    guard let options = try nested("early_stopping", Option.earlyStopping) else { return nil }
    return try checked("early_stopping") {
      try EarlyStopping(
        options.monitor(least: 0), patience: options.integer("patience", default: 0),
        keepsBest: options.boolean("restore_best", default: false))
    }
  }

  /// The rule that makes the step size smaller, if one is wanted.
  func plateauReduction() throws -> PlateauReduction? {
    guard let options = try nested("reduce_on_plateau", Option.plateau) else { return nil }
    return try checked("reduce_on_plateau") {
      try PlateauReduction(
        options.monitor(least: 1e-4), factor: Float(options.number("factor", default: 0.1)),
        patience: options.integer("patience", default: 10),
        cooldown: options.integer("cooldown", default: 0),
        least: Float(options.number("min_lr", default: 0)))
    }
  }

  /// The file that keeps the run, and after how many epochs it is written.
  func checkpoint() throws -> (path: String, every: Int)? {
    if case .string(let path)? = value("checkpoint") { return (path, 1) }
    guard let options = try nested("checkpoint", Option.checkpoint) else { return nil }
    return (
      try options.required("path", options.string("path")),
      try options.integer("every", atLeast: 1, default: 1)
    )
  }

  private func monitor(least: Double) throws -> Monitor {
    try Monitor(
      string("monitor"),
      direction: choice("mode").flatMap(Monitor.Direction.init(rawValue:)) ?? .auto,
      least: number("min_delta", default: least))
  }

  /// Words an error of the engine as one about an option.
  private func checked<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as WaneError {
      throw bad(name, error.message)
    }
  }
}
