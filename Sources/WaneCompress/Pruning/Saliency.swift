import WaneGraph
import WaneNN
import WaneTensor

/// What each weight of some kernels is worth.
struct Saliency {
  /// The worth of weights by kernel; -1 for those that are zero.
  private(set) var scores: [String: [Float]] = [:]

  /// Batches over which gradients are added up when nothing is being trained.
  private static let batches = 32

  /// Worth by magnitude.
  init(magnitudesOf kernels: [Parameter]) throws {
    for kernel in kernels {
      scores[kernel.name] = try kernel.decoded().with(Float.self) { values in
        values.map { $0 == 0 ? -1 : abs($0) }
      }
    }
  }

  /// Worth by first-order effect on the loss, over some batches.
  ///
  /// - Throws: when the data do not fit the model, or the user interrupts.
  init(
    effectsOf kernels: [Parameter], in model: Graph, data: Dataset, _ context: CompressionContext,
    verb: String
  ) throws {
    // With respect to the weights themselves, whatever shares or rounds them.
    var probe = model
    for kernel in kernels {
      try probe.set(kernel.replacing(.dense(kernel.decoded()), isMasked: false))
    }
    // The smallest step there is: the run is only for its gradients.
    var options = TrainingOptions(
      optimizer: .sgd(learningRate: .leastNormalMagnitude),
      batchSize: context.fineTuning.batchSize, seed: context.fineTuning.seed,
      teacher: context.fineTuning.teacher)
    options.objective = context.fineTuning.objective
    let run = try TrainingRun(probe, data: data, options: options, epochs: 1, pool: context.pool)
    var effects = Effects()
    let count = min(Self.batches, run.stepsPerEpoch)
    for batch in 0..<count {
      try context.poll()
      try run.runStep()
      for kernel in kernels { try effects.add(run, kernel.name) }
      context.progress.reportIfWanted(
        Progress(title: "\(verb) gradients", completed: batch + 1, total: count))
    }
    context.progress.finishStage()
    for kernel in kernels {
      let effect = effects.sums[kernel.name] ?? []
      scores[kernel.name] = try kernel.decoded().with(Float.self) { values in
        zip(values, effect).map { $0 == 0 ? -1 : $1 }
      }
    }
  }

  /// Sums of `|w dL/dw|` over steps.
  struct Effects {
    private(set) var sums: [String: [Float]] = [:]

    /// Adds the last step of a run.
    mutating func add(_ run: TrainingRun, _ kernel: String) throws {
      guard let gradient = try run.gradient(kernel), let weights = try run.weights(kernel) else {
        return
      }
      var sum = sums[kernel] ?? [Float](repeating: 0, count: weights.count)
      gradient.with(Float.self) { gradient in
        weights.with(Float.self) { weights in
          for index in sum.indices { sum[index] += abs(gradient[index] * weights[index]) }
        }
      }
      sums[kernel] = sum
    }

    /// Forgets what was added up.
    mutating func reset() { sums = [:] }
  }
}
