import WaneGraph
import WaneNN
import WaneTensor

/// Sets the least worthy units of kernels - weights, blocks, rows, columns - to zero and pins them there,
/// whatever follows.
///
/// Of n units, `sparsity * n`, rounded to the nearest number, are zero afterwards, those that were zero
/// before among them; except that every kernel keeps at least one when sparsity is below 1. Biases and
/// normalizations are not pruned, nor columns that are outputs of the model. A kernel that is encoded already
/// is pruned in its encoding.
public struct Pruning: ModelPass {
  public static let verb = "prune"
  /// The part of the units that shall be zero.
  public let sparsity: PruningSparsity
  /// What becomes zero as a whole.
  public let unit: PruningUnit
  /// What a unit is worth.
  public let criterion: PruningCriterion
  /// Among which units the least worthy are looked for.
  public let scope: PruningScope
  /// When units are taken away.
  public let schedule: PruningSchedule
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when an option is out of range, or options do not go together.
  public init(
    _ sparsity: PruningSparsity, unit: PruningUnit = .weight,
    criterion: PruningCriterion = .magnitude, scope: PruningScope = .global,
    schedule: PruningSchedule = .constant, selection: Selection = .all
  ) throws {
    self.sparsity = try sparsity.validated(Self.verb, unit)
    self.unit = try unit.validated(Self.verb)
    self.criterion = criterion
    self.scope = scope
    self.schedule = try schedule.validated(Self.verb, unit, criterion)
    self.selection = selection
  }

