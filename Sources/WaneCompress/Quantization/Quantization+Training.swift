import WaneGraph
import WaneNN
import WaneTensor

/// How a rounded model is trained.
extension Quantization {
  /// When batch normalizations become part of the weights.
  public enum Normalization: String, CaseIterable, Sendable {
    /// Before weights are rounded: their statistics and factors stay what they were.
    case foldedFirst = "fold_first"
    /// Late in training: until then they follow each batch, behind weights that are rounded
    /// (docs/decisions/0014-fold-late.md).
    case foldedLate = "fold_late"
  }

  /// The share of training after which normalizations are folded.
  static let shareBeforeFolding = 0.75
  /// What the size of steps is multiplied by afterwards.
  static let slowdownAfterFolding: Float = 0.1
  /// How many samples give the statistics that are folded; moving averages lag behind rounded weights,
  /// which jump.
  private static let sampleCountForFolding = 4096

  /// Checks that normalizations can be folded into rounded weights.
  ///
  /// - Throws: when grids or refinements do not allow it.
  func checkLateFolding() throws {
    guard weights.isSymmetric, weights.sharing != .tensor else {
      throw WaneError(
        Self.verb,
        "batch_norm 'fold_late' needs grids that are balanced about zero, with a scale a channel or group"
      )
    }
    guard !refinement.equalizes, !refinement.correctsBias else {
      throw WaneError(
        Self.verb, "batch_norm 'fold_late' does not go with equalize or bias_correction")
    }
  }

  /// Trains a rounded model from weights that are not.
  ///
  /// - Parameters:
  ///   - rounded: the model.
  ///   - source: a model whose kernels are where weights start.
  ///   - kernels: their names.
  ///   - tune: how to train.
  ///   - finish: called after the last step.
  /// - Returns: the model, and a record of each epoch.
  /// - Throws: when training fails or the user stops.
  func trained(
    _ rounded: Graph, from source: Graph, _ kernels: [String], _ tune: FineTuner,
    finish: (TrainingRun) throws -> Void = { _ in }
  ) throws -> (model: Graph, history: [EpochRecord]) {
    try tune(
      rounded, grids: grids,
      prepare: { run in
        for name in kernels {
          guard let kernel = source.parameters[name] else { continue }
          run.setWeights(name, try kernel.freeValues())
          if kernel.isMasked { run.setMask(name, try kernel.mask()) }
        }
      }, finish: finish)
  }

  /// Trains with normalizations behind rounded weights, takes their statistics anew, folds them into the
  /// scales, which changes nothing but the last bits, and goes on with small steps.
  ///
  /// - Parameters:
  ///   - rounded: the model, with its normalizations.
  ///   - source: a model whose kernels are where weights start.
  ///   - kernels: their names.
  ///   - context: all there is.
  /// - Returns: the model without them, and a record of each epoch.
  /// - Throws: when training fails or the user stops.
  func trainedAndFolded(
    _ rounded: Graph, from source: Graph, _ kernels: [String], _ context: CompressionContext
  ) throws -> (model: Graph, history: [EpochRecord]) {
    let epochs = context.fineTuning.epochs
    var first = context
    first.fineTuning.epochs = epochs * Self.shareBeforeFolding
    var free: [Parameter] = []
    let early = try trained(
      rounded, from: source, kernels, tuner(first)
    ) { run in
      for name in kernels {
        guard let kernel = rounded.parameters[name], let weights = try run.weights(name) else {
          continue
        }
        free.append(try kernel.replacing(.dense(weights)))
      }
    }
    let model = try StatisticsEstimate(samplesForFolding(context))(early.model)
    let (folded, unrounded) = try Self.folded(model, from: free)

    var second = context
    second.fineTuning.epochs = epochs - first.fineTuning.epochs
    let rate = context.fineTuning.learningRate ?? context.fineTuning.optimizer?.learningRate
    second.fineTuning.learningRate =
      (rate ?? Self.usualLearningRate) * Self.slowdownAfterFolding
    var late = try trained(folded, from: unrounded, kernels, tuner(second))
    for index in late.history.indices { late.history[index].epoch += first.fineTuning.epochs }
    return (late.model, early.history + late.history)
  }

  /// The same context with fewer data where there are many, drawn by its seed.
  private func samplesForFolding(_ context: CompressionContext) throws -> CompressionContext {
    guard let data = context.data, data.count > Self.sampleCountForFolding else { return context }
    var result = context
    let order = try Dataset.permutation(data.count, seed: context.fineTuning.seed, epoch: 0)
    result.data = try data.gather(Array(order.prefix(Self.sampleCountForFolding)))
    return result
  }

  /// Folds normalizations into rounded weights and those that they are rounded from.
  ///
  /// - Parameters:
  ///   - model: the rounded model.
  ///   - free: its kernels before rounding.
  /// - Returns: the rounded model, and one with the kernels before rounding.
  /// - Throws: when memory cannot be had.
  static func folded(_ model: Graph, from free: [Parameter]) throws -> (
    rounded: Graph, unrounded: Graph
  ) {
    var rounded = try model.foldingBatchNorm()
    var unrounded = model
    for kernel in free { try unrounded.set(kernel) }
    unrounded = try unrounded.foldingBatchNorm()
    // A grid that cannot take a factor up, such as 0, keeps its normalization; the weights wait, too.
    let room = try BiasRoom(rounded, Set(free.map(\.name)))
    for kernel in free {
      guard let folded = rounded.parameters[kernel.name] else { continue }
      if folded.grid == model.parameters[kernel.name]?.grid { try unrounded.set(kernel) }
      try rounded.set(room.raising(folded))
    }
    return (rounded, unrounded)
  }

  /// The step size of Adam where none is given.
  static let usualLearningRate: Float = 3e-4

  /// Training as a context asks for it.
  func tuner(_ context: CompressionContext) throws -> FineTuner {
    try FineTuner(Self.verb, context, defaults: .init(learningRate: Self.usualLearningRate))
  }
}
