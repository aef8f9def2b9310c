import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// What a filter is worth, how many go, and what becomes of the rest.
@Suite struct FilterCriterionTests {
  static func pass(
    _ criterion: FilterCriterion, _ amount: FilterReduction.Amount = .ratio(0.5),
    scope: FilterScope = .layer, multiple: Int = 1, least: Int = 1, refits: Bool? = nil,
    only: [String]? = nil
  ) throws -> FilterReduction {
    try FilterReduction(
      amount, criterion: criterion, scope: scope, multiple: multiple, least: least, refits: refits,
      selection: Selection(only: only))
  }

  static func filters(_ result: PassResult) -> [Int] {
    result.report.layers.map { Int(($0["filters"] ?? $0["units"])?.after ?? 0) }
  }

  /// The scores of the first convolution's filters.
  static func scores(_ criterion: FilterCriterion, _ model: Graph, data: Dataset? = nil) throws
    -> [Double]
  {
    let channels = ChannelGraph(model)
    let family = try #require(channels.families().first)
    let scores = try FilterScores(
      criterion, [family], channels, Fixture.context(data: data), verb: "test")
    return family.channels.map { scores.families[0][$0] ?? 0 }
  }

  static func areProportional(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-4) -> Bool {
    let (x, y) = (a.reduce(0, +), b.reduce(0, +))
    return a.count == b.count && x > 0 && y > 0
      && zip(a, b).allSatisfy { abs($0 / x - $1 / y) < tolerance }
  }

  @Test func geometricMedian() throws {
    let model = try Fixture.randomized(Fixture.cnn(), seed: 2)
    let weights = try Fixture.values(model, "conv2d/kernel")
    var expected = [Double](repeating: 0, count: 6)
    for a in 0..<6 {
      for b in 0..<6 {
        let square = (0..<9).reduce(0.0) { sum, k in
          let difference = Double(weights[k * 6 + a] - weights[k * 6 + b])
          return sum + difference * difference
        }
        expected[a] += square.squareRoot()
      }
    }
    #expect(Self.areProportional(try Self.scores(.geometricMedian, model), expected))
  }

