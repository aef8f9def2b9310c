import WaneGraph
import WaneNN
import WaneTensor

/// A pass whose strength is searched for.
///
/// With a target it is the weakest setting that meets it, without one the strongest that loses no more
/// accuracy than allowed. Settings are tried by bisection in real runs of the pass with little
/// fine-tuning; the chosen one runs with all of it and is measured again. Where the long run turns out
/// otherwise than the short one - a file some bytes larger, an accuracy higher or lower - the search
/// goes on from there, with at most four long runs.
public struct StrengthSearch: ModelPass {
  public static let verb = "search"
  /// The verb whose strength is searched for.
  public let name: String
  /// What is turned.
  public let knob: Knob
  /// What is looked for.
  public let goal: Goal

  /// The pass at each setting.
  let passes: [any ModelPass]
  let trialEpochs: Double?
  let fileBytes: @Sendable (Graph) throws -> Int

  /// Creates a search.
  ///
  /// - Parameters:
  ///   - name: the verb, for messages.
  ///   - knob: what is turned.
  ///   - goal: what is looked for.
  ///   - trialEpochs: fine-tuning of a trial; a quarter of the whole when nil.
  ///   - fileBytes: the bytes of a model's file.
  ///   - pass: makes the pass at a setting.
  /// - Throws: what `pass` throws, or when the epochs cannot be.
  public init(
    _ name: String, _ knob: Knob, goal: Goal, trialEpochs: Double? = nil,
    fileBytes: @escaping @Sendable (Graph) throws -> Int, pass: (Double) throws -> any ModelPass
  ) throws {
    if let trialEpochs, !(trialEpochs >= 0 && trialEpochs.isFinite) {
      throw WaneError(name, "trial_epochs must be at least 0, got \(trialEpochs)")
    }
    self.name = name
    self.knob = knob
    self.goal = goal
    self.trialEpochs = trialEpochs
    self.fileBytes = fileBytes
    passes = try knob.values.map(pass)
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    try SearchRun(self, model, context).result()
  }
}

/// One search on one model.
private final class SearchRun {
  private let search: StrengthSearch
  private let model: Graph
  private let context: CompressionContext
  private let meter: CostMeter
  /// The accuracy of the model as it came; nil when it does not matter.
  private let reference: Double?
  private var trials: [Int: Report.Trial] = [:]
  private var record: [Report.Trial] = []
  private var nearest: Report.Trial?

  /// How many settings get the whole of the training.
  private static let mostRuns = 4
  /// The part of the data that is kept to measure on when there is no validation data.
  private static let validationShare = 0.1

  init(_ search: StrengthSearch, _ model: Graph, _ context: CompressionContext) throws {
    var context = context
    if search.goal.maxDrop != nil, context.validation == nil {
      try Self.split(&context, search)
    }
    self.search = search
    self.model = model
    self.context = context
    let samples = context.validation ?? context.data ?? context.calibration
    meter = CostMeter(
      feeding: try samples?.columns(for: model, search.name).map(\.dtype) ?? [],
      fileBytes: search.fileBytes)
    reference = try context.validation.flatMap { data in
      try Evaluation(model, on: data, pool: context.pool, poll: context.poll).accuracy
    }
    if search.goal.maxDrop != nil, reference == nil {
      throw WaneError(
        search.name, "max_drop is of accuracy, and the labels of the data are not classes")
    }
  }

  private static func split(_ context: inout CompressionContext, _ search: StrengthSearch) throws {
    guard context.stream == nil else {
      throw WaneError(
        search.name,
        "max_drop needs the option 'validation' beside a stream; stream:take(n) makes a data set")
    }
    guard let data = context.data, data.count >= 10 else {
      throw WaneError(
        search.name, "max_drop is measured on the option 'validation', or on a tenth of 'data'")
    }
    let count = Int((Double(data.count) * validationShare).rounded())
    let shuffled = try data.shuffled(seed: context.fineTuning.seed)
    context.validation = try shuffled.slice(0..<count)
    context.data = try shuffled.slice(count..<data.count)
  }

  func result() throws -> PassResult {
    if let target = search.goal.target { return try weakest(target) }
    return try strongest(within: search.goal.maxDrop ?? 0)
  }

