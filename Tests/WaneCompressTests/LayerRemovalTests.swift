import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Fewer layers, and what takes their place.
@Suite struct LayerRemovalTests {
  /// A network of four quarters with a branch that does nothing, one that does, and a layer to replace.
  static func network() throws -> Graph {
    func apply(_ layer: any Layer, _ inputs: SymbolicValue...) throws -> SymbolicValue {
      try SymbolicValue(layer, inputs, identity: LayerIdentity())
    }
    let input = try apply(InputLayer([8, 8, 1]))
    let first = try apply(
      Conv2DLayer(filters: 6, window: Fixture.window(3), activation: .relu, name: "first"), input)
    let idle = try apply(
      Conv2DLayer(filters: 6, window: Fixture.window(3, .same), name: "idle"), first)
    let sum = try apply(AddLayer(name: "sum"), first, idle)
    let second = try apply(
      Conv2DLayer(
        filters: 8, window: Fixture.window(3, stride: 2), activation: .relu, name: "second"), sum)
    let hidden = try apply(
      DenseLayer(units: 12, activation: .relu, name: "hidden"), apply(FlattenLayer(), second))
    let model = try ModelBuilder.functional(
      inputs: [input],
      outputs: [apply(DenseLayer(units: 4, activation: .softmax, name: "out"), hidden)], seed: 1)
    let run = try TrainingRun(
      model, data: Fixture.data(),
      options: TrainingOptions(
        optimizer: .adam(learningRate: 0.01), batchSize: 32), epochs: 10, pool: Fixture.pool())
    try run.train(epochs: 10)
    var trained = try run.trainedModel()
    // Next to nothing, so that the sum is its shortcut.
    for name in ["idle/kernel", "idle/bias"] {
      let parameter = try #require(trained.parameters[name])
      let values = try parameter.decoded().array(Float.self).map { 0.001 * $0 }
      try trained.set(parameter.replacing(.dense(Tensor(values, parameter.shape))))
    }
    return trained
  }

  static func remove(
    _ model: Graph, _ criterion: LayerCriterion, threshold: Double = 0.95, count: Int? = nil,
    ratio: Double? = nil, only: [String]? = nil
  ) throws -> PassResult {
    try LayerRemoval(
      criterion, threshold: threshold, count: count, ratio: ratio,
      selection: Selection(only: only)
    ).apply(to: model, Fixture.context(data: Fixture.data()))
  }

  static func accuracyLoss(_ result: PassResult, _ model: Graph) throws -> Double {
    try Fixture.accuracy(model) - Fixture.accuracy(result.model)
  }

  @Test func aBranchLikeItsShortcutGoes() throws {
    let model = try Self.network()
    let result = try Self.remove(model, .correlation, threshold: 0.999, count: 1)
    #expect(result.report.layers.prefix(2).map(\.layer) == ["sum", "idle"])
    #expect(result.report.layers[0].action == "removed, its shortcut stays")
    #expect((result.report.layers[0]["correlation"]?.after ?? 0) > 0.999)
    #expect(result.report.layers.dropFirst(2).allSatisfy { $0.action == "kept" })
    #expect(result.model.parameters["idle/kernel"] == nil)
    #expect(try abs(Self.accuracyLoss(result, model)) < 0.01)
    #expect(result.report.skipped == [.init("out", "gives the model's result")])
  }

  /// The last dense layer reads what the one before it read, and still knows the classes.
  @Test func theNextLayerIsFitted() throws {
    let model = try Self.network()
    let result = try Self.remove(model, .correlation, threshold: -1, count: 1, only: ["hidden"])
    #expect(result.report.layers[0].action == "removed, the next layer is fitted to its operand")
    #expect(result.model.parameters["hidden/kernel"] == nil)
    #expect(result.model.work < model.work)
    #expect(try Self.accuracyLoss(result, model) < 0.1)
  }

