import WaneNN
import WaneTensor

/// An optimizer as Lua makes it: `wane.optim.NAME { options }`.
struct OptimizerMaker: Sendable {
  let name: String
  let summary: String
  let learningRate: Double
  /// The options of its own, before those that all have.
  let ownOptions: [Option]
  let example: String
  let weightDecay: Double
  /// Its rule with the coefficients that the options ask for.
  let rule: @Sendable (Options) throws -> UpdateRule

  init(
    _ name: String, _ summary: String, learningRate: Double = 1e-3, weightDecay: Double = 0,
    options: [Option], example: String, rule: @escaping @Sendable (Options) throws -> UpdateRule
  ) {
    self.name = name
    self.summary = summary
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    ownOptions = options
    self.example = example
    self.rule = rule
  }

  /// All options.
  var options: [Option] {
    [Option("learning_rate", "number", default: "\(learningRate)", "step size")] + ownOptions + [
      Option(
        "weight_decay", "number", default: LuaNumber.format(weightDecay),
        "what a step takes from each variable, times the step size"),
      Option(
        "decay_vectors", "boolean", default: "true",
        "whether biases and scales of normalizations decay as well"),
      Option("clipvalue", "number", default: "none", "bound of every element of a gradient"),
      Option("clipnorm", "number", default: "none", "bound of the norm of a variable's gradient"),
      Option("global_clipnorm", "number", default: "none", "bound of the norm of all gradients"),
      Option(
        "use_ema", "boolean", default: "false",
        "the trained model gets a moving average of the variables"),
      Option(
        "ema_momentum", "number in [0, 1]", default: "0.99", "what stays of the average at a step"),
      Option(
        "ema_overwrite_frequency", "integer", default: "never",
        "after how many steps the variables are set to the average"),
    ]
  }

  /// The optimizer that the options ask for.
  func optimizer(_ options: Options) throws -> Optimizer {
    var result = Optimizer(
      try rule(options),
      learningRate: Float(try options.number("learning_rate", default: learningRate)),
      weightDecay: Float(try options.number("weight_decay", default: weightDecay)))
    result.decaysVectors = try options.boolean("decay_vectors", default: true)
    result.clipping = try options.clipping()
    if try options.boolean("use_ema", default: false) {
      result.averageMomentum = Float(try options.number("ema_momentum", default: 0.99))
      result.averageInterval = try options.integer("ema_overwrite_frequency")
    }
    return try result.validated()
  }

  /// The function of `wane.optim`.
  var function: Function {
    Function(
      name, summary,
      signature: "\(name) { learning_rate = \(learningRate), ... } -> Optimizer", options: options,
      example: example
    ) { context in
      context.results(OptimizerBox(try optimizer(try context.options(1))))
    }
  }
}

extension Options {
  fileprivate func coefficient(_ name: String, _ usual: Double) throws -> Float {
    Float(try number(name, default: usual))
  }

  fileprivate func clipping() throws -> GradientClipping {
    let given = ["clipvalue", "clipnorm", "global_clipnorm"].filter(has)
    guard given.count < 2 else {
      throw bad(given[1], "gradients are clipped in one way, '\(given[0])' is given too")
    }
    if let limit = try number("clipvalue") { return .value(Float(limit)) }
    if let limit = try number("clipnorm") { return .norm(Float(limit)) }
    if let limit = try number("global_clipnorm") { return .globalNorm(Float(limit)) }
    return .none
  }
}

extension OptimizerMaker {
  /// Every optimizer.
  static let all: [OptimizerMaker] = [
    sgd, adam, adamw, nadam, rmsprop, adagrad, adadelta, lion,
  ]

  private static let betas = [
    Option("beta1", "number in [0, 1)", default: "0.9", "memory of the gradient"),
    Option("beta2", "number in [0, 1)", default: "0.999", "memory of its square"),
    Option("epsilon", "number", default: "1e-7", "keeps the divisor away from zero"),
  ]
  private static let amsgrad = Option(
    "amsgrad", "boolean", default: "false", "the divisor never shrinks (Reddi et al., 2018)")

  private static func adamRule(_ options: Options) throws -> UpdateRule {
    .adam(
      beta1: try options.coefficient("beta1", 0.9), beta2: try options.coefficient("beta2", 0.999),
      epsilon: try options.coefficient("epsilon", 1e-7),
      amsgrad: try options.boolean("amsgrad", default: false))
  }