  /// The weakest setting that meets a target.
  private func weakest(_ target: Target) throws -> PassResult {
    // What is multiplied with the limits, below 1 when long runs take more than short ones.
    var margin = 1.0
    var least = 0
    for _ in 0..<Self.mostRuns {
      let chosen = try Bisection.first(search.passes.count) {
        target.excess(try self.trial($0).costs) <= margin
      }
      guard let index = chosen.map({ max($0, least) }), index < search.passes.count else { break }
      let (result, trial) = try complete(index)
      if search.goal.isMet(trial.costs, drop: trial.drop) { return reported(result) }
      let excess = target.excess(trial.costs)
      // A model that is small enough and loses too much is not helped by either direction.
      guard excess > 1, trial.epochs > 0 else { break }
      margin = min(margin / excess, margin * 0.995)
      least = index + 1
    }
    throw unreachable()
  }

  /// The strongest setting that loses no more than allowed.
  ///
  /// Trials train little and lose more than the long run will: what they find is where long runs
  /// begin, which go on from there.
  private func strongest(within allowed: Double) throws -> PassResult {
    let count = search.passes.count
    let promising = try Bisection.last(count) { try self.trial($0).drop ?? .infinity <= allowed }
    var index = promising ?? 0
    var step = max(1, count / 16)
    var best: PassResult?
    var (met, missed) = (-1, count)
    for _ in 0..<Self.mostRuns {
      let (result, trial) = try complete(index)
      if search.goal.isMet(trial.costs, drop: trial.drop) {
        (met, best) = (index, result)
      } else {
        missed = index
      }
      if missed - met <= 1 || trial.epochs == 0 { break }
      if met < 0 {
        index = max(0, index - step)
        step *= 2
      } else {
        index = missed < count ? (met + missed) / 2 : min(index + step, count - 1)
      }
    }
    guard let best else { throw unreachable() }
    return reported(best)
  }

  /// A run with little training, once for each setting.
  private func trial(_ index: Int) throws -> Report.Trial {
    if let known = trials[index] { return known }
    var short = context
    let epochs = context.fineTuning.epochs
    short.fineTuning.epochs = min(search.trialEpochs ?? epochs / 4, epochs)
    short.validation = nil
    let (_, trial) = try run(
      index, short, "search \(search.knob.option) \(setting(index)), trial \(trials.count + 1)")
    trials[index] = trial
    return trial
  }

  /// A run with all of the training.
  private func complete(_ index: Int) throws -> (PassResult, Report.Trial) {
    try run(index, context, "\(search.knob.option) \(setting(index))")
  }

  private func run(_ index: Int, _ context: CompressionContext, _ title: String) throws -> (
    PassResult, Report.Trial
  ) {
    try context.poll()
    var context = context
    context.progress = TitledProgress(context.progress, title)
    let result = try search.passes[index].apply(to: model, context)
    let costs = try meter.measure(
      result.model, search.goal.target?.quantities ?? [.bytes], poll: context.poll)
    var trial = Report.Trial(
      option: search.knob.option, value: search.knob.values[index],
      epochs: context.fineTuning.epochs, costs: costs)
    if let reference, let data = self.context.validation {
      trial.accuracy =
        try Evaluation(result.model, on: data, pool: context.pool, poll: context.poll).accuracy
      trial.drop = trial.accuracy.map { reference - $0 }
    }
    record.append(trial)
    if isNearer(trial) { nearest = trial }
    return (result, trial)
  }

  /// Whether a trial comes nearer to the goal than those before.
  private func isNearer(_ trial: Report.Trial) -> Bool {
    guard let nearest else { return true }
    func distance(_ trial: Report.Trial) -> (Double, Double) {
      (max(search.goal.target?.excess(trial.costs) ?? 1, 1), trial.drop ?? 0)
    }
    return distance(trial) < distance(nearest)
  }

  private func setting(_ index: Int) -> String {
    let value = search.knob.values[index]
    return Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  private func reported(_ result: PassResult) -> PassResult {
    var result = result
    if let target = search.goal.target {
      let pairs = target.quantities.map {
        ReportValue.Pair(layers: $0.rawValue, value: target.limits[$0] ?? 0)
      }
      result.report.options.append(("target", .pairs(pairs)))
    }
    if let maxDrop = search.goal.maxDrop {
      result.report.options.append(("max_drop", .number(maxDrop)))
    }
    result.report.trials = record
    return result
  }

  private func unreachable() -> WaneError {
    var message = "\(search.knob.option) does not reach \(search.goal.text)"
    if let nearest {
      let value = Int(exactly: nearest.value).map { "\($0)" } ?? "\(nearest.value)"
      message += "; the best reached is \(nearest.costs.text)"
      if let drop = nearest.drop {
        message +=
          drop > 0
          ? " and \(DecimalText.fixed(drop * 100, 2)) points lost" : " and nothing lost"
      }
      message += ", with \(nearest.option) \(value)"
    }
    return WaneError(search.name, message)
  }
}
