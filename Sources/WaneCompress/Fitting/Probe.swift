import WaneGraph
import WaneNN
import WaneTensor

/// A model that is run on samples for values inside it.
struct Probe {
  private let session: InferenceSession
  private let inputs: [Column]
  private let verb: String
  /// Samples that are run together.
  private static let batch = 64

  /// Prepares to look at some values of a model.
  ///
  /// - Throws: when samples do not fit the model, or it has no form that runs.
  init(
    _ values: [Value], in model: Graph, _ samples: Dataset, _ context: CompressionContext,
    verb: String
  ) throws {
    inputs = try samples.columns(for: model, verb)
    var probe = model
    probe.outputs = values
    session = try InferenceSession(
      probe.feeding(inputs.map(\.dtype), operation: verb), pool: context.pool)
    self.verb = verb
  }

  /// Runs the samples, some at a time, and hands over what the values are for them.
  ///
  /// - Throws: when the user interrupts, or `body` throws.
  func run(_ context: CompressionContext, _ body: ([Tensor]) throws -> Void) throws {
    let count = inputs.first?.shape[0] ?? 0
    for start in stride(from: 0, to: count, by: Self.batch) {
      let rows = start..<min(start + Self.batch, count)
      try body(session.run(inputs.map { try $0.rows(rows) }, poll: context.poll))
      context.progress.reportIfWanted(
        Progress(title: "\(verb) samples", completed: rows.upperBound, total: count))
    }
    context.progress.finishStage()
  }
}
