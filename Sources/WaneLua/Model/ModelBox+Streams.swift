import WaneNN
import WaneTensor

/// An epoch of a stream, batch after batch.
extension ModelBox {
  /// Samples that are made and run at once.
  private static let streamBatch = 256

  /// How well the model does on an epoch of a stream.
  ///
  /// - Parameters:
  ///   - stream: what it is run on.
  ///   - options: those of `evaluate`.
  ///   - context: the call that is under way.
  /// - Returns: the measures.
  /// - Throws: what the stream's function raises; when samples do not fit the model.
  func evaluate(
    _ stream: BoundStream, _ options: Options, _ context: CallContext
  ) throws -> CallContext.Outcome {
    guard !options.has("sample_weight") else {
      throw options.bad("sample_weight", "samples of a stream have no weights")
    }
    let objective = try options.objective(context)
    guard !objective.hasCustomLoss else {
      throw options.bad(
        "loss", "a function needs a data set; stream:take(n) makes one of the first n samples")
    }
    let evaluator = try Evaluator(
      graph, objective, precision: options.precision(), pool: Threads.pool())
    try forEachBatch(stream) { try evaluator.add($0, poll: context.poll) }
    return context.results(try evaluator.evaluation().luaValue)
  }

  /// What the model gives for an epoch of a stream.
  ///
  /// - Parameters:
  ///   - stream: what it is run on.
  ///   - options: those of `predict`.
  ///   - context: the call that is under way.
  /// - Returns: a tensor an output.
  /// - Throws: what the stream's function raises; when samples do not fit the model.
  func predict(
    _ stream: BoundStream, _ options: Options, _ context: CallContext
  ) throws -> CallContext.Outcome {
    let precision = try options.precision()
    var outputs = graph.outputs.map { _ in [Tensor]() }
    try forEachBatch(stream) { data in
      let inputs = try data.inputs(for: graph, "predict")
      let session = try session(for: inputs.map(\.dtype), precision: precision)
      for (index, output) in try session.run(inputs, poll: context.poll).enumerated() {
        outputs[index].append(output)
      }
    }
    return context.results(
      all: try outputs.map {
        .object(TensorBox($0.count == 1 ? $0[0] : try Tensor.concatenated($0, for: "predict")))
      })
  }

  private func forEachBatch(
    _ stream: BoundStream, _ body: (Dataset) throws -> Void
  ) throws {
    var next: StreamBatch? = try stream.firstBatch(epoch: 0, size: Self.streamBatch, seed: nil)
    while let batch = next {
      try body(batch.data.augmented(nil))
      next = try stream.nextBatch()
    }
  }
}

extension Evaluation {
  /// The measures by name.
  var luaValue: LuaValue {
    var fields: [String: LuaValue] = ["loss": .number(loss)]
    fields["accuracy"] = accuracy.map { .number($0) }
    for (name, value) in metrics { fields[name] = value.luaValue }
    return .table(LuaTable(fields: fields))
  }
}
