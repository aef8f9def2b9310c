import CKernels
import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Every layer forward and backward, against Keras.
@Suite struct KerasLayerTests {
  @Test(
    arguments: [
      "activation", "attention", "convolution", "dense", "depthwise", "merge", "normalization",
      "pooling", "recurrent", "resize", "sample_norm", "sequence", "shape",
    ].flatMap(FixtureFile.cases))
  func agrees(_ item: FixtureCase) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    let kind = try #require(item.layer)
    let inputs = try #require(item.inputs).map {
      try kind == "embedding" ? $0.classes() : $0.tensor()
    }
    let layer = try #require(item.options).layer(kind, name: "layer")
    let symbols = try inputs.map {
      try SymbolicValue(
        InputLayer(Array($0.shape.dimensions.dropFirst()), dtype: $0.dtype), [],
        identity: LayerIdentity())
    }
    let given = try symbols.enumerated().map { index, symbol in
      try item.masked?[index] == true
        ? SymbolicValue(MaskingLayer(), [symbol], identity: LayerIdentity()) : symbol
    }
    let result = try SymbolicValue(layer, given, identity: LayerIdentity())
    var model = try ModelBuilder.functional(inputs: symbols, outputs: result.results)
    model.outputs = model.outputs.map { model.unmasked($0).value }
    // Of several results, all that belongs to a sample is in a row.
    if model.outputs.count > 1 {
      let rows = try model.outputs.map {
        try model.add(one: Reshape([model.type(of: $0).sampleCount]), [$0])
      }
      model.outputs = [try model.add(one: Concat(axis: 0), rows)]
    }
    for (name, value) in item.parameters ?? [:] {
      let old = try #require(model.parameters["layer/\(name)"], "\(name)")
      try model.set(old.replacing(.dense(value.tensor())))
    }
    #expect(model.parameters.count == (item.parameters ?? [:]).count)

    // Inference, in the form that runs and without any rewriting.
    if item.training == false {
      let session = try InferenceSession(model, pool: WorkerPool(count: 1))
      try expectClose(session.run(inputs)[0], item.output, "inference")
    }
    try checkTraining(item, model, inputs)
  }

  /// Forward in training form, and the gradients of `sum(output * output_gradient)`.
  private func checkTraining(_ item: FixtureCase, _ model: Graph, _ inputs: [Tensor]) throws {
    let isTraining = try #require(item.training as Bool?)
    let form = try TrainingForm(
      isTraining ? model : model.withoutDropout(), isFrozen: { _ in !isTraining })
    var graph = form.graph
    let output = graph.outputs[0]
    let type = graph.type(of: output)
    // A squared error whose gradient is the given one: its target is output - count * gradient / 2.
    let outputGradient = try #require(item.output_gradient).tensor()
    let seed = try graph.add(one: Input(index: 100, type: type), [], layer: "gradient")
    let names = try #require(item.parameter_gradients).keys.sorted()
    let leaves = try names.map { try #require(graph.leaf("layer/\($0)")) }
    let loss = try graph.add(one: BatchMean(), [graph.add(WeightedSum(), [output, seed])[0]])
    let differentiable = graph.inputs.dropLast().filter { graph.type(of: $0).dtype == .f32 }
    let gradients = try graph.gradients(of: loss, withRespectTo: differentiable + leaves)
    graph.outputs = try [output] + gradients.map { try #require($0) } + form.updates.map(\.value)

    let batch = inputs[0].shape[0]
    let variables = try Dictionary(
      uniqueKeysWithValues: form.variables.map { ($0.name, try $0.initial.copied()) })
    let weights = WeightStore(
      graph.parameters,
      bound: variables.compactMapValues {
        $0.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      })
    let program = try Program(graph, batch: batch, mode: .training, weights: weights)
    for (buffer, tensor) in zip(program.inputs, inputs + [outputGradient]) {
      tensor.withBytes {
        if let base = $0.baseAddress { buffer.pointer.copyMemory(from: base, byteCount: $0.count) }
      }
    }
    program.run()
    try program.check()
    withExtendedLifetime(variables) {}
    var outputs = try program.outputs.map { buffer in
      try Tensor(
        Array(UnsafeBufferPointer(start: buffer.floats, count: buffer.count)), buffer.shape)
    }[...]
    let tolerance = item.name == "batch_norm_training_shifted" ? 3e-5 : 1e-5
    try expectClose(outputs.popFirst(), item.output, within: tolerance, "training form")
    for (index, expected) in try #require(item.input_gradients).enumerated() {
      try expectClose(
        outputs.popFirst(), expected, within: tolerance, "gradient of input \(index)")
    }
    for name in names {
      try expectClose(
        outputs.popFirst(), item.parameter_gradients?[name], within: tolerance,
        "gradient of \(name)")
    }
    for update in form.updates {
      let name = String(update.parameter.dropFirst("layer/".count))
      try expectClose(outputs.popFirst(), item.state_after?[name], within: tolerance, name)
    }
    #expect(form.updates.count == (item.state_after ?? [:]).count)
  }
}

/// `sum(output * gradient)` of every sample, times the batch: its mean over the batch is the sum
/// whose gradients the fixtures have.
private struct WeightedSum: WaneGraph.Operation {
  static let name = "weighted_sum"
  init() {}
  init(_ attributes: Attributes) throws {}

  func infer(_ inputs: [ValueType]) throws -> [ValueType] { [.batched([])] }

  func gradient(_ context: inout GradientContext) throws -> [Value?] {
    // d mean / d output = gradient / batch * batch.
    [context.inputs[1], nil]
  }

  func lower(_ context: inout LoweringContext) throws -> Kernel {
    let y = context.output()
    return { _ in wane_fill_f32(0, y.floats, y.count) }
  }
}
