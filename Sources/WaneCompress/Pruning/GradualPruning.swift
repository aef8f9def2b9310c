import WaneGraph
import WaneNN
import WaneTensor

/// The pruning of kernels while a run trains them.
struct GradualPruning {
  private let groups: [PruningGroup]
  private let criterion: PruningCriterion
  private var keep: [String: [Bool]] = [:]
  private var effects = Saliency.Effects()
  private var ramp = PruningRamp(totalSteps: 0)

  /// Prepares to bring groups from their initial to their final number of zeros.
  ///
  /// - Parameters:
  ///   - groups: kernels whose weights compete.
  ///   - criterion: what a weight is worth.
  ///   - model: the model that is trained; what is zero in it stays zero.
  /// - Throws: when memory cannot be had.
  init(_ groups: [PruningGroup], criterion: PruningCriterion, model: Graph) throws {
    self.groups = groups
    self.criterion = criterion
    for name in groups.flatMap(\.kernels) {
      keep[name] = try model.parameters[name]?.decoded().with(Float.self) { $0.map { $0 != 0 } }
    }
  }

  /// The kernels that need masks.
  var kernels: Set<String> { Set(groups.flatMap(\.kernels)) }

  /// Called before the first step.
  mutating func prepare(_ run: TrainingRun) throws {
    ramp = PruningRamp(totalSteps: run.totalSteps)
    // Too short a run to do anything in steps.
    if run.totalSteps == 0 { try prune(run, step: ramp.end) }
  }

  /// Called after every step.
  mutating func proceed(_ run: TrainingRun) throws {
    guard run.step <= ramp.end else { return }
    if criterion == .taylor { for kernel in kernels { try effects.add(run, kernel) } }
    if ramp.isDue(after: run.step) {
      try prune(run, step: run.step)
      effects.reset()
    }
  }

  private mutating func prune(_ run: TrainingRun, step: Int) throws {
    for group in groups {
      let zeros = ramp.zeros(after: step, from: group.initialZeros, to: group.finalZeros)
      var scores: [String: [Float]] = [:]
      for kernel in group.kernels { scores[kernel] = try worth(of: kernel, run) }
      for (kernel, kept) in group.keep(scores, zeros: zeros) {
        keep[kernel] = kept
        guard let weights = try run.weights(kernel) else { continue }
        run.setMask(kernel, try Tensor(kept.map { Float($0 ? 1 : 0) }, weights.shape))
      }
    }
  }

  private func worth(of kernel: String, _ run: TrainingRun) throws -> [Float] {
    guard let weights = try run.weights(kernel), let keep = keep[kernel] else { return [] }
    let worth: [Float] =
      effects.sums[kernel] ?? weights.with(Float.self) { values in values.map { abs($0) } }
    return zip(worth, keep).map { $1 ? $0 : -1 }
  }
}
