import WaneGraph
import WaneNN
import WaneTensor

/// The pruning of kernels while a run trains them.
struct GradualPruning {
  private let plan: PruningPlan
  private let model: Graph
  private var keep: [String: [Bool]] = [:]
  private var statistics: GradientStatistics?
  private var ramp = PruningRamp(totalSteps: 0)

  /// Prepares to bring groups from their initial to their final number of zeros.
  ///
  /// - Parameters:
  ///   - plan: kernels whose units compete, and what they are judged by.
  ///   - model: the model that is trained; what is zero in it stays zero.
  /// - Throws: when memory cannot be had.
  init(_ plan: PruningPlan, model: Graph) throws {
    self.plan = plan
    self.model = model
    statistics = plan.criterion.gradientStatistic.map { GradientStatistics($0) }
    for name in plan.kernels {
      keep[name] = try model.parameters[name]?.decoded().with(Float.self) { $0.map { $0 != 0 } }
    }
  }

  /// The kernels that need masks.
  var kernels: Set<String> { plan.kernels }

  /// Called before the first step.
  mutating func prepare(_ run: TrainingRun) throws {
    ramp = PruningRamp(totalSteps: run.totalSteps)
    // Too short a run to do anything in steps.
    if run.totalSteps == 0 { try prune(run, step: ramp.end) }
  }

  /// Called after every step.
  mutating func proceed(_ run: TrainingRun) throws {
    guard run.step <= ramp.end else { return }
    if statistics != nil {
      for kernel in kernels { try statistics?.add(run, kernel) }
    }
    if ramp.isDue(after: run.step) {
      try prune(run, step: run.step)
      // Where weights have been going all the time is what movement is about.
      if plan.criterion != .movement { statistics?.reset() }
    }
  }

  private mutating func prune(_ run: TrainingRun, step: Int) throws {
    let current = plan.criterion == .normScale ? try run.trainedModel() : model
    let scores = try scores(run)
    for group in plan.groups {
      let zeros = ramp.zeros(after: step, from: group.initialZeros, to: group.finalZeros)
      var worth: [String: [Float]] = [:]
      for member in group.members {
        guard let weights = try weights(member.kernel, run) else { continue }
        worth[member.kernel] = try plan.worth(
          member, scores[member.kernel] ?? [Float](repeating: 0, count: weights.count),
          kernel: weights, current)
      }
      let kept = group.keep(worth, zeros: zeros)
      for member in group.members {
        guard let units = kept[member.kernel], let old = keep[member.kernel],
          let shape = model.parameters[member.kernel]?.shape
        else { continue }
        let new = old.indices.map { old[$0] && units[member.units.unit($0)] }
        keep[member.kernel] = new
        run.setMask(member.kernel, try Tensor(new.map { Float($0 ? 1 : 0) }, shape))
      }
    }
  }

  /// The weights as they are, zero where they have been pruned.
  private func weights(_ kernel: String, _ run: TrainingRun) throws -> Tensor? {
    guard var weights = try run.weights(kernel), let keep = keep[kernel] else { return nil }
    try weights.withMutableElements(Float.self) { values in
      for index in values.indices {
        if !keep[index] {
          values[index] = 0
        } else if values[index] == 0 {
          // One that passes through zero at this very step is alive.
          values[index] = .leastNormalMagnitude
        }
      }
    }
    return weights
  }

  private func scores(_ run: TrainingRun) throws -> [String: [Float]] {
    if let statistics { return statistics.sums }
    guard !plan.criterion.isOfMagnitudes else {
      var scores: [String: [Float]] = [:]
      for kernel in kernels {
        scores[kernel] = try run.weights(kernel)?.with(Float.self) { $0.map(abs) }
      }
      return scores
    }
    return try Saliency(
      plan.criterion, of: plan.layers, in: run.trainedModel(), plan.context, verb: Pruning.verb
    ).scores
  }
}
