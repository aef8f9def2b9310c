import WaneNN
import WaneTensor

/// A form that an option can take: a word, or a table with the word first and options of its own, as
/// in `{ "cosine_restarts", first_decay_steps = 200 }`.
struct NamedForm<Value>: Sendable {
  let name: String
  let options: [Option]
  let make: @Sendable (Options) throws -> Value

  init(
    _ name: String, _ options: [Option] = [], make: @escaping @Sendable (Options) throws -> Value
  ) {
    self.name = name
    self.options = options
    self.make = make
  }

  /// The names and options of forms, for help: `step (boundaries, values), cosine (alpha)`.
  static func summary(of forms: [NamedForm]) -> String {
    forms.map { form in
      let names = form.options.map(\.name).joined(separator: ", ")
      return names.isEmpty ? form.name : "\(form.name) (\(names))"
    }
    .joined(separator: "; ")
  }
}

extension Options {
  /// The value that an option's word or table stands for; nil when it is not given.
  func form<Value>(_ name: String, of forms: [NamedForm<Value>]) throws -> Value? {
    guard let value = value(name) else { return nil }
    return try form(value, name, of: forms)
  }

  /// The value that a word or table stands for.
  func form<Value>(_ value: LuaValue, _ name: String, of forms: [NamedForm<Value>]) throws -> Value
  {
    var table = LuaTable()
    let word: String
    switch value {
    case .string(let text): word = text
    case .table(let given):
      guard case .string(let text)? = given.elements.first else {
        throw bad(name, "a table with a name first expected, as in { \"\(forms[0].name)\" }")
      }
      word = text
      table = LuaTable(Array(given.elements.dropFirst()), fields: given.fields)
    default: throw bad(name, "a name or a table expected, got \(value.shortDescription)")
    }
    guard let form = forms.first(where: { $0.name == word }) else {
      let names = forms.map(\.name)
      let hint = NearestName.of(word, in: names).map { " (did you mean '\($0)'?)" } ?? ""
      let list = names.map { "'\($0)'" }.joined(separator: ", ")
      throw bad(name, "expected one of \(list), got '\(word)'\(hint)")
    }
    let options = try Options(table, of: "\(functionName)' option '\(name)", form.options)
    do {
      return try form.make(options)
    } catch let error as WaneError {
      throw bad(name, error.message)
    }
  }
}

extension Option {
  static let learningRateSchedule = Option(
    "learning_rate_schedule", "name or { name, options }", default: "constant",
    "how the step size changes: " + NamedForm.summary(of: LearningRateSchedule.forms)
      + "; all take warmup_steps, warmup_start and unit")
}

extension LearningRateSchedule {
  /// The schedules by name, with Keras's options and defaults; lengths are those of the run unless
  /// given.
  static let forms: [NamedForm<LearningRateSchedule>] = [
    form("constant") { _ in .constant },
    form(
      "step",
      [
        Option("boundaries", "list of numbers", "where the step size changes"),
        Option("values", "list of numbers", default: "none", "the step sizes, one more"),
        Option("decay_rate", "number", default: "0.1", "the factor at a boundary without values"),
      ]
    ) { options in
      .step(
        boundaries: try options.required("boundaries", options.numbers("boundaries")),
        values: try options.numbers("values") ?? [],
        rate: try options.number("decay_rate", default: 0.1))
    },
    form("exponential", [decaySteps, decayRate, staircase]) { options in
      .exponential(
        length: try options.number("decay_steps"),
        rate: try options.number("decay_rate", default: 0.96),
        staircase: try options.boolean("staircase", default: false))
    },
    form(
      "polynomial",
      [
        decaySteps,
        Option("end_learning_rate", "number", default: "0.0001", "the step size at the end"),
        Option("power", "number", default: "1", "1 is a line"),
        Option("cycle", "boolean", default: "false", "whether it rises again after the end"),
      ]
    ) { options in
      .polynomial(
        length: try options.number("decay_steps"),
        end: try options.number("end_learning_rate", default: 1e-4),
        power: try options.number("power", default: 1),
        cycle: try options.boolean("cycle", default: false))
    },
    form("cosine", [decaySteps, alpha]) { options in
      .cosine(
        length: try options.number("decay_steps"), alpha: try options.number("alpha", default: 0))
    },
    form(
      "cosine_restarts",
      [
        Option("first_decay_steps", "number", "the length of the first fall"),
        Option("t_mul", "number", default: "2", "how much longer each is than the one before"),
        Option("m_mul", "number", default: "1", "how much higher each starts"), alpha,
      ]
    ) { options in
      .cosineRestarts(
        first: try options.required("first_decay_steps", options.number("first_decay_steps")),
        lengthFactor: try options.number("t_mul", default: 2),
        heightFactor: try options.number("m_mul", default: 1),
        alpha: try options.number("alpha", default: 0))
    },
    form(
      "one_cycle",
      [
        decaySteps,
        Option("pct_start", "number in (0, 1)", default: "0.3", "the share of the rise"),
        Option("div_factor", "number", default: "25", "the top over the start"),
        Option("final_div_factor", "number", default: "10000", "the start over the end"),
      ]
    ) { options in
      .oneCycle(
        length: try options.number("decay_steps"),
        rise: try options.number("pct_start", default: 0.3),
        start: try options.number("div_factor", default: 25),
        end: try options.number("final_div_factor", default: 1e4))
    },
  ]

  private static let decaySteps = Option(
    "decay_steps", "number", default: "those of the run", "the length")
  private static let decayRate = Option(
    "decay_rate", "number", default: "0.96", "the factor over that length")
  private static let staircase = Option(
    "staircase", "boolean", default: "false", "in steps of that length")
  private static let alpha = Option(
    "alpha", "number in [0, 1]", default: "0", "the share of the step size that is left")

  private static func form(
    _ name: String, _ options: [Option] = [],
    course: @escaping @Sendable (Options) throws -> Course
  ) -> NamedForm<LearningRateSchedule> {
    let common = [
      Option("warmup_steps", "number", default: "0", "how long it rises along a line at first"),
      Option(
        "warmup_start", "number in [0, 1]", default: "0", "the share that the rise starts from"),
      Option(
        "unit", oneOf: Unit.allCases.map(\.rawValue), default: "steps",
        "what lengths are counted in"),
    ]
    return NamedForm(name, options + common) { options in
      try LearningRateSchedule(
        course(options), warmup: options.number("warmup_steps", default: 0),
        warmupStart: options.number("warmup_start", default: 0),
        unit: options.choice("unit").flatMap(Unit.init(rawValue:)) ?? .steps)
    }
  }
}

extension Options {
  /// The schedule that the options ask for, nil when they do not.
  func learningRateSchedule() throws -> LearningRateSchedule? {
    try form("learning_rate_schedule", of: LearningRateSchedule.forms)
  }
}