  /// Creates a pass that makes all layers together, or each, as sparse as that.
  ///
  /// - Throws: when an option is out of range, or options do not go together.
  public init(
    sparsity: Double, unit: PruningUnit = .weight, criterion: PruningCriterion = .magnitude,
    scope: PruningScope = .global, schedule: PruningSchedule = .constant,
    selection: Selection = .all
  ) throws {
    try self.init(
      .uniform(sparsity), unit: unit, criterion: criterion, scope: scope, schedule: schedule,
      selection: selection)
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 2e-3))
    if case .constant = schedule {
    } else if !tune.isWanted {
      throw WaneError(
        Self.verb,
        "schedule '\(schedule.name)' prunes while training: give the options 'data' and 'epochs'")
    }
    guard !criterion.needsData || context.data != nil else {
      throw WaneError(
        Self.verb, "criterion '\(criterion.rawValue)' needs the option 'data'")
    }
    var report = Report(Self.verb, options: reportedOptions)
    let (plan, layers, skipped) = try plan(for: model, context)
    report.skipped = skipped
    let tuned = try prune(model, plan, tune)
    report.history = tuned.history
    for layer in layers {
      if let row = try row(layer, model, tuned.model) { report.layers.append(row) }
    }
    return PassResult(tuned.model, report)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    let share: [(name: String, value: ReportValue)] =
      switch sparsity {
      case .uniform(let sparsity): [("sparsity", .number(sparsity))]
      case .byLayer(let table):
        [("sparsity", .pairs(table.map { .init(layers: $0.layers, value: $0.sparsity) }))]
      case .byPattern: []
      }
    return share + [
      ("unit", .text(unit.description)), ("criterion", .text(criterion.rawValue)),
      ("scope", .text(scope.description)), ("schedule", .text(schedule.name)),
    ] + schedule.reported + selection.reported
  }

  // MARK: What is pruned

  private func plan(for model: Graph, _ context: CompressionContext) throws -> (
    plan: PruningPlan, layers: [WeightedLayer], skipped: [Report.Skipped]
  ) {
    let chosen = try selection.choose(
      in: model, Self.verb, weights: model.matrixParameters(),
      callable: model.looseWeights { !($0 is MatMul) })
    var skipped = chosen.skipped
    let shares = try shares(model)
    // Without a column of its own an output of the model says nothing any more.
    let channels = unit == .column ? ChannelGraph(model) : nil
    let outputs = Set(model.outputs.flatMap { channels?.roots(of: $0) ?? [] })
    var layers: [WeightedLayer] = []
    for layer in chosen.layers {
      if let channels, !outputs.isDisjoint(with: channels.filters(of: layer)) {
        skipped.append(.init(layer.label, "its columns are outputs of the model"))
      } else if let reason = try obstacle(layer, model, shares) {
        skipped.append(.init(layer.label, reason))
      } else {
        layers.append(layer)
      }
    }
    let plan = PruningPlan(
      unit: unit, criterion: criterion, layers: layers,
      groups: try groups(layers, model, shares), context: context)
    return (plan, layers, skipped)
  }

  /// The share of each layer, when a table gives them.
  private func shares(_ model: Graph) throws -> [String: Double]? {
    guard case .byLayer(let table) = sparsity else { return nil }
    return try LayerNames(model).assign(
      table.map { (layers: $0.layers, value: $0.sparsity) }, "sparsity", Self.verb)
  }

  private func obstacle(
    _ layer: WeightedLayer, _ model: Graph, _ shares: [String: Double]?
  ) throws -> String? {
    if let shares, shares[layer.path] == nil { return "sparsity does not name it" }
    if let reason = try Saliency.obstacle(criterion, to: layer, in: model) { return reason }
    if case .iterative(_, let rewind) = schedule, let kernel = model.parameters[layer.kernel] {
      if case .none = rewind { return nil }
      guard case .dense = kernel.payload else {
        return "is \(kernel.encodingDescription), which cannot return to earlier values"
      }
    }
    return nil
  }

  /// The layers whose units compete.
  private func groups(
    _ layers: [WeightedLayer], _ model: Graph, _ shares: [String: Double]?
  ) throws -> [PruningGroup] {
    let scopes = try scopes(layers, model)
    var order: [String] = []
    var members: [String: [(WeightedLayer, PruningGroup.Member)]] = [:]
    for layer in layers {
      guard let matrix = KernelMatrix(layer, in: model) else { continue }
      let share = shares?[layer.path].map { "\($0)" } ?? ""
      let key = "\(scopes[layer.kernel] ?? "")#\(share)"
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(
        (layer, .init(kernel: layer.kernel, units: UnitPartition(unit, matrix))))
    }
    return try order.compactMap { members[$0] }.map { group in
      try self.group(group.map(\.1), model, share: shares?[group[0].0.path])
    }
  }

  /// A name for those that a layer's weights compete with, by kernel.
  private func scopes(_ layers: [WeightedLayer], _ model: Graph) throws -> [String: String] {
    switch scope {
    case .global: return [:]
    case .layer: return Dictionary(layers.map { ($0.kernel, $0.kernel) }) { first, _ in first }
    case .groups(let groups):
      let names = LayerNames(model)
      var scopes: [String: String] = [:]
      for (index, words) in groups.enumerated() {
        let paths = try words.reduce(into: Set<String>()) {
          $0.formUnion(try names.resolve($1, Self.verb).layers)
        }
        for layer in layers where paths.contains(layer.path) {
          guard scopes[layer.kernel] == nil else {
            throw WaneError(Self.verb, "scope names layer '\(layer.path)' in two groups")
          }
          scopes[layer.kernel] = "group \(index)"
        }
      }
      for layer in layers where scopes[layer.kernel] == nil {
        scopes[layer.kernel] = layer.kernel
      }
      return scopes
    }
  }

  private func group(_ members: [PruningGroup.Member], _ model: Graph, share: Double?) throws
    -> PruningGroup
  {
    var group = PruningGroup(members: members, initialZeros: 0, finalZeros: 0)
    var patternZeros = 0
    for member in members {
      try model.parameters[member.kernel]?.decoded().with(Float.self) { weights in
        group.initialZeros += member.units.zeros { weights[$0] == 0 }
        patternZeros += member.units.patternZeros { weights[$0] == 0 } ?? 0
      }
    }
    switch sparsity {
    case .byPattern: group.finalZeros = patternZeros
    case .uniform, .byLayer:
      var sparsity = share ?? 0
      if case .uniform(let uniform) = self.sparsity { sparsity = uniform }
      group.mayEmpty = sparsity == 1
      let zeros = Int((sparsity * Double(group.count)).rounded())
      group.finalZeros = group.mayEmpty ? zeros : min(zeros, group.count - members.count)
    }
    return group
  }

  // MARK: Pruning

  private func prune(_ model: Graph, _ plan: PruningPlan, _ tune: FineTuner) throws -> (
    model: Graph, history: [EpochRecord]
  ) {
    switch schedule {
    case .constant:
      return try tune(pruneAtOnce(model, plan))
    case .cubic:
      return try pruneGradually(model, plan, tune)
    case .iterative(let rounds, let rewind):
      let iterative = IterativePruning(plan: plan, rounds: rounds, tune: tune)
      switch rewind {
      case .none: return try iterative.train(model)
      case .epochs(let start): return try iterative.rewind(model, to: start, initial: nil)
      case .model(let initial): return try iterative.rewind(model, to: 0, initial: initial)
      }
    case .rigl(let fraction, let interval):
      let pruned = try pruneAtOnce(model, plan)
      // Shared values do not come alive one weight at a time.
      let free = plan.with(
        groups: plan.groups.map { group in
          var group = group
          group.members.removeAll { model.parameters[$0.kernel]?.isCodebook != false }
          return group
        })
      var regrowth = try Regrowth(
        free, fraction: fraction, interval: interval, original: model, model: pruned)
      return try tune(pruned, masking: regrowth.kernels) { run in
        try regrowth.prepare(run)
      } onStep: { run in
        try regrowth.proceed(run)
      }
    }
  }

  private func pruneAtOnce(_ model: Graph, _ plan: PruningPlan) throws -> Graph {
    guard plan.groups.contains(where: \.isOpen) else { return model }
    return try plan.prune(model, by: plan.worth(in: model), zeros: \.finalZeros)
  }

  /// Shared values cannot be pruned one weight at a time while they move, so a codebook is pruned at
  /// once, and the rest gradually.
  private func pruneGradually(_ model: Graph, _ plan: PruningPlan, _ tune: FineTuner) throws -> (
    model: Graph, history: [EpochRecord]
  ) {
    func isCodebook(_ kernel: String) -> Bool { model.parameters[kernel]?.isCodebook == true }
    var result = model
    var groups = plan.groups.filter(\.isOpen)
    if groups.flatMap(\.kernels).contains(where: isCodebook) {
      let worth =
        criterion == .movement
        ? try plan.worth([:], model) : try plan.worth(in: model)
      for (index, group) in groups.enumerated() {
        let kept = group.keep(worth, zeros: group.finalZeros)
        let (shared, free) = (
          group.members.filter { isCodebook($0.kernel) },
          group.members.filter { !isCodebook($0.kernel) }
        )
        for member in shared {
          guard let kernel = result.parameters[member.kernel], let kept = kept[member.kernel] else {
            continue
          }
          let keep = try kernel.decoded().with(Float.self) { member.units.spread(kept, $0) }
          try result.set(kernel.pruned(keeping: keep))
        }
        var rest = PruningGroup(members: free, initialZeros: 0, finalZeros: 0)
        for member in free {
          try model.parameters[member.kernel]?.decoded().with(Float.self) { weights in
            rest.initialZeros += member.units.zeros { weights[$0] == 0 }
          }
          rest.finalZeros += kept[member.kernel]?.reduce(0) { $0 + ($1 ? 0 : 1) } ?? 0
        }
        groups[index] = rest
      }
    }
    let moving = plan.with(groups: groups.filter { $0.isOpen && !$0.members.isEmpty })
    guard !moving.groups.isEmpty else { return try tune(result) }
    var pruning = try GradualPruning(moving, model: result)
    return try tune(result, masking: pruning.kernels) { run in
      try pruning.prepare(run)
    } onStep: { run in
      try pruning.proceed(run)
    }
  }

  private func row(_ layer: WeightedLayer, _ before: Graph, _ after: Graph) throws -> Report.Row? {
    guard let old = before.parameters[layer.kernel], let new = after.parameters[layer.kernel],
      let matrix = KernelMatrix(layer, in: before)
    else { return nil }
    let count = Double(old.shape.count)
    let (was, now) = (
      count - Double(try old.nonzeroCount()), count - Double(try new.nonzeroCount())
    )
    var numbers: [Report.Change] = [
      .init("zeros", was, now), .init("sparsity", was / count, now / count),
    ]
    if unit.plural != "weights" {
      let units = UnitPartition(unit, matrix)
      func zeros(_ parameter: Parameter) throws -> Double {
        try parameter.decoded().with(Float.self) { weights in
          Double(units.zeros { weights[$0] == 0 })
        }
      }
      numbers.append(.init("zero_\(unit.plural)", try zeros(old), try zeros(new)))
    }
    return Report.Row(
      layer: layer.label, action: now > was ? "pruned \(unit.plural)" : "kept all weights",
      numbers: numbers)
  }
}

