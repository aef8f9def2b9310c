import WaneGraph
import WaneNN
import WaneTensor

/// How much each layer minds being made smaller: every layer alone, at several levels, without
/// training after it (Li et al., "Pruning filters for efficient convnets", 2017, section 3.2).
public struct Sensitivity: Sendable {
  /// What is done to a layer, and what a level means.
  public enum Method: String, CaseIterable, Sendable {
    /// The share of weights set to zero.
    case prune
    /// Bits of a weight.
    case quantize
    /// The share of filters taken out.
    case filters
    /// The share of the squared singular values kept.
    case lowRank = "low_rank"

    /// The levels tried where none are given.
    public var usualLevels: [Double] {
      switch self {
      case .prune: [0.3, 0.6, 0.9]
      case .quantize: [8, 4, 2, 1]
      case .filters: [0.25, 0.5, 0.75]
      case .lowRank: [0.95, 0.8, 0.6]
      }
    }

    fileprivate func pass(_ level: Double, _ selection: Selection) throws -> any ModelPass {
      switch self {
      case .prune: return try Pruning(sparsity: level, selection: selection)
      case .quantize:
        guard level == level.rounded(), (1...8).contains(level) else {
          throw WaneError("sensitivity", "levels of 'quantize' are bits in 1..8, got \(level)")
        }
        return try Quantization(bits: Int(level), selection: selection)
      case .filters: return try FilterReduction(ratio: level, selection: selection)
      case .lowRank: return try LowRank(.energy(level), selection: selection)
      }
    }
  }

  /// A layer at one level.
  public struct Result: Sendable {
    /// The mean loss.
    public let loss: Double
    /// The accuracy, when labels are classes.
    public let accuracy: Double?
    /// Why the layer stayed as it is; nil when it was treated.
    public let skipped: String?
  }

  /// One layer at every level.
  public struct Row: Sendable {
    /// The layer's path.
    public let layer: String
    /// The number of its weights.
    public let weights: Int
    /// A result a level.
    public let results: [Result]
  }

  /// What was done.
  public let method: Method
  /// How far.
  public let levels: [Double]
  /// The model as it is.
  public let original: Result
  /// The layers, in order.
  public let rows: [Row]

  /// Measures a model.
  ///
  /// - Parameters:
  ///   - model: the model; it stays as it is.
  ///   - method: what is done to each layer.
  ///   - levels: how far; the method's usual ones when empty.
  ///   - selection: the layers that are tried.
  ///   - context: the data to measure on, which also calibrate.
  /// - Throws: when a level does not suit the method, data are missing, or the user stops.
  public init(
    _ model: Graph, by method: Method, levels: [Double] = [], selection: Selection = .all,
    _ context: CompressionContext
  ) throws {
    guard let data = context.data else {
      throw WaneError("sensitivity", "needs the option 'data'")
    }
    let levels = levels.isEmpty ? method.usualLevels : levels
    // A level that cannot be is found before anything is measured.
    for level in levels { _ = try method.pass(level, .all) }
    let layers = try selection.choose(in: model, "sensitivity").layers
    let original = try Self.evaluate(model, data, context)
    var rows: [Row] = []
    var seen = Set<String>()
    for layer in layers where seen.insert(layer.path).inserted {
      context.progress.reportIfWanted(
        Progress(
          title: "sensitivity", completed: rows.count, total: layers.count, details: layer.path))
      let results = try levels.map { level in
        try Self.result(
          model, method.pass(level, Selection(only: [layer.path])), original, data, context)
      }
      rows.append(
        Row(
          layer: layer.path, weights: model.parameters[layer.kernel]?.shape.count ?? 0,
          results: results))
    }
    context.progress.finishStage()
    self.method = method
    self.levels = levels
    self.original = original
    self.rows = rows
  }

  private static func result(
    _ model: Graph, _ pass: any ModelPass, _ original: Result, _ data: Dataset,
    _ context: CompressionContext
  ) throws -> Result {
    var quiet = context
    quiet.fineTuning.epochs = 0
    quiet.progress = SilentProgress()
    let outcome = try pass.apply(to: model, quiet)
    guard outcome.report.layers.isEmpty else {
      return try evaluate(outcome.model, data, context)
    }
    let reason = outcome.report.skipped.first?.reason ?? "nothing to do"
    return Result(loss: original.loss, accuracy: original.accuracy, skipped: reason)
  }

  private static func evaluate(_ model: Graph, _ data: Dataset, _ context: CompressionContext)
    throws -> Result
  {
    let found = try Evaluation(model, on: data, pool: context.pool, poll: context.poll)
    return Result(loss: found.loss, accuracy: found.accuracy, skipped: nil)
  }
}
