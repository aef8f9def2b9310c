import WaneTensor

/// A measure that is watched from epoch to epoch.
public struct Monitor: Sendable {
  /// Whether less or more is better.
  public enum Direction: String, CaseIterable, Sendable {
    case min
    case max
    /// As the name of the measure says.
    case auto
  }

  /// The measure's name; nil for the loss of the validation, or of the training without one.
  public let name: String?
  private let direction: Direction
  /// How much better counts as better.
  private let least: Double
  /// The best value so far.
  private(set) var best: Double?

  /// Watches a measure.
  ///
  /// - Throws: when `least` is negative.
  public init(_ name: String?, direction: Direction = .auto, least: Double) throws {
    guard least >= 0, least.isFinite else {
      throw WaneError("monitor", "min_delta must be at least 0, got \(least)")
    }
    self.name = name
    self.direction = direction
    self.least = least
  }

  /// Whether the measures of an epoch are better than the best before; if so, they are the best now.
  ///
  /// - Throws: when the measure does not exist.
  mutating func isBetter(_ measures: [String: Double]) throws -> Bool {
    let name = name ?? (measures["validation_loss"] == nil ? "loss" : "validation_loss")
    guard let value = measures[name] else {
      let names = measures.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
      throw WaneError("monitor", "there is no measure '\(name)', only \(names)")
    }
    guard let best else {
      self.best = value
      return true
    }
    let isBetter = growsWhenBetter(name) ? value > best + least : value < best - least
    // The first number is better than none.
    guard isBetter || (best.isNaN && !value.isNaN) else { return false }
    self.best = value
    return true
  }

  private func growsWhenBetter(_ name: String) -> Bool {
    switch direction {
    case .min: return false
    case .max: return true
    case .auto:
      let measure = name.hasPrefix("validation_") ? String(name.dropFirst(11)) : name
      // Those of one of several outputs begin with its name.
      return ["accuracy", "precision", "recall", "f1", "auc", "r2"].contains {
        measure == $0 || measure.hasSuffix("_\($0)")
      } || Monitor.isTop(measure)
    }
  }

  /// What is watched, and how.
  var settings: String { "\(name ?? "the usual") \(direction.rawValue) \(least)" }

  /// Whether it is `top_5` and the like, or that of an output, `digit_top_5`.
  private static func isTop(_ measure: String) -> Bool {
    let words = measure.split(separator: "_", omittingEmptySubsequences: false).suffix(2)
    return words.count == 2 && words.first == "top" && words.last.flatMap { Int($0) } != nil
  }

  func save(_ prefix: String, to state: inout TrainingState) {
    if let best { state.values["\(prefix)/best"] = .number(best) }
  }

  mutating func restore(_ prefix: String, _ state: TrainingState) throws {
    best = state.values["\(prefix)/best"] == nil ? nil : try state.number("\(prefix)/best")
  }
}

/// Ends training when a measure has stopped getting better.
public struct EarlyStopping: Sendable {
  private var monitor: Monitor
  private let patience: Int
  private let keepsBest: Bool
  private var waited = 0
  /// The variables of the best epoch, when they are to be kept.
  public private(set) var best: [String: Tensor]?

  /// Creates the rule.
  ///
  /// - Parameters:
  ///   - monitor: the measure.
  ///   - patience: how many epochs in a row may pass without one that is better.
  ///   - keepsBest: whether training ends with the variables of the best epoch.
  /// - Throws: when patience is negative.
  public init(_ monitor: Monitor, patience: Int = 0, keepsBest: Bool = false) throws {
    guard patience >= 0 else {
      throw WaneError("early_stopping", "patience must be at least 0, got \(patience)")
    }
    self.monitor = monitor
    self.patience = patience
    self.keepsBest = keepsBest
  }

  /// Looks at an epoch.
  ///
  /// - Parameters:
  ///   - measures: the measures of the epoch.
  ///   - epoch: its number, from 1.
  ///   - variables: gives the variables as they are now.
  /// - Returns: whether training shall end.
  /// - Throws: when the measure does not exist.
  public mutating func stops(
    _ measures: [String: Double], epoch: Int, variables: () throws -> [String: Tensor]
  ) throws -> Bool {
    waited += 1
    if try monitor.isBetter(measures) {
      waited = 0
      if keepsBest { best = try variables() }
      return false
    }
    // Keras does not stop after the first epoch.
    return waited >= patience && epoch > 1
  }

