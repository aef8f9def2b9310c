import WaneCompress
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `wane.optimize`.
  static let optimize = Function(
    "optimize",
    "Explores combinations of the verbs within a time, and measures what they give.",
    signature: "optimize(model, options) -> Model or nil, Front, [why not]",
    options: [
      Option("data", "Dataset", "what is learned from"),
      Option("validation", "Dataset", default: "a tenth of data", "what accuracy is measured on"),
      Option(
        "target", "table", default: "none",
        "what the model may take, { bytes =, memory =, macs =, latency = } (seconds): the most "
          + "accurate that meets it is chosen"),
      Option(
        "max_drop", "number in [0, 1)", default: "0.01 without a target",
        "the accuracy that may be lost; without a target the smallest within it is chosen"),
      Option(
        "minimize", oneOf: Quantity.allCases.map(\.rawValue), default: "bytes",
        "what is to be small when there is no target"),
      Option("budget", "string or seconds", default: "10min", "the time: 90s, 10min, 1h 30min"),
      Option("epochs", "number", default: "40", "the longest training of a model"),
      .batchSize, .seed, .progress,
    ],
    example: """
      best, front = wane.optimize(model, {
        data = train, target = { bytes = 8000 }, max_drop = 0.005, budget = "10min",
      })
      print(front)
      """
  ) { context in
    let model = try context.object(1, as: ModelBox.self).graph
    return try Optimization(model, context.options(2), context).outcome()
  }
}

/// One `optimize`.
private final class Optimization {
  private let model: Graph
  private let context: CallContext
  private let goal: Exploration
  private let budget: TimeBudget
  private let sink: BudgetProgress
  private let work: CompressionContext
  private let validation: Dataset
  private let original: FrontBox.Row

  init(_ model: Graph, _ options: Options, _ context: CallContext) throws {
    self.model = model
    self.context = context
    goal = try options.exploration()
    budget = TimeBudget(seconds: try options.budget())
    sink = BudgetProgress(try context.progress(options), title: "optimize", budget: budget)
    var data = try options.required("data", options.dataset("data"))
    if let validation = try options.dataset("validation") {
      self.validation = validation
    } else {
      guard data.count >= 20 else {
        throw options.bad("data", "\(data.count) samples are too few to keep some for validation")
      }
      let shuffled = try data.shuffled(seed: options.seed())
      let count = data.count / 10
      validation = try shuffled.slice(0..<count)
      data = try shuffled.slice(count..<data.count)
    }
    let (poll, budget) = (context.poll, budget)
    work = CompressionContext(
      pool: try Threads.pool(), data: data, progress: sink,
      poll: {
        try poll()
        // A run that was expected to end in time may take a little longer.
        if budget.elapsed > 1.02 * budget.seconds + 0.2 { throw OutOfTime() }
      })
    original = try Self.original(model, validation, work.pool, poll)
  }

  private static func original(
    _ model: Graph, _ validation: Dataset, _ pool: WorkerPool, _ poll: @escaping () throws -> Void
  ) throws -> FrontBox.Row {
    let accuracy = try Self.accuracy(model, validation, pool, poll)
    let costs = try Self.meter(model, validation).measure(model, Quantity.allCases, poll: poll)
    return FrontBox.Row(
      name: "original", recipe: nil, model: ModelBox(model), accuracy: accuracy, drop: 0,
      costs: costs, epochs: 0, seconds: 0)
  }

  private static func meter(_ model: Graph, _ data: Dataset) throws -> CostMeter {
    CostMeter(feeding: try data.columns(for: model, "optimize").map(\.dtype), seconds: 0.1) {
      try WaneFile.size(of: $0)
    }
  }

  private static func accuracy(
    _ model: Graph, _ data: Dataset, _ pool: WorkerPool, _ poll: () throws -> Void
  ) throws -> Double {
    guard let accuracy = try Evaluation(model, on: data, pool: pool, poll: poll).accuracy else {
      throw WaneError("optimize", "needs labels that are classes, and some to measure on")
    }
    return accuracy
  }

