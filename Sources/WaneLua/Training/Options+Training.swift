import WaneGraph
import WaneNN
import WaneTensor

extension Option {
  static let data = Option("data", "Dataset", "what is learned from")
  static let batchSize = Option("batch_size", "integer", default: "128", "samples of a step")
  static let learningRate = Option(
    "learning_rate", "number", default: "the optimizer's", "step size")
  static let optimizer = Option(
    "optimizer",
    "Optimizer or " + OptimizerMaker.all.map { "\"\($0.name)\"" }.joined(separator: " | "),
    default: "adam", "how parameters move")
  static let precision = Option(
    "precision", oneOf: Precision.allCases.map(\.rawValue), default: "f32",
    "what large products round their operands to; sums and weights stay f32. bf16 is used by "
      + "convolutions of 16 and more channels and by large dense layers where the processor multiplies "
      + "it (avx512_bf16), as bf16_layers of the history of fit and the rows of a profile say")
  static let seed = Option("seed", "integer", default: "0", "decides the order of samples")
  static let progress = Option("progress", "boolean", default: "true", "a bar, on a terminal only")
  static let validation = Option("validation", "Dataset", default: "none", "evaluated each epoch")
}

extension Options {
  /// The optimizer that the options ask for, nil when they do not.
  func optimizer() throws -> Optimizer? {
    var result: Optimizer?
    switch value("optimizer") {
    case nil: break
    case .object(let box as OptimizerBox): result = box.optimizer
    case .string(let name):
      guard let maker = OptimizerMaker.all.first(where: { $0.name == name }) else {
        let hint = NearestName.hint(for: name, in: OptimizerMaker.all.map(\.name))
        throw bad("optimizer", "there is no optimizer '\(name)' \(hint)")
      }
      result = try maker.optimizer(Options(LuaTable(), of: name, maker.options))
    case let other:
      throw bad(
        "optimizer",
        "an optimizer or the name of one expected, got \(other?.shortDescription ?? "nothing")")
    }
    if let rate = try number("learning_rate") {
      result = (result ?? .adam()).with(learningRate: Float(rate))
    }
    do {
      return try result?.validated()
    } catch let error as WaneError {
      throw bad("learning_rate", error.message)
    }
  }

  /// A data set, if one is given.
  func dataset(_ name: String) throws -> Dataset? {
    if case .object(_ as StreamBox)? = value(name) {
      throw bad(
        name, "Dataset expected, got Stream: stream:take(n) makes one of its first n samples")
    }
    return try object(name, as: DatasetBox.self, called: "Dataset")?.dataset
  }

  /// A number of epochs, whole or not.
  func epochs(default usual: Double) throws -> Double {
    let epochs = try number("epochs", default: usual)
    guard epochs >= 0, epochs < 1e6 else {
      throw bad("epochs", "a number from 0 to a million expected, got \(epochs)")
    }
    return epochs
  }

  /// What large products may round to.
  func precision() throws -> Precision {
    try choice("precision").flatMap(Precision.init(rawValue:)) ?? .f32
  }

  /// What training needs to know.
  func training() throws -> TrainingOptions {
    TrainingOptions(
      optimizer: try optimizer() ?? .adam(),
      batchSize: try integer("batch_size", atLeast: 1, default: 128), seed: try seed(),
      shuffles: try boolean("shuffle", default: true),
      schedule: try learningRateSchedule() ?? .constant, precision: try precision())
  }
}
