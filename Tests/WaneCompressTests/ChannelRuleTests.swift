import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Narrowing follows channels through every kind of layer.
@Suite struct ChannelRuleTests {
  typealias Symbol = SymbolicValue

  static func apply(_ layer: any Layer, _ inputs: Symbol...) throws -> Symbol {
    try Symbol(layer, inputs, identity: LayerIdentity())
  }

  /// All outputs for random inputs, one after the other.
  static func outputs(_ model: Graph) throws -> [Float] {
    var random = Fixture.Random(7)
    let inputs = try model.inputs.map { input in
      let type = model.type(of: input)
      guard type.dtype == .i32 else { return try random.tensor([3] + type.dimensions) }
      let shape = try Shape([3] + type.dimensions)
      return try Tensor((0..<shape.count).map { _ in Int32(random.below(9)) }, shape)
    }
    return try InferenceSession(model, pool: Fixture.pool()).run(inputs).flatMap {
      $0.array(Float.self)
    }
  }

  /// That the narrowed model computes what the model with zeros does, with fewer operations.
  @discardableResult
  static func check(_ model: Graph, ratio: Double = 0.5, _ note: String = "") throws -> PassResult {
    let result = try FilterReductionTests.reduce(model, ratio)
    let expected = try outputs(FilterReductionTests.zeroing(result.kept, in: model))
    let got = try outputs(result.model)
    #expect(FilterReductionTests.close(got, expected), "\(note) \(got) \(expected)")
    #expect(result.model.work < model.work, "\(note)")
    return result
  }

  static func graph(_ inputs: [Symbol], _ outputs: [Symbol], seed: Int = 1) throws -> Graph {
    try Fixture.randomized(
      ModelBuilder.functional(inputs: inputs, outputs: outputs, seed: UInt64(seed)), seed: seed)
  }

  /// Networks of images with everything that can stand between two layers.
  static func randomImages(_ seed: Int) throws -> Graph {
    var random = Fixture.Random(seed)
    let input = try apply(InputLayer([8, 8, 3]))
    var value = try apply(
      Conv2DLayer(filters: 8, window: Fixture.window(3, .same), activation: .relu), input)
    var channels = 8
    for _ in 0..<2 + random.below(3) {
      switch random.below(9) {
      case 0:
        value = try apply(
          Conv2DLayer(filters: 8, window: Fixture.window(3, .same), groups: 4, activation: .tanh),
          apply(Conv2DLayer(filters: 8, window: Fixture.window(1)), value))
        channels = 8
      case 1:
        let copies = 1 + random.below(2)
        value = try apply(
          DepthwiseConv2DLayer(window: Fixture.window(3, .same), depthMultiplier: copies), value)
        channels *= copies
      case 2:
        let branch = try apply(Conv2DLayer(filters: 5, window: Fixture.window(1)), value)
        value = try apply(ConcatLayer(), value, branch, value)
        channels = 2 * channels + 5
      case 3:
        // Squeeze and excitation (Hu et al., 2018).
        let squeezed = try apply(GlobalPoolingLayer(.average, rank: 2), value)
        let gate = try apply(
          DenseLayer(units: channels, activation: .sigmoid),
          apply(DenseLayer(units: 4, activation: .relu), squeezed))
        value = try apply(
          MergeLayer(.multiply), value, apply(ReshapeLayer([1, 1, channels]), gate))
      case 4:
        value = try apply(PReLULayer(sharedAxes: [0, 1]), apply(BatchNormLayer(), value))
      case 5:
        value = try apply(
          MaxPool2DLayer(Fixture.window(2, stride: 2)), apply(UpSampleLayer([2, 2]), value))
      case 6:
        value = try apply(
          Conv2DTransposeLayer(filters: 6, window: Fixture.window(3, .same)), value)
        channels = 6
      case 7:
        let branch = try apply(
          Conv2DLayer(filters: channels, window: Fixture.window(3, .same), activation: .relu),
          value)
        value = try apply(MergeLayer(.maximum), value, apply(AddLayer(), value, branch))
      default:
        value = try apply(SampleNormLayer(.group(-1)), value)
        value = try apply(BorderLayer(.pad, before: [1, 1], after: [1, 1]), value)
        value = try apply(AveragePool2DLayer(Fixture.window(3)), value)
      }
    }
    let row = try apply(FlattenLayer(), value)
    let wide = try apply(DenseLayer(units: 12, activation: .relu), row)
    let pooled = try apply(GlobalPoolingLayer(.maximum, rank: 2), value)
    return try graph(
      [input],
      [apply(DenseLayer(units: 3), wide), apply(DenseLayer(units: 2), pooled)], seed: seed)
  }

  @Test(arguments: 1...30)
  func imagesWithEverything(seed: Int) throws {
    let model = try Self.randomImages(seed)
    for ratio in [0.3, 0.7] { try Self.check(model, ratio: ratio, "seed \(seed)") }
  }