  /// Explores, and says what came of it.
  ///
  /// - Throws: what a verb throws, and the user's Ctrl-C when nothing was measured yet.
  func outcome() throws -> CallContext.Outcome {
    let explorer = Explorer<Graph>(
      goal, original: (original.costs, original.accuracy), budget: budget, bench: bench)
    var isInterrupted = false
    do {
      try explorer.explore()
    } catch {
      guard case .interrupted = LuaError(error), !explorer.findings.isEmpty else { throw error }
      context.serveInterrupt()
      isInterrupted = true
    }
    sink.finish()
    let front = self.front(explorer, isInterrupted)
    guard let best = front.best else {
      return context.results(LuaValue.none, front, reason(explorer))
    }
    return context.results(front.rows[best].model, front)
  }

  private var bench: Explorer<Graph>.Bench {
    Explorer<Graph>.Bench(
      run: { [self] recipe in
        try PipelineBox(recipe.table).run(model, work).model
      },
      costs: { [self] model, quantities in
        try Self.meter(model, validation).measure(model, quantities, poll: work.poll)
      },
      accuracy: { [self] model in
        try Self.accuracy(model, validation, work.pool, work.poll)
      },
      report: { [sink] status in
        sink.status = status
        sink.reportIfWanted(Progress(title: "", completed: 0, total: 1))
      })
  }

  private func front(_ explorer: Explorer<Graph>, _ isInterrupted: Bool) -> FrontBox {
    let all = explorer.findings.map { finding in
      FrontBox.Row(
        name: finding.recipe.summary, recipe: finding.recipe, model: ModelBox(finding.model),
        accuracy: finding.accuracy, drop: finding.drop, costs: finding.costs,
        epochs: finding.epochs, seconds: finding.seconds)
    }
    let places = explorer.front
    let chosen = explorer.best?.recipe
    let best = places.firstIndex { explorer.findings[$0].recipe == chosen }
    return FrontBox(
      original: original, rows: places.map { all[$0] }, all: all, best: best, wanted: wanted,
      seconds: budget.elapsed, isInterrupted: isInterrupted,
      axis: goal.target?.quantities.first ?? goal.minimized)
  }

  /// What is looked for, in words.
  private var wanted: String {
    let drop = goal.maxDrop ?? (goal.target == nil ? Exploration.usualDrop : nil)
    let parts = [
      goal.target?.text, drop.map { "within \(NumberText.fixed($0 * 100, 2)) points of accuracy" },
    ]
    return parts.compactMap { $0 }.joined(separator: " ")
  }

  private func reason(_ explorer: Explorer<Graph>) -> String {
    guard let nearest = explorer.nearest else {
      return explorer.outOfReach > 0
        ? "optimize: no combination of verbs reaches \(wanted)"
        : "optimize: there was no time to train a model"
    }
    let costs = (goal.target?.quantities ?? [goal.minimized]).map { quantity in
      quantity.text(nearest.costs[quantity] ?? 0)
    }
    let lost = NumberText.fixed(max(nearest.drop, 0) * 100, 2)
    return "optimize: no model is \(wanted); the nearest takes \(costs.joined(separator: ", ")) "
      + "and loses \(lost) points"
  }
}

extension Options {
  /// What is looked for.
  fileprivate func exploration() throws -> Exploration {
    let most = try epochs(default: 40)
    guard most > 0 else { throw bad("epochs", "must be more than 0") }
    var common: [String: Recipe.Setting] = [
      "seed": .integer(try integer("seed") ?? 0)
    ]
    if has("batch_size") {
      common["batch_size"] = .integer(try integer("batch_size", atLeast: 1, default: 128))
    }
    return Exploration(
      target: try target(), maxDrop: try maxDrop(),
      minimized: try choice("minimize").flatMap(Quantity.init(rawValue:)) ?? .bytes,
      common: common, mostEpochs: most)
  }

  /// The seconds that work may take.
  fileprivate func budget() throws -> Double {
    switch value("budget") {
    case nil: return 600
    case .integer(let seconds) where seconds > 0: return Double(seconds)
    case .number(let seconds) where seconds > 0 && seconds.isFinite: return seconds
    case .string(let text):
      if let seconds = TimeBudget.seconds(text) { return seconds }
    default: break
    }
    throw bad(
      "budget",
      "a time such as 90, '90s', '10min' or '1h 30min' expected, got "
        + (value("budget")?.shortDescription ?? "nothing"))
  }
}
