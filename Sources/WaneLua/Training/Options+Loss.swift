import WaneNN
import WaneTensor

extension Option {
  static let loss = Option(
    "loss", "name, { name, options }, function, or a list or table of them by output",
    default: "what suits the labels",
    "what is made small: " + NamedForm.summary(of: Loss.forms)
      + "; or a function of symbolic predictions and labels")
  static let metrics = Option(
    "metrics", "list of names or { name, options }, or a table of lists by output",
    default: "none",
    "what is measured besides: " + NamedForm.summary(of: Metric.forms) + "; top_5 and the like")
}

extension Loss {
  /// The losses by name, with Keras's options and defaults.
  static let forms: [NamedForm<Loss>] = Kind.allCases.map { kind in
    var options: [Option] = []
    let isEntropy = Loss(kind).comparesClasses || Loss(kind).comparesAnswers
    if isEntropy {
      options += [
        Option(
          "from_logits", "boolean", default: "unless the model ends in softmax or sigmoid", ""),
        Option("label_smoothing", "number in [0, 1)", default: "0", "how far labels are softened"),
      ]
    }
    if kind == .focal || kind == .binaryFocal {
      options += [
        Option("gamma", "number", default: "2", "how little weight is left to what is easy"),
        Option("alpha", "number", default: "0.25; none for binary_focal", "the weight of a class"),
      ]
    }
    if kind == .huber {
      options.append(Option("delta", "number", default: "1", "where the square ends"))
    }
    return NamedForm(kind.rawValue, options) { options in
      var loss = Loss(kind)
      if isEntropy {
        loss.isFromLogits = try options.boolean("from_logits")
        loss.labelSmoothing = Float(try options.number("label_smoothing", default: 0))
      }
      if kind == .focal || kind == .binaryFocal {
        loss.gamma = Float(try options.number("gamma", default: 2))
        loss.alpha = try options.number("alpha").map { Float($0) }
      }
      if kind == .huber { loss.delta = Float(try options.number("delta", default: 1)) }
      try loss.validate()
      return loss
    }
  }
}

extension Metric {
  /// The metrics by name, with Keras's options and defaults.
  static let forms: [NamedForm<Metric>] = [
    NamedForm("accuracy") { _ in try Metric(.accuracy) },
    NamedForm("top_k", [Option("k", "integer", default: "5", "among how many")]) { options in
      try Metric(.top(options.integer("k", default: 5)))
    },
    NamedForm("precision", [threshold]) { options in
      try Metric(.precision(threshold: Float(options.number("threshold", default: 0.5))))
    },
    NamedForm("recall", [threshold]) { options in
      try Metric(.recall(threshold: Float(options.number("threshold", default: 0.5))))
    },
    NamedForm(
      "f1",
      [
        Option("threshold", "number in [0, 1]", default: "the likeliest class", ""),
        Option(
          "average", oneOf: Average.allCases.map(\.rawValue), default: "macro",
          "how classes become one"),
      ]
    ) { options in
      let average = try options.choice("average").flatMap(Average.init(rawValue:)) ?? .macro
      return try Metric(
        .f1(threshold: options.number("threshold").map { Float($0) }, average: average))
    },
    NamedForm(
      "auc", [Option("num_thresholds", "integer", default: "200", "points of the curve")]
    ) { options in
      try Metric(.areaUnderCurve(thresholds: options.integer("num_thresholds", default: 200)))
    },
    NamedForm("confusion_matrix") { _ in try Metric(.confusionMatrix) },
    NamedForm("mae") { _ in try Metric(.meanAbsoluteError) },
    NamedForm("mse") { _ in try Metric(.meanSquaredError) },
    NamedForm("r2") { _ in try Metric(.r2) },
  ]

  private static let threshold = Option(
    "threshold", "number in [0, 1]", default: "0.5", "what a prediction is greater than")
}

extension Options {
  /// The metrics that the options ask for.
  func metrics() throws -> [Metric] { try value("metrics").map { try metrics(of: $0) } ?? [] }

  /// The metrics that a value of the option names.
  func metrics(of value: LuaValue) throws -> [Metric] {
    let elements: [LuaValue]
    switch value {
    case .string: elements = [value]
    case .table(let table) where table.fields.isEmpty: elements = table.elements
    default: throw bad("metrics", "a list of metrics expected, got \(value.shortDescription)")
    }
    var result: [Metric] = []
    for element in elements {
      let metric: Metric
      if case .string(let name) = element, name.hasPrefix("top_"),
        let count = Int(name.dropFirst(4))
      {
        do {
          metric = try Metric(.top(count))
        } catch let error as WaneError {
          throw bad("metrics", error.message)
        }
      } else {
        metric = try form(element, "metrics", of: Metric.forms)
      }
      guard !result.contains(where: { $0.name == metric.name }) else {
        throw bad("metrics", "'\(metric.name)' is given twice")
      }
      result.append(metric)
    }
    return result
  }
}

extension Metric.Value {
  /// The value as Lua sees it.
  var luaValue: LuaValue {
    switch self {
    case .number(let value): .number(value)
    case .matrix(let tensor): .object(TensorBox(tensor))
    }
  }
}
