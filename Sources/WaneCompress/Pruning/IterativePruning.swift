import WaneGraph
import WaneNN
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pruning in rounds, with training after each.
struct IterativePruning {
  let plan: PruningPlan
  let rounds: Int
  let tune: FineTuner

  /// How many units of a group are zero after a round: every round takes the same share of what is
  /// left.
  static func zeros(_ group: PruningGroup, after round: Int, of rounds: Int) -> Int {
    guard round < rounds else { return group.finalZeros }
    let (first, last) = (
      Double(group.count - group.initialZeros), Double(group.count - group.finalZeros)
    )
    guard first > 0 else { return group.finalZeros }
    let share = pow(max(last, 1) / first, Double(round) / Double(rounds))
    return min(group.count - Int((first * share).rounded()), group.finalZeros)
  }

  /// Prunes and trains in turns.
  func train(_ model: Graph) throws -> (model: Graph, history: [EpochRecord]) {
    var (result, history) = (model, [EpochRecord]())
    for round in 1...rounds {
      result = try pruned(result, round)
      let tuned = try tune(result)
      result = tuned.model
      history += tuned.history.map { $0.moved(by: Double(round - 1) * epochs) }
    }
    return (result, history)
  }

  /// Prunes, returns to early weights and trains, in turns.
  ///
  /// - Parameters:
  ///   - model: the model that is trained first, or has been when there are initial weights.
  ///   - start: the epoch to return to.
  ///   - initial: a model that has the weights to return to.
  /// - Returns: the model after the last round, and a record of each epoch.
  /// - Throws: when the models differ in form, or what training throws.
  func rewind(_ model: Graph, to start: Double, initial: Graph?) throws -> (
    model: Graph, history: [EpochRecord]
  ) {
    guard start <= epochs else {
      throw WaneError(
        Pruning.verb, "rewind goes back to epoch \(start), but there are only \(epochs)")
    }
    var state: TrainingState?
    var (result, history) = (model, [EpochRecord]())
    var passed = 0.0
    let early = try initial.map { try model.withValues(of: $0) } ?? model
    if initial == nil {
      let tuned = try tune(model, masking: plan.kernels) { run in
        try capture(run, start, &state)
      } onStep: { run in
        try capture(run, start, &state)
      }
      (result, history, passed) = (tuned.model, tuned.history, epochs)
    }
    for round in 1...rounds {
      let pruned = try pruned(result, round)
      let tuned = try tune(
        early.masked(like: pruned, plan.kernels), masking: plan.kernels
      ) { run in
        guard let state else { return }
        try run.restore(state)
        for kernel in plan.kernels {
          if let mask = try pruned.parameters[kernel]?.mask() { run.setMask(kernel, mask) }
        }
      }
      result = tuned.model
      history += tuned.history.map { $0.moved(by: passed) }
      passed += epochs
    }
    return (result, history)
  }

  private var epochs: Double { tune.context.fineTuning.epochs }

  private func pruned(_ model: Graph, _ round: Int) throws -> Graph {
    // What the last round left is what can go now.
    let worth = try plan.worth(in: model)
    return try plan.prune(model, by: worth) { Self.zeros($0, after: round, of: rounds) }
  }

  private func capture(_ run: TrainingRun, _ start: Double, _ state: inout TrainingState?) throws {
    guard run.step == Int((start * Double(run.stepsPerEpoch)).rounded()) else { return }
    var taken = TrainingState()
    try run.save(to: &taken)
    state = taken
  }
}

extension EpochRecord {
  /// The same, some epochs later.
  fileprivate func moved(by epochs: Double) -> EpochRecord {
    var result = self
    result.epoch += epochs
    return result
  }
}

extension Graph {
  /// The same model with the values of another of the same form, where they are plain floats.
  fileprivate func withValues(of other: Graph) throws -> Graph {
    var result = self
    for parameter in parameters {
      guard case .dense = parameter.payload else { continue }
      guard let early = other.parameters[parameter.name], early.shape == parameter.shape else {
        let shape = other.parameters[parameter.name].map { "of shape \($0.shape)" } ?? "missing"
        throw WaneError(
          Pruning.verb,
          "the initial model is not like this one: '\(parameter.name)' is \(shape), "
            + "not of shape \(parameter.shape)")
      }
      let mask = parameter.isMasked ? try parameter.mask() : nil
      try result.set(parameter.replacing(.dense(early.decoded().masked(by: mask))))
    }
    return result
  }

  /// The same model with the zeros that some kernels of another have.
  fileprivate func masked(like other: Graph, _ kernels: Set<String>) throws -> Graph {
    var result = self
    for name in kernels {
      guard let own = parameters[name], let mask = try other.parameters[name]?.mask() else {
        continue
      }
      try result.set(own.pruned(keeping: mask.with(Float.self) { $0.map { $0 != 0 } }))
    }
    return result
  }
}
