import WaneTensor

/// Explores combinations of verbs within a time: many of them trained a little, the promising ones
/// longer.
///
/// 1. The speed of training is measured.
/// 2. The dials of all kinds of chain are turned, without training, until the model meets the target
///    or a ladder of sizes where there is none.
/// 3. The chains are trained in rungs of successive halving. What goes on is tuned again, as trained
///    weights take more or less than untrained ones.
/// 4. The time that is left goes to neighbours of the best.
public final class Explorer<Model> {
  /// What the work is done with.
  public struct Bench {
    /// Runs a recipe on the original.
    public var run: (Recipe) throws -> Model
    /// Measures what a model takes.
    public var costs: (Model, [Quantity]) throws -> Costs
    /// Measures the accuracy of a model.
    public var accuracy: (Model) throws -> Double
    /// Told what is done.
    public var report: (String) -> Void

    /// Puts a bench together.
    public init(
      run: @escaping (Recipe) throws -> Model,
      costs: @escaping (Model, [Quantity]) throws -> Costs,
      accuracy: @escaping (Model) throws -> Double, report: @escaping (String) -> Void = { _ in }
    ) {
      self.run = run
      self.costs = costs
      self.accuracy = accuracy
      self.report = report
    }
  }

  /// What was trained and measured so far, in order.
  public private(set) var findings: [Finding<Model>] = []
  /// How many chains no setting brought to the target.
  public private(set) var outOfReach = 0

  private let goal: Exploration
  private let bench: Bench
  private let budget: TimeBudget
  private let original: (costs: Costs, accuracy: Double)
  private var untrained: [Chain: Costs] = [:]
  private var tried = Set<Recipe>()
  private var training = (epochs: 0.0, seconds: 0.0)

  /// The part of the time that turning dials may take.
  private static var tuningShare: Double { 0.15 }

  /// Prepares an exploration.
  ///
  /// - Parameters:
  ///   - goal: what is looked for.
  ///   - original: the model that recipes start from, measured in all quantities.
  ///   - budget: the time there is.
  ///   - bench: what the work is done with.
  public init(
    _ goal: Exploration, original: (costs: Costs, accuracy: Double), budget: TimeBudget,
    bench: Bench
  ) {
    self.goal = goal
    self.original = original
    self.budget = budget
    self.bench = bench
  }

  /// A chain with what it is tuned to.
  private struct Candidate {
    var chain: Chain
    var limit: Target
    /// What is multiplied with the limit.
    var margin = 0.97
  }

  /// Explores until the time is over or nothing is left to try.
  ///
  /// `findings` has what was measured, also after an error.
  ///
  /// - Throws: what the bench throws, but for `OutOfTime`.
  public func explore() throws {
    do {
      try measureSpeed()
      let candidates = try tunedFamilies()
      try climb(candidates)
      try refine()
    } catch is OutOfTime {}
  }

  /// The model that is wanted: with a target the most accurate that meets it, else the smallest that
  /// loses no more than allowed.
  public var best: Finding<Model>? {
    // Who beats one that is as wanted is as wanted, too: the front has the best.
    let meeting = front.map { findings[$0] }.filter { goal.isMet($0.costs, drop: $0.drop) }
    return goal.target != nil
      ? meeting.max { $0.accuracy < $1.accuracy }
      : meeting.min { cost($0) < cost($1) }
  }

  /// The model that comes nearest to what is wanted.
  public var nearest: Finding<Model>? {
    func distance(_ finding: Finding<Model>) -> (Double, Double) {
      let excess = goal.target?.excess(finding.costs) ?? 1
      return (max(excess, 1), max(finding.drop, goal.maxDrop ?? 0))
    }
    return best ?? findings.min { distance($0) < distance($1) }
  }

  /// Positions in `findings` of those that no other beats in both accuracy and one of the quantities
  /// that matter, the smallest first.
  public var front: [Int] {
    let quantities = goal.target?.quantities ?? [goal.minimized]
    let points = findings.map { finding in
      quantities.map { finding.costs[$0] ?? .infinity } + [-finding.accuracy]
    }
    let layers = ParetoFront.layers(points)
    return findings.indices.filter { layers[$0] == 0 }
      .sorted { points[$0].lexicographicallyPrecedes(points[$1]) }
  }

  private func cost(_ finding: Finding<Model>) -> Double {
    finding.costs[goal.minimized] ?? .infinity
  }

  // MARK: Time

  private var secondsPerEpoch: Double {
    training.epochs > 0 ? training.seconds / training.epochs : 0
  }

