import WaneGraph
import WaneNN
import WaneTensor

/// What some values inside a model are when it runs on samples.
struct ValueProbe {
  private let session: InferenceSession
  private let inputs: [Column]
  private let count: Int
  private let context: CompressionContext
  private let title: String?
  /// Samples that are looked at together.
  private static let batch = 64

  /// Compiles the part of a model that leads to some values.
  ///
  /// - Parameters:
  ///   - model: the model; its own outputs are not computed.
  ///   - values: what is looked at.
  ///   - samples: what it runs on.
  ///   - verb: who asks, for messages.
  ///   - context: the threads, and somebody who waits.
  ///   - title: what progress is reported under; none when nil.
  /// - Throws: when the samples do not fit the model.
  init(
    _ model: Graph, _ values: [Value], on samples: Dataset, _ verb: String,
    _ context: CompressionContext, title: String? = nil
  ) throws {
    inputs = try samples.columns(for: model, verb)
    count = samples.count
    var model = model
    model.outputs = values
    session = try InferenceSession(
      model.pruned().feeding(inputs.map(\.dtype), operation: verb), pool: context.pool)
    self.context = context
    self.title = title
  }

  /// The batches that the samples are cut into.
  var batches: [Range<Int>] {
    stride(from: 0, to: count, by: Self.batch).map { start in
      start..<min(start + Self.batch, count)
    }
  }

  /// Runs one batch.
  ///
  /// - Returns: a tensor a value, the first axis counting samples.
  /// - Throws: when the user stops.
  func run(_ batch: Range<Int>) throws -> [Tensor] {
    let values = try session.run(inputs.map { try $0.rows(batch) }, poll: context.poll)
    if let title {
      context.progress.reportIfWanted(
        Progress(title: title, completed: batch.upperBound, total: count))
      if batch.upperBound == count { context.progress.finishStage() }
    }
    return values
  }

  /// Runs the samples, a batch at a time.
  ///
  /// - Parameter body: gets a tensor a value, the first axis counting samples.
  /// - Throws: what `body` throws, or when the user stops.
  func forEachBatch(_ body: ([Tensor]) throws -> Void) throws {
    for batch in batches { try body(run(batch)) }
  }
}