  /// What must be the same where a checkpoint goes on.
  public var settings: String {
    "\(monitor.settings), patience \(patience)\(keepsBest ? ", restore_best" : "")"
  }

  /// Puts what it remembers in.
  public func save(to state: inout TrainingState) {
    monitor.save("early_stopping", to: &state)
    state.values["early_stopping/waited"] = .integer(waited)
    for (name, tensor) in best ?? [:] {
      state.values["early_stopping/variable/\(name)"] = .tensor(tensor)
    }
  }

  /// Takes what it remembers out.
  ///
  /// - Throws: when it is not there, or is not of the run's model.
  public mutating func restore(_ state: TrainingState, _ run: TrainingRun) throws {
    waited = try state.integer("early_stopping/waited")
    try monitor.restore("early_stopping", state)
    guard !state.values(under: "early_stopping/variable/").isEmpty else { return best = nil }
    best = Dictionary(
      uniqueKeysWithValues: try run.training.form.variables.map { variable in
        let name = "early_stopping/variable/\(variable.name)"
        return (
          variable.name, try state.tensor(name, .f32, variable.initial.shape.dimensions)
        )
      })
  }
}

/// Makes the step size smaller when a measure has stopped getting better.
public struct PlateauReduction: Sendable {
  private var monitor: Monitor
  private let factor: Float
  private let patience: Int
  private let cooldown: Int
  private let least: Float
  private var waited = 0
  private var cooling = 0

  /// Creates the rule.
  ///
  /// - Parameters:
  ///   - monitor: the measure.
  ///   - factor: what the step size is multiplied by.
  ///   - patience: how many epochs in a row may pass without one that is better.
  ///   - cooldown: for how many epochs nothing is done afterwards.
  ///   - least: what the step size does not fall below.
  /// - Throws: when a number is out of range.
  public init(
    _ monitor: Monitor, factor: Float = 0.1, patience: Int = 10, cooldown: Int = 0,
    least: Float = 0
  ) throws {
    func check(_ isFine: Bool, _ message: @autoclosure () -> String) throws {
      guard isFine else { throw WaneError("reduce_on_plateau", message()) }
    }
    try check(factor > 0 && factor < 1, "factor must be in (0, 1), got \(factor)")
    try check(patience >= 0, "patience must be at least 0, got \(patience)")
    try check(cooldown >= 0, "cooldown must be at least 0, got \(cooldown)")
    try check(least >= 0 && least.isFinite, "min_lr must be at least 0, got \(least)")
    self.monitor = monitor
    self.factor = factor
    self.patience = patience
    self.cooldown = cooldown
    self.least = least
  }

  /// Looks at an epoch, and makes the run's step size smaller when it is time.
  ///
  /// - Throws: when the measure does not exist.
  public mutating func look(_ measures: [String: Double], _ run: TrainingRun) throws {
    let isBetter = try monitor.isBetter(measures)
    let rate = run.learningRate(at: max(run.step - 1, 0))
    if let reduced = next(isBetter: isBetter, rate: rate), rate > 0 {
      run.learningRateFactor *= reduced / rate
    }
  }

  /// The smaller step size that follows on an epoch, nil when it stays.
  mutating func next(isBetter: Bool, rate: Float) -> Float? {
    if cooling > 0 {
      cooling -= 1
      waited = 0
    }
    if isBetter {
      waited = 0
      return nil
    }
    // The epoch in which cooling ends counts, as in Keras.
    guard cooling == 0 else { return nil }
    waited += 1
    guard waited >= patience, rate > least else { return nil }
    cooling = cooldown
    waited = 0
    return max(rate * factor, least)
  }

  /// What must be the same where a checkpoint goes on.
  public var settings: String {
    "\(monitor.settings), factor \(factor), patience \(patience), cooldown \(cooldown), "
      + "least \(least)"
  }

  /// Puts what it remembers in.
  public func save(to state: inout TrainingState) {
    monitor.save("plateau", to: &state)
    state.values["plateau/waited"] = .integer(waited)
    state.values["plateau/cooling"] = .integer(cooling)
  }

  /// Takes what it remembers out.
  ///
  /// - Throws: when it is not there.
  public mutating func restore(_ state: TrainingState) throws {
    waited = try state.integer("plateau/waited")
    cooling = try state.integer("plateau/cooling")
    try monitor.restore("plateau", state)
  }
}