  private func measureSpeed() throws {
    bench.report("measuring the speed of training")
    // What a run takes besides its steps is in both, and not in their difference.
    let lengths = [0.02, 0.1]
    let seconds = try lengths.map { length in
      let start = budget.elapsed
      var chain = Chain()
      chain.teacherShare = 0.5
      _ = try bench.run(chain.recipe(epochs: length, goal.common))
      return budget.elapsed - start
    }
    let difference = seconds[1] - seconds[0]
    training = (lengths[1] - lengths[0], difference > 0 ? difference : seconds[1])
  }

  /// The epochs of a run that the time allows, up to those that are wanted; nil when there are too few
  /// to tell anything.
  private func affordable(_ epochs: Double) -> Double? {
    guard budget.remaining > 0 else { return nil }
    guard epochs * secondsPerEpoch > budget.remaining * 0.97 else { return epochs }
    let possible = Exploration.stepped(0.9 * budget.remaining / secondsPerEpoch)
    return possible >= max(0.1, epochs / 3) ? possible : nil
  }

  // MARK: Tuning

  /// What a chain takes before training.
  private func untrainedCosts(_ chain: Chain, _ quantities: [Quantity]) throws -> Costs {
    if let known = untrained[chain] { return known }
    let model = try bench.run(chain.recipe(epochs: 0, goal.common))
    let costs = try bench.costs(model, quantities)
    untrained[chain] = costs
    return costs
  }

  /// The chain with its dials turned no further than the limits need; nil when they are out of reach.
  private func tuned(_ candidate: Candidate) throws -> Chain? {
    var chain = candidate.chain
    let limits = candidate.limit.limits
    let shapes = limits.filter { $0.key != .bytes }
    let quantities = candidate.limit.quantities
    func turn(_ dial: Chain.Dial, _ limits: Costs) throws -> Bool {
      let limit = try Target(limits)
      let settings = Chain.values(of: dial)
      let first = try Bisection.first(settings.count) { index in
        let costs = try untrainedCosts(chain.setting(dial, settings[index]), quantities)
        return limit.excess(costs) <= candidate.margin
      }
      guard let first else { return false }
      chain = chain.setting(dial, settings[first])
      return true
    }
    if !shapes.isEmpty {
      let dial: Chain.Dial = chain.dial == .energy ? .energy : .filters
      if chain.dial == dial { return try turn(dial, limits) ? chain : nil }
      guard try turn(dial, shapes) else { return nil }
    }
    if let bytes = limits[.bytes] {
      if chain.dial == .coded {
        return chain.coded(bytes: bytes, of: original.costs[.bytes] ?? bytes)
      }
      guard try turn(chain.dial, [.bytes: bytes]) else { return nil }
    }
    return chain
  }

  /// All kinds of chain, tuned to the target or to a ladder of sizes.
  private func tunedFamilies() throws -> [Candidate] {
    let isForBytes = goal.target.map { $0.limits[.bytes] != nil } ?? (goal.minimized == .bytes)
    let families = Chain.families(isForBytes: isForBytes)
    var candidates: [Candidate] = []
    let limits = try self.limits()
    // Each size with the first families, then with the next: the time may end anywhere.
    for family in families {
      for limit in limits {
        if budget.elapsed > Self.tuningShare * budget.seconds, !candidates.isEmpty {
          return candidates
        }
        bench.report("tuning combination \(candidates.count + outOfReach + 1)")
        var candidate = Candidate(chain: family, limit: limit)
        guard let chain = try tuned(candidate) else {
          outOfReach += 1
          continue
        }
        candidate.chain = chain
        guard !candidates.contains(where: { $0.chain == chain }) else { continue }
        candidates.append(candidate)
      }
    }
    return candidates
  }

  private func limits() throws -> [Target] {
    if let target = goal.target { return [target] }
    let whole = original.costs[goal.minimized] ?? 1
    let shares =
      goal.minimized == .bytes
      ? [1.0 / 32, 1.0 / 12, 1.0 / 64, 1.0 / 20, 1.0 / 100] : [0.5, 0.25, 0.7, 0.35, 0.15]
    return try shares.map { try Target([goal.minimized: whole * $0]) }
  }

  // MARK: Training

  /// Trains and measures a chain; nil when that was done already.
  private func train(_ chain: Chain, epochs: Double) throws -> Finding<Model>? {
    let recipe = chain.recipe(epochs: epochs, goal.common)
    guard tried.insert(recipe).inserted else { return nil }
    let start = budget.elapsed
    bench.report("model \(findings.count + 1), \(epochs) epochs")
    let model: Model
    do {
      model = try bench.run(recipe)
    } catch let error as WaneError where error.kind == .invalid {
      // What a verb cannot do to this model, others may.
      outOfReach += 1
      return nil
    }
    let seconds = budget.elapsed - start
    training.epochs += epochs
    training.seconds += seconds
    let accuracy = try bench.accuracy(model)
    let finding = Finding(
      chain: chain, recipe: recipe, model: model, costs: try bench.costs(model, goal.quantities),
      accuracy: accuracy, drop: original.accuracy - accuracy, epochs: epochs, seconds: seconds)
    findings.append(finding)
    return finding
  }

