import WaneGraph
import WaneNN
import WaneTensor

/// Sets the least worthy weights of kernels to zero and pins them there, whatever follows.
///
/// Of n weights, `sparsity * n`, rounded to the nearest number, are zero afterwards, those that were
/// zero before among them; except that every kernel keeps at least one. Biases and normalizations are
/// not pruned. A kernel that is encoded already is pruned in its encoding.
public struct Pruning: ModelPass {
  public static let verb = "prune"
  /// The part of the weights that shall be zero.
  public let sparsity: Double
  /// What a weight is worth.
  public let criterion: PruningCriterion
  /// Among which weights the least worthy are looked for.
  public let scope: PruningScope
  /// When weights are taken away.
  public let schedule: PruningSchedule
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when sparsity is not in [0, 1].
  public init(
    sparsity: Double, criterion: PruningCriterion = .magnitude, scope: PruningScope = .global,
    schedule: PruningSchedule = .constant, selection: Selection = .all
  ) throws {
    guard (0...1).contains(sparsity) else {
      throw WaneError(Self.verb, "sparsity must be in [0, 1], got \(sparsity)")
    }
    self.sparsity = sparsity
    self.criterion = criterion
    self.scope = scope
    self.schedule = schedule
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 2e-3))
    guard schedule == .constant || tune.isWanted else {
      throw WaneError(
        Self.verb,
        "schedule '\(schedule.rawValue)' prunes while training: give the options 'data' and 'epochs'"
      )
    }
    guard criterion != .taylor || context.data != nil else {
      throw WaneError(Self.verb, "criterion 'taylor' needs the option 'data'")
    }
    let chosen = try selection.choose(in: model, Self.verb)
    let kernels = chosen.layers.compactMap { model.parameters[$0.kernel] }
    var report = Report(
      Self.verb,
      options: [
        ("sparsity", .number(sparsity)), ("criterion", .text(criterion.rawValue)),
        ("scope", .text(scope.rawValue)), ("schedule", .text(schedule.rawValue)),
      ] + selection.reported)
    report.skipped = chosen.skipped

    let tuned = try prune(model, kernels, context, tune)
    report.history = tuned.history
    for layer in chosen.layers {
      guard let old = model.parameters[layer.kernel], let new = tuned.model.parameters[layer.kernel]
      else { continue }
      report.layers.append(try Pruning.row(layer, old, new))
    }
    return PassResult(tuned.model, report)
  }

  private func prune(
    _ model: Graph, _ kernels: [Parameter], _ context: CompressionContext, _ tune: FineTuner
  ) throws -> (model: Graph, history: [EpochRecord]) {
    // Shared values cannot be pruned one weight at a time while they move, so a codebook is pruned at
    // once; everything is without a schedule.
    let atOnce = kernels.filter { schedule == .constant || $0.isCodebook }
    let gradual = kernels.filter { schedule == .cubic && !$0.isCodebook }
    var result = model
    var remaining = try groups(kernels)
    if !atOnce.isEmpty {
      let saliency = try saliency(kernels, model, context)
      for (index, group) in remaining.enumerated() where group.finalZeros > group.initialZeros {
        var keep = group.keep(saliency.scores, zeros: group.finalZeros)
        for kernel in atOnce {
          guard let kept = keep.removeValue(forKey: kernel.name) else { continue }
          try result.set(kernel.pruned(keeping: kept))
        }
        let rest = gradual.filter { keep[$0.name] != nil }
        remaining[index] = try PruningGroup(
          rest, finalZeros: keep.values.reduce(0) { $0 + $1.reduce(0) { $0 + ($1 ? 0 : 1) } })
      }
    }
    let moving = remaining.filter { group in
      group.finalZeros > group.initialZeros && !gradual.isEmpty
    }
    var pruning = try GradualPruning(moving, criterion: criterion, model: result)
    guard !moving.isEmpty else { return try tune(result) }
    return try tune(result, masking: pruning.kernels) { run in
      try pruning.prepare(run)
    } onStep: { run in
      try pruning.proceed(run)
    }
  }

  private func groups(_ kernels: [Parameter]) throws -> [PruningGroup] {
    func group(_ kernels: [Parameter]) throws -> PruningGroup {
      let count = kernels.reduce(0) { $0 + $1.shape.count }
      let zeros = Int((sparsity * Double(count)).rounded())
      return try PruningGroup(kernels, finalZeros: min(zeros, count - kernels.count))
    }
    return scope == .global ? [try group(kernels)] : try kernels.map { try group([$0]) }
  }

  private func saliency(_ kernels: [Parameter], _ model: Graph, _ context: CompressionContext)
    throws
    -> Saliency
  {
    guard criterion == .taylor, let data = context.data else {
      return try Saliency(magnitudesOf: kernels)
    }
    return try Saliency(effectsOf: kernels, in: model, data: data, context, verb: Self.verb)
  }

  private static func row(_ layer: WeightedLayer, _ old: Parameter, _ new: Parameter) throws
    -> Report.Row
  {
    let count = Double(old.shape.count)
    let before = count - Double(try old.nonzeroCount())
    let after = count - Double(try new.nonzeroCount())
    return Report.Row(
      layer: layer.label, action: after > before ? "pruned weights" : "kept all weights",
      numbers: [
        .init("zeros", before, after), .init("sparsity", before / count, after / count),
      ])
  }
}

extension PruningGroup {
  /// A group of kernels with the zeros they have.
  fileprivate init(_ kernels: [Parameter], finalZeros: Int) throws {
    let count = kernels.reduce(0) { $0 + $1.shape.count }
    self.init(
      kernels: kernels.map(\.name), count: count,
      initialZeros: try kernels.reduce(count) { try $0 - $1.nonzeroCount() },
      finalZeros: finalZeros)
  }
}
