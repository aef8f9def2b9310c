import WaneGraph
import WaneTensor

/// A setting that each output of a model may have for itself.
public enum PerOutput<Value: Sendable>: Sendable {
  /// The same for every output.
  case all(Value)
  /// One an output, in order.
  case list([Value])
  /// By the name of the output; those that are not named have the usual.
  case named([String: Value])

  /// The value that is the same for all, nil when outputs have their own.
  public var common: Value? {
    if case .all(let value) = self { return value }
    return nil
  }

  /// One value an output.
  ///
  /// - Throws: when there are too many or too few, or a name is not that of an output.
  func values(for outputs: [String], _ setting: String, usual: Value) throws -> [Value] {
    switch self {
    case .all(let value): return outputs.map { _ in value }
    case .list(let values):
      guard values.count == outputs.count else {
        throw WaneError(
          setting,
          "there are \(values.count) for the model's \(outputs.count) "
            + (outputs.count == 1 ? "output" : "outputs"))
      }
      return values
    case .named(let values):
      if let unknown = values.keys.sorted().first(where: { !outputs.contains($0) }) {
        let names = outputs.map { "'\($0)'" }.joined(separator: ", ")
        throw WaneError(setting, "the model has no output '\(unknown)', only \(names)")
      }
      return outputs.map { values[$0] ?? usual }
    }
  }
}

/// What is made small of a model's outputs, and what is measured of them.
public struct Objective: Sendable {
  /// The loss of an output.
  public struct OutputLoss: Sendable {
    /// One of those that there are; by default what suits the labels.
    public var loss: Loss?
    /// A loss in place of those that there are.
    public var custom: CustomLoss?

    /// Creates a loss of an output.
    public init(_ loss: Loss? = nil, custom: CustomLoss? = nil) {
      self.loss = loss
      self.custom = custom
    }
  }

  /// What is made small and measured of one output.
  struct Goal: Sendable {
    /// The name of the output.
    let output: String
    var loss: Loss?
    var custom: CustomLoss?
    /// What the loss counts in the sum over outputs.
    var weight: Float
    var metrics: [Metric]
  }

  /// The loss of each output.
  public var losses: PerOutput<OutputLoss>
  /// What the loss of each output counts in their sum.
  public var lossWeights: PerOutput<Float>
  /// What is measured besides.
  public var metrics: PerOutput<[Metric]>

  /// Creates an objective.
  public init(
    losses: PerOutput<OutputLoss> = .all(OutputLoss()), lossWeights: PerOutput<Float> = .all(1),
    metrics: PerOutput<[Metric]> = .all([])
  ) {
    self.losses = losses
    self.lossWeights = lossWeights
    self.metrics = metrics
  }

  /// Whether a loss is one that somebody wrote himself.
  public var hasCustomLoss: Bool {
    switch losses {
    case .all(let loss): loss.custom != nil
    case .list(let list): list.contains { $0.custom != nil }
    case .named(let named): named.values.contains { $0.custom != nil }
    }
  }

  /// One goal an output of a model.
  ///
  /// - Throws: when settings do not match the outputs.
  func goals(for model: Graph) throws -> [Goal] {
    let outputs = model.outputNames
    let losses = try losses.values(for: outputs, "loss", usual: OutputLoss())
    let weights = try lossWeights.values(for: outputs, "loss_weights", usual: 1)
    let metrics = try metrics.values(for: outputs, "metrics", usual: [])
    if let bad = weights.first(where: { !$0.isFinite || $0 < 0 }) {
      throw WaneError("loss_weights", "must be at least 0, got \(bad)")
    }
    return outputs.indices.map { index in
      Goal(
        output: outputs[index], loss: losses[index].loss, custom: losses[index].custom,
        weight: weights[index], metrics: metrics[index])
    }
  }
}
