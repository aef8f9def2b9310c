import WaneGraph
import WaneNN
import WaneTensor

/// An optimizer as Lua holds it.
final class OptimizerBox: LuaObject {
  let optimizer: Optimizer

  init(_ optimizer: Optimizer) { self.optimizer = optimizer }

  /// Its kind and coefficients.
  var description: String {
    switch optimizer {
    case .sgd(let rate, let momentum, let nesterov):
      "sgd (learning_rate \(rate), momentum \(momentum)\(nesterov ? ", nesterov" : ""))"
    case .adam(let rate, let beta1, let beta2, let epsilon):
      "adam (learning_rate \(rate), betas \(beta1) and \(beta2), epsilon \(epsilon))"
    }
  }
}

extension Noun {
  static let optimizer = Noun(
    OptimizerBox.self, "Optimizer", "How gradients move parameters.",
    fields: [
      Field("learning_rate", "number", "The step size.") { (box: OptimizerBox) in
        box.optimizer.learningRate
      }
    ],
    metamethods: [
      Function(
        "__tostring", "Its kind and coefficients.", signature: "tostring(optimizer)",
        method: { (box: OptimizerBox, context) in context.results(box.description) })
    ])
}

extension Namespace {
  /// `wane.optim`.
  static let optimizers = Namespace(
    "optim", "Optimizers.",
    functions: [
      Function(
        "sgd", "Gradient descent, with momentum if wanted (Sutskever et al., 2013).",
        signature: "sgd { learning_rate = 0.01, ... } -> Optimizer",
        options: [
          Option("learning_rate", "number", default: "0.01", "step size"),
          Option("momentum", "number in [0, 1)", default: "0", "what stays of the last step"),
          Option("nesterov", "boolean", default: "false", "looks ahead along the momentum"),
        ],
        example:
          "model:fit(train, { optimizer = wane.optim.sgd { learning_rate = 0.1, momentum = 0.9 } })"
      ) { context in
        let options = try context.options(1)
        let optimizer = Optimizer.sgd(
          learningRate: Float(try options.number("learning_rate", default: 0.01)),
          momentum: Float(try options.number("momentum", default: 0)),
          nesterov: try options.boolean("nesterov", default: false))
        return context.results(OptimizerBox(try optimizer.validated()))
      },
      Function(
        "adam", "Adam (Kingma and Ba, 2015).",
        signature: "adam { learning_rate = 0.001, ... } -> Optimizer",
        options: [
          Option("learning_rate", "number", default: "0.001", "step size"),
          Option("beta1", "number in [0, 1)", default: "0.9", "memory of the gradient"),
          Option("beta2", "number in [0, 1)", default: "0.999", "memory of its square"),
          Option("epsilon", "number", default: "1e-7", "keeps the divisor away from zero"),
        ],
        example: "model:fit(train, { optimizer = wane.optim.adam { learning_rate = 3e-4 } })"
      ) { context in
        let options = try context.options(1)
        let optimizer = Optimizer.adam(
          learningRate: Float(try options.number("learning_rate", default: 1e-3)),
          beta1: Float(try options.number("beta1", default: 0.9)),
          beta2: Float(try options.number("beta2", default: 0.999)),
          epsilon: Float(try options.number("epsilon", default: 1e-7)))
        return context.results(OptimizerBox(try optimizer.validated()))
      },
    ])
}

extension Option {
  static let data = Option("data", "Dataset", "what is learned from")
  static let batchSize = Option("batch_size", "integer", default: "128", "samples of a step")
  static let learningRate = Option(
    "learning_rate", "number", default: "the optimizer's", "step size")
  static let optimizer = Option(
    "optimizer", "Optimizer or \"adam\" | \"sgd\"", default: "adam", "how parameters move")
  static let learningRateSchedule = Option(
    "learning_rate_schedule", oneOf: LearningRateSchedule.allCases.map(\.rawValue),
    default: "constant", "how the step size falls over the run")
  static let loss = Option(
    "loss", oneOf: Loss.allCases.map(\.rawValue), default: "what suits the labels",
    "what is made small")
  static let precision = Option(
    "precision", oneOf: Precision.allCases.map(\.rawValue), default: "f32",
    "what large products round their operands to; sums and weights stay f32")
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
    case .string("adam"): result = .adam()
    case .string("sgd"): result = .sgd(learningRate: 0.01)
    case let other:
      throw bad(
        "optimizer",
        "an optimizer, 'adam' or 'sgd' expected, got \(other?.shortDescription ?? "nothing")")
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
    try object(name, as: DatasetBox.self, called: "Dataset")?.dataset
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
      loss: try choice("loss").flatMap(Loss.init(rawValue:)),
      optimizer: try optimizer() ?? .adam(),
      batchSize: try integer("batch_size", atLeast: 1, default: 128), seed: try seed(),
      shuffles: try boolean("shuffle", default: true),
      schedule: try choice("learning_rate_schedule").flatMap(LearningRateSchedule.init(rawValue:))
        ?? .constant,
      precision: try precision())
  }
}
