import WaneGraph
import WaneNN
import WaneTensor

/// Passes one after another, each keeping what those before it established.
public struct Pipeline: Sendable {
  /// One pass and its training.
  public struct Stage: Sendable {
    /// What is done.
    public var pass: any ModelPass
    /// How it is fine-tuned; without a teacher of its own, with that of the pipeline.
    public var fineTuning: FineTuning
    /// What it is called in messages.
    public var name: String

    /// Creates a stage; without a name it is called as its pass is.
    public init(
      pass: any ModelPass, fineTuning: FineTuning = FineTuning(), name: String? = nil
    ) {
      self.pass = pass
      self.fineTuning = fineTuning
      self.name = name ?? type(of: pass).verb
    }
  }

  /// The stages in order.
  public let stages: [Stage]

  /// Creates a pipeline.
  ///
  /// - Throws: when there are no stages.
  public init(_ stages: [Stage]) throws {
    guard !stages.isEmpty else { throw WaneError("pipeline", "needs at least one stage") }
    self.stages = stages
  }

  /// Runs all stages.
  ///
  /// After each it is verified that pinned zeros are zero, shared values no more than before, and grids
  /// kept.
  ///
  /// - Parameters:
  ///   - model: what the first stage starts from.
  ///   - context: what all stages work with.
  ///   - onStage: called with each result as it comes.
  /// - Returns: what the last stage made, and the report of each.
  /// - Throws: what a stage throws, or what constraint it broke.
  public func run(
    _ model: Graph, _ context: CompressionContext,
    onStage: (_ index: Int, _ result: PassResult) throws -> Void = { _, _ in }
  ) throws -> (model: Graph, reports: [Report]) {
    var model = model
    var reports: [Report] = []
    for (index, stage) in stages.enumerated() {
      var context = context
      let teacher = stage.fineTuning.teacher ?? context.fineTuning.teacher
      context.fineTuning = stage.fineTuning
      context.fineTuning.teacher = teacher
      let invariants = try Invariants(model)
      let result = try stage.pass.apply(to: model, context)
      let name = "stage \(index + 1) (\(stage.name))"
      try invariants.verify(result.model, kept: result.kept, after: name)
      try onStage(index, result)
      model = result.model
      reports.append(result.report)
    }
    return (model, reports)
  }
}