  @Test func sequences() throws {
    let words = try Self.apply(InputLayer([6], dtype: .i32))
    let vectors = try Self.apply(EmbeddingLayer(inputs: 9, outputs: 8), words)
    let convolved = try Self.apply(
      Conv1DLayer(
        filters: 8,
        window: Window2D("test", size: [1, 3], strides: [1, 1], padding: .same)), vectors)
    let added = try Self.apply(AddLayer(), vectors, convolved)
    let options = RecurrentOptions(units: 6, returnsSequences: true)
    let both = try Self.apply(BidirectionalLayer(LSTMLayer(options)), added)
    let last = try Self.apply(GRULayer(RecurrentOptions(units: 5)), both)
    let simple = try Self.apply(SimpleRNNLayer(RecurrentOptions(units: 4)), both)
    let output = try Self.apply(
      DenseLayer(units: 2), Self.apply(ConcatLayer(), last, simple))
    let model = try Self.graph([words], [output])
    let result = try Self.check(model)
    #expect(result.model.parameters["embedding/embeddings"]?.shape.dimensions == [9, 4])
    #expect(result.report.skipped.map(\.layer) == ["dense"])
  }

  /// Heads go whole, and with them all that they read and give.
  @Test func attentionLosesHeads() throws {
    let input = try Self.apply(InputLayer([5, 8]))
    let x = try Self.apply(DenseLayer(units: 8), input)
    let seen = try Self.apply(
      MultiHeadAttentionLayer(heads: 4, keySize: 3, valueSize: 2), x)
    let sum = try Self.apply(AddLayer(), x, seen)
    let output = try Self.apply(DenseLayer(units: 2), Self.apply(FlattenLayer(), sum))
    let model = try Self.graph([input], [output])
    let result = try Self.check(model)
    let attention = try #require(
      result.model.nodes.lazy.compactMap { $0.operation as? Attention }.first)
    #expect(attention.heads == 2)
    let path = "multi_head_attention"
    #expect(result.model.parameters["\(path)/query/kernel"]?.shape.dimensions == [4, 6])
    #expect(result.model.parameters["\(path)/value/kernel"]?.shape.dimensions == [4, 4])
    #expect(
      result.model.parameters["\(path)/attention_output/kernel"]?.shape.dimensions == [4, 4])
  }

  /// A layer applied twice sees the same channels both times.
  @Test func sharedLayers() throws {
    let inputs = try [Self.apply(InputLayer([6])), Self.apply(InputLayer([4]))]
    let shared = LayerIdentity()
    let layer = try DenseLayer(units: 8, activation: .tanh)
    let branches = try inputs.map { try Self.apply(DenseLayer(units: 6), $0) }
    let seen = try branches.map { try Symbol(layer, [$0], identity: shared) }
    let output = try Self.apply(
      DenseLayer(units: 1), Self.apply(MergeLayer(.subtract), seen[0], seen[1]))
    let result = try Self.check(Self.graph(inputs, [output]))
    #expect(result.kept["dense/kernel"]?[1] == result.kept["dense_2/kernel"]?[1])
  }

  /// Groups stay of one size; statistics become those of the channels that stay.
  @Test func normalizationsOfSamplesFollow() throws {
    for (kind, isExact) in [
      (SampleNormKind.layer, false), (.rootMeanSquare, false), (.group(2), false),
      (.group(-1), true),
    ] {
      let model = try Fixture.randomized(
        ModelBuilder.sequential([
          InputLayer([6, 6, 1]), Conv2DLayer(filters: 8, window: Fixture.window(3)),
          SampleNormLayer(kind), Conv2DLayer(filters: 3, window: Fixture.window(3)),
          FlattenLayer(), DenseLayer(units: 2),
        ]), seed: 4)
      let result = try FilterReductionTests.reduce(model, 0.5)
      #expect(result.model.parameters["conv2d/kernel"]?.shape.dimensions == [3, 3, 1, 4])
      if kind == .group(2) {
        let kept = try #require(result.kept["conv2d/kernel"]?[3])
        #expect(kept.filter { $0 < 4 }.map { $0 + 4 } == kept.filter { $0 >= 4 })
      }
      #expect(try Self.outputs(result.model).count == 6)
      if isExact {
        let zeroed = try FilterReductionTests.zeroing(result.kept, in: model)
        #expect(
          FilterReductionTests.close(try Self.outputs(result.model), try Self.outputs(zeroed)))
      }
    }
  }

  /// A part that is cut out of the channels keeps one of them at least.
  @Test func partsOfChannels() throws {
    var model = Graph()
    let x = try model.add(one: Input(index: 0, type: .batched([4])), [])
    var random = Fixture.Random(3)
    func read(_ name: String, _ dimensions: [Int]) throws -> Value {
      try model.add(parameter: Parameter(name, random.tensor(dimensions)), layer: "layer")
    }
    let wide = try model.add(one: Dense(), [x, read("a/kernel", [4, 8])], layer: "a")
    let part = try model.add(one: Slice(starts: [2], extents: [2]), [wide], layer: "cut")
    let y = try model.add(one: Dense(), [part, read("b/kernel", [2, 3])], layer: "b")
    let z = try model.add(one: Dense(), [wide, read("c/kernel", [8, 3])], layer: "c")
    model.outputs = [try model.add(one: Add(), [y, z], layer: "sum")]
    for ratio in [0.25, 0.5, 0.9] {
      let result = try FilterReductionTests.reduce(model, ratio)
      #expect((1...2).contains(result.model.parameters["b/kernel"]?.shape[0] ?? 0))
      let zeroed = try FilterReductionTests.zeroing(result.kept, in: model)
      #expect(FilterReductionTests.close(try Self.outputs(result.model), try Self.outputs(zeroed)))
    }
  }
}
