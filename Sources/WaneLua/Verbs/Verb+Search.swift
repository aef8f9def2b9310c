import WaneCompress
import WaneFormats
import WaneNN
import WaneTensor

extension Option {
  /// What verbs take that search for their strength.
  static let search: [Option] = [
    Option(
      "target", "table", default: "none",
      "what the model may take, { bytes =, memory =, macs =, latency = } (seconds): the weakest "
        + "setting that meets it is searched for"),
    Option(
      "max_drop", "number in [0, 1)", default: "none",
      "the accuracy that may be lost, measured on validation or on a tenth of data; without a "
        + "target the strongest setting within it is searched for"),
    Option(
      "trial_epochs", "number", default: "a quarter of epochs", "fine-tuning of a trial in a search"
    ).belonging(toAnyOf: ["target", "max_drop"]),
  ]

  /// What a target may limit.
  static let target: [Option] = [
    Option("bytes", "number", default: "none", "bytes of the file, header included"),
    Option("memory", "number", default: "none", "bytes needed to run one sample"),
    Option("macs", "number", default: "none", "multiply-accumulate operations for one sample"),
    Option("latency", "number", default: "none", "seconds for one sample, on one thread"),
    Option(
      "macs_ratio", "number", default: "none",
      "fewer filters, low rank: so many times fewer multiply-accumulate operations"),
    Option("parameters", "number", default: "none", "low rank: numbers in all parameters"),
  ]
}

extension Options {
  /// The limits that the option `target` sets.
  func target() throws -> Target? {
    guard let options = try nested("target", Option.target) else { return nil }
    if options.has("macs_ratio") {
      throw bad("target", "macs_ratio is for fewer filters and low rank, and stands alone")
    }
    if options.has("parameters") {
      throw bad("target", "parameters is for low rank, and stands alone")
    }
    var limits: Costs = [:]
    for quantity in Quantity.allCases {
      limits[quantity] = try options.number(quantity.rawValue)
    }
    do {
      return try Target(limits)
    } catch let error as WaneError {
      throw bad("target", error.message)
    }
  }

  /// The accuracy that may be lost.
  func maxDrop() throws -> Double? {
    guard let drop = try number("max_drop") else { return nil }
    guard drop >= 0, drop < 1 else {
      throw bad("max_drop", "a fraction in [0, 1) expected, got \(LuaNumber.format(drop))")
    }
    return drop
  }
}

extension Verb {
  /// The pass that the options ask for; one that searches for its strength when they have a target.
  func searchingPass(_ options: Options) throws -> any ModelPass {
    guard let knob, options.has("target") || options.has("max_drop") else {
      return try pass(options)
    }
    if let direct = try directPass?(options) { return direct }
    let goal = try Goal(target: options.target(), maxDrop: options.maxDrop())
    guard let chosen = try knob(options) else {
      throw options.bad(
        options.has("target") ? "target" : "max_drop", "nothing here can be stronger or weaker")
    }
    for strength in ownOptions.map(\.name) where Verb.strengths.contains(strength) {
      guard options.has(strength) else { continue }
      throw options.bad(strength, "\(chosen.option) is searched for when there is a target")
    }
    return try StrengthSearch(
      name, chosen, goal: goal, trialEpochs: options.number("trial_epochs"),
      fileBytes: { try WaneFile.size(of: $0) }
    ) { value in
      let setting = Int(exactly: value).map { LuaValue.integer($0) } ?? .number(value)
      return try pass(options.setting(chosen.option, setting))
    }
  }

  /// The options that a search decides.
  private static let strengths: Set<String> = [
    "sparsity", "clusters", "ratio", "energy", "bits", "count", "rate",
  ]

  /// What a stage of a pipeline does.
  ///
  /// Its teacher may be known only when the pipeline runs.
  func stagePass(_ options: Options) throws -> any ModelPass {
    guard name == Verb.distill.name, !options.has("teacher") else {
      return try searchingPass(options)
    }
    return try pass(options.setting("teacher", .boolean(true)))
  }

  /// What a stage of a pipeline can be: a verb, or training alone.
  static let stages: [Verb] = all + [fit]

  /// Training alone, in a pipeline.
  private static let fit = Verb(
    name: "fit", summary: "Only trains.", ownOptions: [], example: ""
  ) { _ in Training() }
}
