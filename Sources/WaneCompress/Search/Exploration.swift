import WaneTensor

/// What an exploration of combinations is for.
public struct Exploration: Sendable {
  /// What the model may take; nil for as little as the accuracy allows.
  public var target: Target?
  /// The accuracy that may be lost.
  public var maxDrop: Double?
  /// What is made small when there is no target.
  public var minimized: Quantity
  /// What is measured of every model.
  public var quantities: [Quantity]
  /// Options of every stage, such as `seed` and `batch_size`.
  public var common: [String: Recipe.Setting]
  /// The longest training of a model, in epochs.
  public var mostEpochs: Double

  /// Describes an exploration.
  public init(
    target: Target? = nil, maxDrop: Double? = nil, minimized: Quantity = .bytes,
    quantities: [Quantity] = Quantity.allCases, common: [String: Recipe.Setting] = [:],
    mostEpochs: Double = 40
  ) {
    self.target = target
    self.maxDrop = maxDrop
    self.minimized = minimized
    self.quantities = quantities
    self.common = common
    self.mostEpochs = mostEpochs
  }

  /// The drop that is allowed when nobody said anything.
  public static let usualDrop = 0.01

  /// Whether what was measured is what is wanted.
  public func isMet(_ costs: Costs, drop: Double) -> Bool {
    if let target, target.excess(costs) > 1 { return false }
    guard let allowed = maxDrop ?? (target == nil ? Self.usualDrop : nil) else { return true }
    return drop <= allowed
  }

  /// A rung of the ladder of successive halving (Jamieson and Talwalkar, 2016): how many candidates
  /// are trained for how long.
  public struct Rung: Equatable, Sendable {
    /// How many.
    public var count: Int
    /// For how many epochs each.
    public var epochs: Double
  }

  /// Cuts training into rungs of the same length: on each a third of the candidates of the one before
  /// gets three times the epochs.
  ///
  /// - Parameters:
  ///   - epochs: the training that can be afforded in all.
  ///   - candidates: how many there are to begin with; fewer are taken when training is short.
  ///   - most: the longest training of one.
  /// - Returns: the rungs, the widest first; none without candidates.
  public static func rungs(epochs: Double, candidates: Int, most: Double) -> [Rung] {
    // Less than that tells nothing of a chain of three verbs.
    let leastEpochs = 0.5
    var first = candidates
    while first > 0 {
      var counts = [first]
      while let last = counts.last, last > 2 { counts.append(max(2, last / 3)) }
      let share = epochs / Double(counts.count)
      if share / Double(first) >= leastEpochs || first <= 3 {
        return counts.map { Rung(count: $0, epochs: stepped(min(most, share / Double($0)))) }
      }
      first -= 1
    }
    return []
  }

  /// The number rounded down to one of few, so that runs of nearly the same speed do the same.
  static func stepped(_ epochs: Double) -> Double {
    var step = 0.02
    let factor = 2.0.squareRoot()
    while step * factor <= epochs { step *= factor }
    return (1000 * min(step, max(epochs, 0))).rounded() / 1000
  }
}

/// The time of an exploration is over: what was found until then is the result.
public struct OutOfTime: Error {
  /// Creates the error.
  public init() {}
}

/// A model that an exploration trained and measured.
public struct Finding<Model> {
  /// The verbs.
  public var chain: Chain
  /// What made the model, to be run again.
  public var recipe: Recipe
  /// The model.
  public var model: Model
  /// What it takes.
  public var costs: Costs
  /// Its accuracy on validation data.
  public var accuracy: Double
  /// How much of the original's accuracy is lost.
  public var drop: Double
  /// Its training, in epochs.
  public var epochs: Double
  /// How long that took.
  public var seconds: Double
}