  static let sgd = OptimizerMaker(
    "sgd", "Gradient descent, with momentum if wanted (Sutskever et al., 2013).",
    learningRate: 0.01,
    options: [
      Option("momentum", "number in [0, 1)", default: "0", "what stays of the last step"),
      Option("nesterov", "boolean", default: "false", "looks ahead along the momentum"),
    ],
    example:
      "model:fit(train, { optimizer = wane.optim.sgd { learning_rate = 0.1, momentum = 0.9 } })"
  ) { options in
    .sgd(
      momentum: try options.coefficient("momentum", 0),
      nesterov: try options.boolean("nesterov", default: false))
  }

  static let adam = OptimizerMaker(
    "adam", "Adam (Kingma and Ba, 2015).", options: betas + [amsgrad],
    example: "model:fit(train, { optimizer = wane.optim.adam { learning_rate = 3e-4 } })",
    rule: adamRule)

  static let adamw = OptimizerMaker(
    "adamw", "Adam with decoupled weight decay (Loshchilov and Hutter, 2019).",
    weightDecay: 0.004, options: betas + [amsgrad],
    example: "model:fit(train, { optimizer = wane.optim.adamw { weight_decay = 0.01 } })",
    rule: adamRule)

  static let nadam = OptimizerMaker(
    "nadam", "Adam with Nesterov's momentum (Dozat, 2016).", options: betas,
    example: #"model:fit(train, { optimizer = "nadam" })"#
  ) { options in
    .nadam(
      beta1: try options.coefficient("beta1", 0.9), beta2: try options.coefficient("beta2", 0.999),
      epsilon: try options.coefficient("epsilon", 1e-7))
  }

  static let rmsprop = OptimizerMaker(
    "rmsprop", "Steps divided by a moving root mean square (Tieleman and Hinton, 2012).",
    options: [
      Option("rho", "number in [0, 1)", default: "0.9", "memory of the gradient's square"),
      Option("momentum", "number in [0, 1)", default: "0", "what stays of the last step"),
      Option("epsilon", "number", default: "1e-7", "keeps the divisor away from zero"),
      Option("centered", "boolean", default: "false", "divides by the variance instead"),
    ],
    example: "model:fit(train, { optimizer = wane.optim.rmsprop { momentum = 0.9 } })"
  ) { options in
    .rmsprop(
      rho: try options.coefficient("rho", 0.9), momentum: try options.coefficient("momentum", 0),
      epsilon: try options.coefficient("epsilon", 1e-7),
      centered: try options.boolean("centered", default: false))
  }

  static let adagrad = OptimizerMaker(
    "adagrad", "Steps divided by the root of all squares so far (Duchi et al., 2011).",
    options: [
      Option("initial_accumulator_value", "number", default: "0.1", "where the squares start"),
      Option("epsilon", "number", default: "1e-7", "keeps the divisor away from zero"),
    ],
    example: "model:fit(train, { optimizer = wane.optim.adagrad { learning_rate = 0.01 } })"
  ) { options in
    .adagrad(
      initialAccumulator: try options.coefficient("initial_accumulator_value", 0.1),
      epsilon: try options.coefficient("epsilon", 1e-7))
  }

  static let adadelta = OptimizerMaker(
    "adadelta", "Steps in the size of the steps before (Zeiler, 2012).",
    options: [
      Option("rho", "number in [0, 1)", default: "0.95", "memory of squares"),
      Option("epsilon", "number", default: "1e-7", "keeps the divisor away from zero"),
    ],
    example: "model:fit(train, { optimizer = wane.optim.adadelta { learning_rate = 1 } })"
  ) { options in
    .adadelta(
      rho: try options.coefficient("rho", 0.95), epsilon: try options.coefficient("epsilon", 1e-7))
  }

  static let lion = OptimizerMaker(
    "lion", "Steps of one size in the direction of the momentum (Chen et al., 2023).",
    options: [
      Option("beta1", "number in [0, 1)", default: "0.9", "the momentum's part of a step"),
      Option("beta2", "number in [0, 1)", default: "0.99", "memory of the gradient"),
    ],
    example: "model:fit(train, { optimizer = wane.optim.lion { learning_rate = 1e-4 } })"
  ) { options in
    .lion(
      beta1: try options.coefficient("beta1", 0.9), beta2: try options.coefficient("beta2", 0.99))
  }
}

extension Namespace {
  /// `wane.optim`.
  static let optimizers = Namespace(
    "optim", "Optimizers.", functions: OptimizerMaker.all.map(\.function))
}