  /// Trains candidates rung by rung.
  private func climb(_ candidates: [Candidate]) throws {
    let affordable = 0.9 * budget.remaining / max(secondsPerEpoch, .leastNormalMagnitude)
    let rungs = Exploration.rungs(
      epochs: affordable, candidates: candidates.count, most: goal.mostEpochs)
    var pool = candidates
    for (index, rung) in rungs.enumerated() {
      var done: [(candidate: Candidate, finding: Finding<Model>)] = []
      // What a verb cannot do takes no place away from what it can.
      for candidate in pool where done.count < rung.count {
        guard let epochs = self.affordable(rung.epochs) else { return }
        if let finding = try train(candidate.chain, epochs: epochs) {
          done.append((candidate, finding))
        }
      }
      guard index + 1 < rungs.count else { return }
      // What loses too much after little training may yet come near.
      let patience = 0.03 / Double(index + 1)
      pool = try promoted(done, rungs[index + 1].count, patience: patience).map(retuned)
    }
  }

  /// Those that go on, the best first.
  private func promoted(
    _ done: [(candidate: Candidate, finding: Finding<Model>)], _ count: Int, patience: Double
  ) -> [(candidate: Candidate, finding: Finding<Model>)] {
    if let target = goal.target {
      let sorted = done.sorted { one, other in
        func key(_ finding: Finding<Model>) -> (Int, Double) {
          (target.excess(finding.costs) <= 1.25 ? 0 : 1, -finding.accuracy)
        }
        return key(one.finding) < key(other.finding)
      }
      return Array(sorted.prefix(count))
    }
    // Half are the smallest that lose little, half those that no other beats.
    let allowed = (goal.maxDrop ?? Exploration.usualDrop) + patience
    let layers = ParetoFront.layers(done.map { [cost($0.finding), -$0.finding.accuracy] })
    let small = done.indices.filter { done[$0].finding.drop <= allowed }
      .sorted { cost(done[$0].finding) < cost(done[$1].finding) }
    let front = done.indices.sorted {
      (layers[$0], abs(done[$0].finding.drop - allowed))
        < (layers[$1], abs(done[$1].finding.drop - allowed))
    }
    var chosen: [Int] = []
    for index in small.prefix((count + 1) / 2) + front where chosen.count < count {
      if !chosen.contains(index) { chosen.append(index) }
    }
    return chosen.map { done[$0] }
  }

  /// The candidate tuned to the target by what its trained model took.
  private func retuned(_ item: (candidate: Candidate, finding: Finding<Model>)) throws -> Candidate
  {
    var candidate = item.candidate
    guard let target = goal.target else { return candidate }
    let excess = target.excess(item.finding.costs)
    guard excess > 1 || excess < 0.95,
      let before = untrained[candidate.chain].map(target.excess), before > 0
    else { return candidate }
    // A little less than what would be exact, so that it holds after more training, too.
    candidate.margin = min(1.5, 0.985 * before / excess)
    if let chain = try tuned(candidate) { candidate.chain = chain }
    return candidate
  }

  // MARK: Refining

  /// Spends what is left on what lies around the best.
  private func refine() throws {
    let longest = findings.map(\.epochs).max() ?? 0
    var misses = 0
    while let base = nearest, longest > 0 {
      let isMet = goal.isMet(base.costs, drop: base.drop)
      // What meets a target can be bettered a little; what does not is worth all of the time.
      guard misses < (isMet && goal.target != nil ? 4 : 12) else { return }
      guard let next = try nextAround(base, isMet: isMet) else { return }
      guard let epochs = affordable(longest) else { return }
      let before = nearest?.recipe
      _ = try train(next, epochs: epochs)
      misses = nearest?.recipe == before ? misses + 1 : 0
    }
  }

  /// A chain near to one, that was not yet trained as long.
  private func nextAround(_ base: Finding<Model>, isMet: Bool) throws -> Chain? {
    let known = Set(findings.filter { $0.epochs >= 0.7 * base.epochs }.map(\.chain))
    let limit = try goal.target ?? Target([goal.minimized: cost(base) * (isMet ? 0.85 : 1.15)])
    var options = [base.chain] + base.chain.neighbours
    // Where there is no target it is the size that is stepped.
    if goal.target != nil, isMet { options.removeFirst() }
    for option in options {
      var candidate = Candidate(chain: option, limit: limit)
      if let target = goal.target, let before = untrained[base.chain].map(target.excess) {
        let excess = target.excess(base.costs)
        if excess > 0 { candidate.margin = min(1.5, 0.985 * before / excess) }
      }
      if let chain = try tuned(candidate), !known.contains(chain) { return chain }
    }
    return nil
  }
}