  @Test func batchNormScale() throws {
    let model = try Fixture.randomized(Fixture.cnn(normalizes: true), seed: 3)
    let gamma = try Fixture.values(model, "batch_norm/gamma").map { Double(abs($0)) }
    #expect(Self.areProportional(try Self.scores(.batchNormScale, model), gamma))
    let result = try Self.pass(.batchNormScale).apply(to: model, Fixture.context())
    #expect(result.report.layers.map(\.layer) == ["conv2d"])
    #expect(
      result.report.skipped.contains(.init("dense", "has no batch normalization behind it")))
  }

  /// What the first pooling hands to the second convolution, looked at naively.
  @Test func activations() throws {
    let (model, data) = (try Fixture.trained(), try Fixture.data(100))
    var probe = model
    let second = try #require(model.weightedLayers().dropFirst().first)
    probe.outputs = [model.nodes[second.nodes[0]].inputs[0]]
    let values = try InferenceSession(probe.feeding(.u8, operation: "t"), pool: Fixture.pool())
      .run([data.inputs])[0].array(Float.self)
    let all = (0..<6).map { channel in
      stride(from: channel, to: values.count, by: 6).map { values[$0] }
    }
    let means = all.map { $0.reduce(0.0) { $0 + Double(abs($1)) } }
    let active = all.map { Double($0.filter { $0 != 0 }.count) }
    #expect(Self.areProportional(try Self.scores(.activation, model, data: data), means))
    #expect(Self.areProportional(try Self.scores(.activity, model, data: data), active))
  }

  /// To first order the score is the square of what the loss changes when a filter is scaled down.
  @Test func taylor() throws {
    let (model, data) = (try Fixture.trained(epochs: 2), try Fixture.data(32))
    func loss(_ filter: Int, _ factor: Float) throws -> Double {
      var changed = model
      for name in ["conv2d/kernel", "conv2d/bias"] {
        let parameter = try #require(model.parameters[name])
        var values = try parameter.decoded().array(Float.self)
        for index in values.indices where index % 6 == filter { values[index] *= factor }
        try changed.set(parameter.replacing(.dense(Tensor(values, parameter.shape))))
      }
      return try Evaluation(changed, on: data, pool: Fixture.pool()).loss
    }
    let expected = try (0..<6).map { filter in
      let slope = try (loss(filter, 1.05) - loss(filter, 0.95)) / 0.1
      return slope * slope
    }
    #expect(Self.areProportional(try Self.scores(.taylor, model, data: data), expected, 0.02))
  }

  /// The greedy choice loses what running the layer without the channels says it loses, and fitting the
  /// weights that are left loses less than adding constants.
  @Test func reconstruction() throws {
    let (model, data) = (try Fixture.trained(), try Fixture.data())
    let context = try Fixture.context(data: data)
    func drop(_ criterion: FilterCriterion, refits: Bool) throws -> Double {
      let result = try Self.pass(criterion, refits: refits, only: ["conv2d"])
        .apply(to: model, context)
      return try Self.distance(result.model, model, data)
    }
    let chosen = try drop(.reconstruction, refits: false)
    // All choices of three of six, through the same narrowing.
    var best = Double.infinity
    var all: [Double] = []
    let channels = ChannelGraph(model)
    let family = try #require(channels.families().first).channels
    for mask in 0..<64 where mask.nonzeroBitCount == 3 {
      let removed = Set((0..<6).filter { mask >> $0 & 1 == 1 }.map { family[$0] })
      let folding = try ConstantFolding(channels, removed, context, verb: "test")
      let narrowed = try channels.removing(
        removed, extraBiases: folding.extra, folding.biases)
      let loss = try Self.distance(narrowed.model, model, data)
      best = min(best, loss)
      all.append(loss)
    }
    #expect(chosen <= all.sorted()[3], "\(chosen) of \(all.sorted())")
    #expect(try drop(.reconstruction, refits: true) < 0.7 * chosen)
  }

  /// The squared distance of the second convolution's results.
  private static func distance(_ model: Graph, _ original: Graph, _ data: Dataset) throws -> Double
  {
    func results(_ model: Graph) throws -> [Float] {
      var probe = model
      let second = try #require(model.weightedLayers().dropFirst().first)
      probe.outputs = [Value(node: second.nodes[0])]
      return try InferenceSession(probe.feeding(.u8, operation: "t"), pool: Fixture.pool())
        .run([data.inputs])[0].array(Float.self)
    }
    return try zip(results(model), results(original)).reduce(0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
  }

  @Test func chanceRepeats() throws {
    let model = try Fixture.cnn()
    let one = try Self.pass(.random).apply(to: model, Fixture.context())
    let other = try Self.pass(.random).apply(to: model, Fixture.context())
    #expect(one.kept["dense/kernel"]?[1] == other.kept["dense/kernel"]?[1])
  }

  /// Filters without weights give a constant; their removal changes nothing, whatever lies between.
  @Test func constantsGoIntoTheNextBias() throws {
    for hasBias in [true, false] {
      var model = try Fixture.randomized(
        ModelBuilder.sequential([
          InputLayer([8, 8, 2]), Conv2DLayer(filters: 6, window: Fixture.window(3)),
          BatchNormLayer(), ActivationLayer(.sigmoid), MaxPool2DLayer(Fixture.window(2, stride: 2)),
          Conv2DLayer(filters: 4, window: Fixture.window(2), usesBias: hasBias),
          ActivationLayer(.tanh), FlattenLayer(), DenseLayer(units: 8, activation: .relu),
          DenseLayer(units: 2, usesBias: hasBias),
        ]), seed: 6)
      for name in ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel"] {
        let kernel = try #require(model.parameters[name])
        let filters = kernel.shape.dimensions[kernel.shape.rank - 1]
        var values = try kernel.decoded().array(Float.self)
        for index in values.indices where index % filters < filters / 2 { values[index] = 0 }
        try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
      }
      let result = try Self.pass(.l1).apply(to: model, Fixture.context())
      #expect(Self.filters(result) == [3, 2, 4])
      #expect(
        FilterReductionTests.close(
          try Fixture.outputs(result.model), try Fixture.outputs(model)), "\(hasBias)")
    }
  }

  /// At borders a constant is only a part of a window, so nothing is added there.
  @Test func paddedLayersTakeNoConstants() throws {
    let model = try Fixture.randomized(
      ModelBuilder.sequential([
        InputLayer([8, 8, 1]), Conv2DLayer(filters: 4, window: Fixture.window(3)),
        Conv2DLayer(filters: 3, window: Fixture.window(3, .same), name: "padded"), FlattenLayer(),
        DenseLayer(units: 4),
      ]), seed: 1)
    let result = try Self.pass(.l1, only: ["conv2d"]).apply(
      to: model, Fixture.context(data: Fixture.data()))
    #expect(try Fixture.values(result.model, "padded/bias") == Fixture.values(model, "padded/bias"))
  }

  @Test func globalScopeTakesWhatMattersLeast() throws {
    var model = try Fixture.randomized(Fixture.cnn(), seed: 9)
    // All filters of the first layer alike, most of the second next to nothing.
    for (name, least) in [("conv2d/kernel", 6), ("conv2d_1/kernel", 2), ("dense/kernel", 12)] {
      let kernel = try #require(model.parameters[name])
      let filters = kernel.shape.dimensions[kernel.shape.rank - 1]
      let values = (0..<kernel.shape.count).map { Float($0 % filters < least ? 1 : 0.001) }
      try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
    }
    let share = 6.0 / 26
    let result = try Self.pass(.l1, .ratio(share), scope: .global)
      .apply(to: model, Fixture.context())
    #expect(Self.filters(result) == [6, 2, 12])
  }

  @Test func usefulMultiplesAndLeastNumbers() throws {
    let model = try Fixture.cnn(filters: (20, 24), units: 30)
    func left(_ multiple: Int, _ least: Int, _ ratio: Double) throws -> [Int] {
      Self.filters(
        try Self.pass(.l2, .ratio(ratio), multiple: multiple, least: least)
          .apply(to: model, Fixture.context()))
    }
    #expect(try left(8, 1, 0.5) == [16, 16, 16])
    #expect(try left(8, 1, 0.95) == [8, 8, 8])
    #expect(try left(1, 5, 0.95) == [5, 5, 5])
    #expect(try left(8, 9, 0.95) == [16, 16, 16])
    #expect(try left(64, 1, 0.5) == [20, 24, 30])
  }

  @Test func targetsOfWork() throws {
    let model = try Fixture.cnn(filters: (20, 24), units: 30)
    for times in [1.5, 3.5, 10] {
      for scope in FilterScope.allCases {
        let result = try Self.pass(.l2, .macsRatio(times), scope: scope)
          .apply(to: model, Fixture.context())
        let reached = Double(model.work) / Double(result.model.work)
        #expect((times..<1.3 * times).contains(reached), "\(times) \(reached)")
        #expect(result.report.options.contains { $0.name == "ratio" })
      }
    }
    let exact = try Self.pass(.l2, .macs(20_000)).apply(to: model, Fixture.context())
    #expect((17_000...20_000).contains(exact.model.work))
    #expect(
      Fixture.message { _ = try Self.pass(.l2, .macs(10)).apply(to: model, Fixture.context()) }
        .hasPrefix("compress: the target of 10 MACs is out of reach: "))
    #expect(
      Fixture.message { _ = try Self.pass(.l2, .macsRatio(0.5)) }
        == "compress: target macs_ratio must be at least 1, got 0.5")
  }

  @Test func missingData() throws {
    for criterion in FilterCriterion.allCases where criterion.needsData {
      #expect(
        Fixture.message {
          _ = try Self.pass(criterion).apply(to: Fixture.cnn(), Fixture.context())
        } == "compress: criterion '\(criterion.rawValue)' needs the option 'data'")
    }
    #expect(
      Fixture.message {
        _ = try Self.pass(.l2, refits: true).apply(to: Fixture.cnn(), Fixture.context())
      } == "compress: fitting the weights needs the option 'data'")
    #expect(
      Fixture.message { _ = try Self.pass(.l2, multiple: 0) }
        == "compress: round_to must be in 1..1048576, got 0")
  }

  /// Every criterion gives a model that runs and learns.
  @Test func everyCriterionWorks() throws {
    let (model, data) = (try Fixture.trained(), try Fixture.data())
    for criterion in FilterCriterion.allCases where criterion != .batchNormScale {
      let (small, report) = try Self.pass(criterion)(
        model, Fixture.context(epochs: 4, learningRate: 0.01, data: data))
      #expect(report.layers.contains { $0.action.hasPrefix("took out") })
      #expect(try Fixture.accuracy(small) > 0.8, "\(criterion)")
    }
  }
}
