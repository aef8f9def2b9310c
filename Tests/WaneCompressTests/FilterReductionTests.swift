import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct FilterReductionTests {
  static func reduce(_ model: Graph, _ ratio: Double, _ selection: Selection = .all) throws
    -> PassResult
  {
    try FilterReduction(ratio: ratio, selection: selection)
      .apply(to: model, Fixture.context())
  }

  /// The model in which the weights that read removed channels are zero: what a narrowed model is to
  /// compute, constants that the channels would have added left out.
  static func zeroing(_ kept: KeptPositions, in model: Graph) throws -> Graph {
    var result = model
    for layer in model.weightedLayers() {
      guard let kernel = model.parameters[layer.kernel] else { continue }
      // A transposed kernel [KH, KW, O, C] reads channels on its last axis.
      let axis = kernel.shape.rank - (layer.kind == Conv2DTranspose.name ? 1 : 2)
      guard let positions = kept[layer.kernel]?[axis] else { continue }
      let remaining = Set(positions)
      let step = kernel.shape.dimensions[(axis + 1)...].reduce(1, *)
      let inputs = kernel.shape[axis]
      var values = try kernel.decoded()
      try values.withMutableElements(Float.self) { values in
        for index in values.indices where !remaining.contains(index / step % inputs) {
          values[index] = 0
        }
      }
      try result.set(kernel.replacing(.dense(values)))
    }
    return result
  }

  /// The model with its weights decoded to floats.
  static func plain(_ model: Graph) throws -> Graph {
    var result = model
    for parameter in model.parameters {
      try result.set(parameter.replacing(.dense(parameter.decoded())))
    }
    return result
  }

  static func close(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * (1 + abs($1)) }
  }

  /// A network of random shape: convolutions, normalizations, activations of every kind, pooling,
  /// residual sums, values with several consumers.
  static func randomModel(_ seed: Int) throws -> Graph {
    var random = Fixture.Random(seed)
    func apply(_ layer: any Layer, _ inputs: SymbolicValue...) throws -> SymbolicValue {
      try SymbolicValue(layer, inputs, identity: LayerIdentity())
    }
    let activations: [ActivationName?] = [.relu, .sigmoid, .tanh, .linear, nil]
    let input = try apply(InputLayer([8, 8, 2]))
    var value = input
    var channels = 2
    for _ in 0..<2 + random.below(3) {
      switch random.below(4) {
      case 0:
        let filters = 2 + random.below(5)
        value = try apply(
          Conv2DLayer(
            filters: filters, window: Fixture.window(1 + random.below(3), .same),
            activation: activations[random.below(5)], usesBias: random.below(3) > 0), value)
        channels = filters
      case 1:
        let branch = try apply(
          Conv2DLayer(filters: channels, window: Fixture.window(3, .same), activation: .relu), value
        )
        value = try apply(AddLayer(), value, branch)
        if random.below(2) == 0 { value = try apply(BatchNormLayer(), value) }
      case 2:
        let filters = 2 + random.below(4)
        value = try apply(Conv2DLayer(filters: filters, window: Fixture.window(3, .same)), value)
        value = try apply(BatchNormLayer(), value)
        value = try apply(ActivationLayer(activations[random.below(3)] ?? .relu), value)
        channels = filters
      default:
        let left = try apply(Conv2DLayer(filters: 4, window: Fixture.window(1)), value)
        let right = try apply(
          Conv2DLayer(filters: 4, window: Fixture.window(3, .same), activation: .tanh), value)
        value = try apply(AddLayer(), left, right, left)
        channels = 4
      }
    }
    value =
      random.below(2) == 0
      ? try apply(MaxPool2DLayer(Fixture.window(2, stride: 2)), value)
      : try apply(AveragePool2DLayer(Fixture.window(2, stride: 2)), value)
    value = try apply(FlattenLayer(), value)
    value = try apply(DenseLayer(units: 3 + random.below(6), activation: .relu), value)
    if random.below(2) == 0 {
      let branch = try apply(DenseLayer(units: 5), value)
      value = try apply(AddLayer(), apply(DenseLayer(units: 5, activation: .tanh), value), branch)
    }
    let output = try apply(DenseLayer(units: 3, activation: .softmax), value)
    let model = try ModelBuilder.functional(
      inputs: [input], outputs: [output], seed: UInt64(seed))
    return try Fixture.randomized(model, seed: seed)
  }

  @Test(arguments: 1...40)
  func narrowedModelsComputeWhatZeroedOnesDo(seed: Int) throws {
    let model = try Self.randomModel(seed)
    for ratio in [0.3, 0.5, 0.8] {
      let result = try Self.reduce(model, ratio)
      let expected = try Fixture.outputs(Self.zeroing(result.kept, in: model))
      let got = try Fixture.outputs(result.model)
      #expect(Self.close(got, expected), "seed \(seed), ratio \(ratio): \(got) \(expected)")
      #expect(result.model.work < model.work || result.report.layers.isEmpty)
    }
  }

  @Test func theChainOfTheMissionHalves() throws {
    let model = try Fixture.trained()
    let result = try Self.reduce(model, 0.5)
    func shape(_ name: String) -> [Int] { result.model.parameters[name]?.shape.dimensions ?? [] }
    #expect(shape("conv2d/kernel") == [3, 3, 1, 3])
    #expect(shape("conv2d/bias") == [3])
    #expect(shape("conv2d_1/kernel") == [2, 2, 3, 4])
    #expect(shape("dense/kernel") == [16, 6])
    #expect(shape("dense_1/kernel") == [6, 4])
    #expect(result.report.layers.map(\.layer) == ["conv2d", "conv2d_1", "dense"])
    #expect(result.report.layers[0]["filters"]?.before == 6)
    #expect(result.report.layers[0]["filters"]?.after == 3)
    #expect(result.report.skipped == [.init("dense_1", "goes into a softmax")])
    // The argument is as it was.
    #expect(model.parameters["dense/kernel"]?.shape.dimensions == [32, 12])
  }

  @Test func theLongestFiltersStay() throws {
    var model = try Fixture.cnn()
    // Filter f has the constant weight (7 * f) % 6 + 1: distinct lengths in a known order.
    let kernel = try #require(model.parameters["conv2d/kernel"])
    let values = (0..<kernel.shape.count).map { Float((5 * ($0 % 6)) % 6 + 1) }
    try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
    for criterion in [FilterCriterion.l1, .l2] {
      let result = try FilterReduction(
        ratio: 0.5, criterion: criterion, selection: Selection(only: ["conv2d"])
      ).apply(to: model, Fixture.context())
      // (5 f) % 6 for f = 0...5 is 0 5 4 3 2 1.
      #expect(result.kept["conv2d/kernel"]?[3] == [1, 2, 3])
      #expect(result.kept["conv2d_1/kernel"]?[2] == [1, 2, 3])
    }
  }

  @Test func oneFilterAlwaysStays() throws {
    let result = try Self.reduce(Fixture.cnn(), 0.99)
    #expect(result.model.parameters["conv2d/kernel"]?.shape.dimensions == [3, 3, 1, 1])
    #expect(result.model.parameters["dense/kernel"]?.shape.dimensions == [4, 1])
    #expect(try Fixture.outputs(result.model).count == 12)
  }

  @Test func layersThatAreAddedLoseTheSameChannelsOrNone() throws {
    func apply(_ layer: any Layer, _ inputs: SymbolicValue...) throws -> SymbolicValue {
      try SymbolicValue(layer, inputs, identity: LayerIdentity())
    }
    let input = try apply(InputLayer([6, 6, 1]))
    let a = try apply(Conv2DLayer(filters: 6, window: Fixture.window(3), name: "a"), input)
    let b = try apply(Conv2DLayer(filters: 6, window: Fixture.window(3), name: "b"), input)
    let sum = try apply(AddLayer(), a, b)
    let output = try apply(DenseLayer(units: 2, name: "c"), apply(FlattenLayer(), sum))
    let model = try ModelBuilder.functional(inputs: [input], outputs: [output])
    let result = try Self.reduce(model, 0.5)
    #expect(result.kept["a/kernel"]?[3] == result.kept["b/kernel"]?[3])
    #expect(result.kept["a/kernel"]?[3]?.count == 3)
    let partial = try Self.reduce(model, 0.5, Selection(only: ["a"]))
    #expect(
      partial.report.skipped == [.init("a", "shares its channels with 'b', which is not selected")])
    #expect(partial.kept.isEmpty)
    #expect(
      Fixture.message {
        _ = try FilterReduction(ratio: 0.5, ratios: [("b", 0.25)])
          .apply(to: model, Fixture.context())
      } == "compress: 'a' and 'b' share their channels and cannot have the ratios 0.5 and 0.25")
  }

  @Test func ratiosByLayer() throws {
    let result = try FilterReduction(ratio: 0, ratios: [("conv2d_1", 0.5), ("^dense$", 0.25)])
      .apply(to: Fixture.cnn(), Fixture.context())
    #expect(result.model.parameters["conv2d_1/kernel"]?.shape.dimensions == [2, 2, 6, 4])
    #expect(result.model.parameters["dense/kernel"]?.shape.dimensions == [16, 9])
  }

  @Test func groupsLoseAsManyEach() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([6, 6, 1]), Conv2DLayer(filters: 4, window: Fixture.window(3)),
      Conv2DLayer(filters: 8, window: Fixture.window(3), groups: 2),
      Conv2DLayer(filters: 4, window: Fixture.window(1)), FlattenLayer(), DenseLayer(units: 2),
    ])
    let result = try Self.reduce(model, 0.5)
    #expect(result.report.skipped == [.init("dense", "is an output of the model")])
    #expect(result.model.parameters["conv2d/kernel"]?.shape.dimensions == [3, 3, 1, 2])
    #expect(result.model.parameters["conv2d_1/kernel"]?.shape.dimensions == [3, 3, 1, 4])
    let kept = try #require(result.kept["conv2d_1/kernel"]?[3])
    #expect(kept.prefix(2).map { $0 + 4 } == Array(kept.suffix(2)))
    #expect(
      Self.close(
        try Fixture.outputs(result.model),
        try Fixture.outputs(Self.zeroing(result.kept, in: model))))
  }

  /// A depthwise convolution loses the channels that no longer reach it, with all they make.
  @Test func depthwiseConvolutionsFollow() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 2]), Conv2DLayer(filters: 6, window: Fixture.window(3), usesBias: false),
      DepthwiseConv2DLayer(
        window: Fixture.window(3, .same), depthMultiplier: 2, activation: .relu6, usesBias: false),
      BatchNormLayer(), PReLULayer(sharedAxes: [0, 1]),
      SeparableConv2DLayer(filters: 4, window: Fixture.window(3), usesBias: false),
      GlobalPoolingLayer(.average, rank: 2), DenseLayer(units: 2),
    ])
    let result = try Self.reduce(model, 0.5)
    #expect(result.report.skipped == [.init("dense", "is an output of the model")])
    let shapes = result.model.parameters.map { ($0.name, $0.shape.dimensions) }
    #expect(shapes.first { $0.0 == "depthwise_conv2d/kernel" }?.1 == [3, 3, 1, 6])
    #expect(
      shapes.first { $0.0 == "separable_conv2d/depthwise_kernel" }?.1 == [3, 3, 1, 6])
    #expect(
      shapes.first { $0.0 == "separable_conv2d/pointwise_kernel" }?.1 == [1, 1, 6, 2])
    #expect(
      Self.close(
        try Fixture.outputs(result.model),
        try Fixture.outputs(Self.zeroing(result.kept, in: model))))
  }

  /// What has no rule for channels keeps those that reach it; nothing fails.
  @Test func softmaxesInsideKeepTheirChannels() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([6, 6, 1]), Conv2DLayer(filters: 4, window: Fixture.window(3), name: "kept"),
      ActivationLayer(.softmax), Conv2DLayer(filters: 4, window: Fixture.window(3), name: "cut"),
      UpSampleLayer([2, 2]), SpatialDropoutLayer(rate: 0.1, rank: 2),
      Conv2DTransposeLayer(filters: 3, window: Fixture.window(2)), FlattenLayer(),
      DenseLayer(units: 2),
    ])
    let result = try Self.reduce(model, 0.5)
    #expect(
      result.report.skipped == [
        .init("kept", "goes into a softmax"), .init("dense", "is an output of the model"),
      ])
    #expect(result.model.parameters["cut/kernel"]?.shape.dimensions == [3, 3, 4, 2])
    #expect(result.kept["conv2d_transpose/kernel"]?[2]?.count == 1)
    #expect(result.kept["conv2d_transpose/kernel"]?[3]?.count == 2)
    #expect(
      Self.close(
        try Fixture.outputs(result.model),
        try Fixture.outputs(Self.zeroing(result.kept, in: model))))
  }

  @Test func encodingsAreCutAsTheyAre() throws {
    let context = try Fixture.context(data: Fixture.data())
    var model = try Pruning(sparsity: 0.5)(Fixture.trained(), context).model
    model = try WeightSharing(clusters: 8, selection: Selection(only: ["conv2d"]))(model, context)
      .model
    model = try Quantization(bits: 4)(model, context).model
    let result = try Self.reduce(model, 0.5)
    for name in ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel"] {
      let (old, new) = (
        try #require(model.parameters[name]), try #require(result.model.parameters[name])
      )
      #expect(old.encodingDescription == new.encodingDescription)
      #expect(new.isMasked)
      let kept = try #require(result.kept[name])
      let dimensions = old.shape.dimensions
      let values = try old.decoded().array(Float.self)
      // The naive cut of the decoded values.
      let expected = values.indices.filter { index in
        var rest = index
        for axis in dimensions.indices.reversed() {
          if let positions = kept[axis], !positions.contains(rest % dimensions[axis]) {
            return false
          }
          rest /= dimensions[axis]
        }
        return true
      }.map { values[$0] }
      #expect(try new.decoded().array(Float.self) == expected)
    }
    // Both on floats: integers round the bias, and the reference has none.
    #expect(
      Self.close(
        try Fixture.outputs(Self.plain(result.model)),
        try Fixture.outputs(Self.plain(Self.zeroing(result.kept, in: model)))))
  }

  @Test func fineTuningBringsAccuracyBack() throws {
    let model = try Fixture.trained()
    let context = try Fixture.context(epochs: 4, data: Fixture.data())
    let (small, report) = try FilterReduction(ratio: 0.5)(model, context)
    #expect(report.history.count == 4)
    #expect(try Fixture.accuracy(small) > 0.95)
  }

  @Test func ratiosOutOfRangeAreErrors() {
    for ratio in [-0.1, 1, 2, .nan] {
      #expect(
        Fixture.message { _ = try FilterReduction(ratio: ratio) }
          == "compress: ratio must be in [0, 1), got \(ratio)")
    }
  }
}
