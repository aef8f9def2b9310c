import WaneGraph

/// Only trains: what earlier passes established stays.
public struct Training: ModelPass {
  public static let verb = "fit"

  /// Creates the pass.
  public init() {}

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 1e-3))
    var report = Report(Self.verb, options: [("epochs", .number(context.fineTuning.epochs))])
    let tuned = try tune(model)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }
}
