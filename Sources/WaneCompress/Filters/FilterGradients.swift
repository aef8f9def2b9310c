import WaneGraph
import WaneNN
import WaneTensor

/// What the loss changes when filters go, to first order, told by gradients over some batches.
struct FilterGradients {
  /// The importance of each filter by kernel.
  private(set) var scores: [String: [Double]] = [:]

  /// Batches that are looked at.
  private static let batches = 32

  /// Looks at the gradients of some layers' kernels and biases.
  ///
  /// - Throws: when the data do not fit the model, or the user interrupts.
  init(
    _ layers: [WeightedLayer], in model: Graph, data: Dataset, _ context: CompressionContext,
    verb: String
  ) throws {
    var probe = model
    for name in layers.flatMap({ [$0.kernel] + ($0.bias.map { [$0] } ?? []) }) {
      guard let parameter = model.parameters[name] else { continue }
      try probe.set(parameter.replacing(.dense(parameter.decoded()), isMasked: false))
    }
    // The smallest step there is: the run is only for its gradients.
    var options = TrainingOptions(
      optimizer: .sgd(learningRate: .leastNormalMagnitude),
      batchSize: context.fineTuning.batchSize, seed: context.fineTuning.seed,
      teacher: context.fineTuning.teacher)
    options.objective = context.fineTuning.objective
    let run = try TrainingRun(probe, data: data, options: options, epochs: 1, pool: context.pool)
    let count = min(Self.batches, run.stepsPerEpoch)
    for batch in 0..<count {
      try context.poll()
      try run.runStep()
      for layer in layers {
        let effects = try Self.effects(layer, run)
        var sums = scores[layer.kernel] ?? Array(repeating: 0, count: effects.count)
        for (index, effect) in effects.enumerated() {
          sums[index] += effect * effect / Double(count)
        }
        scores[layer.kernel] = sums
      }
      context.progress.reportIfWanted(
        Progress(title: "\(verb) gradients", completed: batch + 1, total: count))
    }
    context.progress.finishStage()
  }

  /// The sum of `w dL/dw` over each filter.
  private static func effects(_ layer: WeightedLayer, _ run: TrainingRun) throws -> [Double] {
    var effects: [Double] = []
    for (name, axis) in [(layer.kernel, layer.unitAxis), (layer.bias, 1)] {
      guard let name, let gradient = try run.gradient(name), let weights = try run.weights(name)
      else { continue }
      let sums = zip(FilterRows.rows(gradient, axis: axis), FilterRows.rows(weights, axis: axis))
        .map { zip($0, $1).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } }
      effects = effects.isEmpty ? sums : zip(effects, sums).map { $0 + $1 }
    }
    return effects
  }
}
