import WaneGraph

/// A way to make a model smaller or faster, with its options.
///
/// A pass is a function from graph to graph. It never changes its argument, and every constraint on
/// a parameter that an earlier pass established (pinned zeros, shared values, an integer grid) holds
/// for what comes out.
public protocol ModelPass: Sendable {
  /// What the pass is called where it is asked for; its errors begin with it.
  static var verb: String { get }

  /// Applies the pass, and fine-tunes the result when the context says so.
  ///
  /// A layer that the pass cannot treat is left as it is and stands in `report.skipped`.
  ///
  /// - Throws: when an option does not fit the model, data are missing, or the user interrupts.
  func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult
}

extension ModelPass {
  /// Applies the pass: `let (small, report) = try pass(model, context)`.
  ///
  /// - Throws: what `apply` throws.
  public func callAsFunction(_ model: Graph, _ context: CompressionContext) throws -> (
    model: Graph, report: Report
  ) {
    let result = try apply(to: model, context)
    return (result.model, result.report)
  }
}

/// What comes out of a pass.
public struct PassResult: Sendable {
  /// The new model.
  public var model: Graph
  /// What was done.
  public var report: Report
  /// What is left of parameters that were cut.
  public var kept: KeptPositions
  /// Models that have learned beside it.
  public var peers: [Graph]

  /// Puts a result together.
  public init(
    _ model: Graph, _ report: Report, kept: KeptPositions = [:], peers: [Graph] = []
  ) {
    self.model = model
    self.report = report
    self.kept = kept
    self.peers = peers
  }
}