extension PruningSparsity {
  fileprivate func validated(_ verb: String, _ unit: PruningUnit) throws -> PruningSparsity {
    func check(_ sparsity: Double) throws {
      guard (0...1).contains(sparsity) else {
        throw WaneError(verb, "sparsity must be in [0, 1], got \(sparsity)")
      }
    }
    if case .pattern = unit {
      guard case .byPattern = self else {
        throw WaneError(verb, "unit '\(unit)' says how much goes: leave the option 'sparsity' out")
      }
      return self
    }
    switch self {
    case .uniform(let sparsity): try check(sparsity)
    case .byLayer(let table):
      guard !table.isEmpty else { throw WaneError(verb, "sparsity names no layers") }
      for (_, sparsity) in table { try check(sparsity) }
    case .byPattern: throw WaneError(verb, "unit '\(unit)' needs the option 'sparsity'")
    }
    return self
  }
}

extension PruningSchedule {
  fileprivate func validated(
    _ verb: String, _ unit: PruningUnit, _ criterion: PruningCriterion
  ) throws -> PruningSchedule {
    switch self {
    case .constant, .cubic: break
    case .iterative(let rounds, let rewind):
      guard (1...1000).contains(rounds) else {
        throw WaneError(verb, "rounds must be in 1..1000, got \(rounds)")
      }
      if case .epochs(let epochs) = rewind, !(epochs >= 0 && epochs < 1e9) {
        throw WaneError(verb, "rewind must be 'start' or a number of epochs, got \(epochs)")
      }
    case .rigl(let fraction, let interval):
      guard fraction > 0, fraction <= 1 else {
        throw WaneError(verb, "fraction must be in (0, 1], got \(fraction)")
      }
      if let interval, interval < 1 {
        throw WaneError(verb, "interval must be at least 1, got \(interval)")
      }
      if case .pattern = unit {
        throw WaneError(verb, "schedule 'rigl' does not keep the pattern \(unit)")
      }
    }
    if criterion == .movement, name != "cubic" {
      throw WaneError(
        verb, "criterion 'movement' shows while training: give the schedule 'cubic'")
    }
    return self
  }
}