  /// A window without padding that takes steps becomes single places of the right ones.
  @Test func aProjectionStandsForAWindow() throws {
    let model = try Self.network()
    let result = try Self.remove(model, .correlation, threshold: -1, count: 1, only: ["second"])
    #expect(result.report.layers[0].action == "replaced by a projection")
    #expect(
      result.model.parameters["second/projection/kernel"]?.shape.dimensions == [1, 1, 6, 8])
    #expect(result.model.work < model.work)
    #expect(try Self.accuracyLoss(result, model) < 0.3)
  }

  /// Where the window looks at one place only, the projection is the layer.
  @Test func aProjectionFindsWhatThereIs() throws {
    for (padding, stride) in [(Padding.valid, 1), (.same, 2), (.valid, 2), (.same, 1)] {
      let layers: [any Layer] = try [
        InputLayer([8, 8, 1]),
        Conv2DLayer(filters: 3, window: Fixture.window(2), activation: .relu),
        Conv2DLayer(
          filters: 4, window: Fixture.window(3, stride: stride, padding), activation: .relu,
          name: "window"), FlattenLayer(), DenseLayer(units: 4),
      ]
      var model = try Fixture.randomized(ModelBuilder.sequential(layers), seed: 3)
      let kernel = try #require(model.parameters["window/kernel"])
      // The middle of the window, where the projection looks.
      let values = try kernel.decoded().array(Float.self).enumerated().map { index, value in
        index / 12 == 4 ? value : 0
      }
      try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
      let result = try Self.remove(model, .correlation, threshold: -1, count: 1, only: ["window"])
      #expect(
        result.model.parameters["window/projection/kernel"]?.shape.dimensions == [1, 1, 3, 4])
      var (old, new) = (model, result.model)
      old = try old.feeding(.u8, operation: "t")
      new = try new.feeding(.u8, operation: "t")
      let input = try Fixture.data(20).inputs
      let expected = try InferenceSession(old, pool: Fixture.pool()).run([input])[0]
      let got = try InferenceSession(new, pool: Fixture.pool()).run([input])[0]
      let error = zip(got.array(Float.self), expected.array(Float.self)).map { abs($0 - $1) }.max()
      #expect((error ?? 1) < 0.05, "\(padding) \(stride)")
    }
  }

  /// Of five layers two go for a ratio of a half, and the report says what was too large.
  @Test func aRatioOfTheLayersGoes() throws {
    let model = try Self.network()
    let layers = model.weightedLayers().count
    for criterion in LayerCriterion.allCases {
      let result = try Self.remove(model, criterion, threshold: -1, ratio: 0.5)
      let gone = result.report.layers.filter { $0.action != "kept" && $0.layer != "sum" }
      #expect(gone.count == layers / 2, "\(criterion)")
      #expect(result.report.options.contains { $0.name == "ratio" })
      #expect(!result.report.options.contains { $0.name == "count" || $0.name == "threshold" })
    }
    let none = try Self.remove(model, .cost, ratio: 0.1)
    #expect(none.report.layers.isEmpty)
    #expect(none.model.work == model.work)
    #expect(
      none.report.skipped.contains(.init("sum", "0 more may go by the ratio, and it has 1")))
    #expect(
      Fixture.message { _ = try LayerRemoval(ratio: 1) }.contains("ratio must be in [0, 1), got 1"))
  }

  @Test func theCheapestGoFirst() throws {
    let model = try Self.network()
    let one = try Self.remove(model, .cost)
    let first = try #require(one.report.layers.first?["loss"])
    #expect(
      one.report.layers.filter { $0.action == "kept" }.allSatisfy {
        ($0["loss"]?.after ?? .infinity) >= first.before
      })
    let three = try Self.remove(model, .cost, count: 3)
    #expect(three.model.work < one.model.work)
    #expect(three.report.layers.filter { $0["macs"] != nil }.count == 3)
  }

  @Test func layersOfOneShape() throws {
    let model = try Fixture.randomized(
      ModelBuilder.sequential([
        InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 6),
        DenseLayer(units: 6, name: "same"), DenseLayer(units: 6, activation: .tanh),
        DenseLayer(units: 2),
      ]), seed: 2)
    let result = try Self.remove(model, .correlation, threshold: -1, count: 1, only: ["same"])
    #expect(result.report.layers[0].action.hasPrefix("removed"))
    #expect(result.model.parameters["same/kernel"] == nil)
  }

  @Test func missingDataAndRanges() {
    #expect(
      Fixture.message {
        _ = try LayerRemoval().apply(to: Fixture.cnn(), Fixture.context())
      } == "compress: layers are judged on samples: give the option 'data'")
    #expect(
      Fixture.message { _ = try LayerRemoval(threshold: .nan) }
        == "compress: threshold must be in [-1, 1], got nan")
    #expect(
      Fixture.message { _ = try LayerRemoval(count: 0) }
        == "compress: count must be at least 1, got 0")
  }
}
