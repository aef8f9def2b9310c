import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Layers that read the same weights.
@Suite struct LayerTyingTests {
  /// Three convolutions of one shape, the second close to the first, and two dense layers of other ones.
  static func network(noise: Float = 0.01) throws -> Graph {
    let layers: [any Layer] = try [
      InputLayer([8, 8, 1]), Conv2DLayer(filters: 6, window: Fixture.window(3), name: "first"),
      Conv2DLayer(
        filters: 6, window: Fixture.window(3, .same), activation: .relu, name: "a"),
      Conv2DLayer(
        filters: 6, window: Fixture.window(3, stride: 2, .same), activation: .relu, name: "b"),
      Conv2DLayer(
        filters: 6, window: Fixture.window(3, .same), activation: .relu, name: "c"),
      FlattenLayer(), DenseLayer(units: 4, activation: .softmax, name: "out"),
    ]
    var model = try ModelBuilder.sequential(layers, seed: 4)
    var random = Fixture.Random(3)
    for name in ["kernel", "bias"] {
      let (from, to) = (
        try #require(model.parameters["a/\(name)"]), try #require(model.parameters["b/\(name)"])
      )
      let values = try from.decoded().array(Float.self).map { $0 + noise * random.unit() }
      try model.set(to.replacing(.dense(Tensor(values, to.shape))))
    }
    return model
  }

  static func tie(
    _ model: Graph, _ groups: [[String]]? = nil, threshold: Double = 0.95, count: Int? = nil,
    only: [String]? = nil, _ context: CompressionContext? = nil
  ) throws -> PassResult {
    try LayerTying(
      groups: groups, threshold: threshold, count: count, selection: Selection(only: only)
    ).apply(to: model, context ?? Fixture.context())
  }

  /// The names of the kernels that layers read.
  static func kernels(_ model: Graph) -> [String: String] {
    var names: [String: String] = [:]
    for node in model.nodes where node.operation is Conv2D || node.operation is Dense {
      names[node.layer] = model.parameter(node.inputs[1])?.name
    }
    return names
  }

  @Test func layersThatAreAlikeShareTheirMean() throws {
    let model = try Self.network()
    let result = try Self.tie(model)
    #expect(
      Self.kernels(result.model) == [
        "first": "first/kernel", "a": "a/kernel", "b": "a/kernel", "c": "c/kernel",
        "out": "out/kernel",
      ])
    #expect(result.model.parameters["b/kernel"] == nil)
    #expect(result.model.parameters["b/bias"] == nil)
    let (a, b) = (try Fixture.values(model, "a/kernel"), try Fixture.values(model, "b/kernel"))
    for (mean, pair) in zip(try Fixture.values(result.model, "a/kernel"), zip(a, b)) {
      #expect(abs(mean - (pair.0 + pair.1) / 2) < 1e-6)
    }
    let row = try #require(result.report.layers.first)
    #expect(result.report.layers.count == 1)
    #expect(row.layer == "b" && row.action == "shares the weights of 'a'")
    let weights = Double(9 * 36 + 6)
    #expect(row["weights"]?.before == weights && row["weights"]?.after == 0)
    // The cosine as it is written.
    let product = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let norms = [a, b].map { $0.reduce(0.0) { $0 + Double($1) * Double($1) } }
    let cosine = product / (norms[0] * norms[1]).squareRoot()
    #expect(abs(try #require(row.measure("similarity")) - cosine) < 1e-9)
    #expect(result.report.skipped.map(\.layer) == ["first", "c", "out"])
    #expect(result.report.skipped[0].reason == "no other layer has its kind and shape")
    #expect(result.report.skipped[1].reason.hasPrefix("is most like '"))
    #expect(Self.kernels(model)["b"] == "b/kernel")
  }

  @Test func aCountTiesTheMostAlike() throws {
    let model = try Self.network()
    #expect(try Self.tie(model, threshold: -1, count: 1).report.layers.map(\.layer) == ["b"])
    let all = try Self.tie(model, threshold: -1)
    #expect(all.report.layers.map(\.layer) == ["b", "c"])
    #expect(all.report.layers.allSatisfy { $0.action == "shares the weights of 'a'" })
    #expect(try Self.tie(model, only: ["a", "c"]).report.layers.isEmpty)
  }

  /// One step moves shared weights by the sum of what it moves each copy.
  @Test func gradientsAddUp() throws {
    let model = try Self.network(noise: 0)
    func step(_ graph: Graph) throws -> Graph {
      let run = try TrainingRun(
        graph, data: Fixture.data(32),
        options: TrainingOptions(optimizer: .sgd(learningRate: 0.05), batchSize: 32), epochs: 1,
        pool: Fixture.pool())
      try run.train(epochs: 1)
      return try run.trainedModel()
    }
    let tied = try step(Self.tie(model, [["a", "b"]]).model)
    let free = try step(model)
    for name in ["kernel", "bias"] {
      let old = try Fixture.values(model, "a/\(name)")
      let (a, b) = (
        try Fixture.values(free, "a/\(name)"), try Fixture.values(free, "b/\(name)")
      )
      let new = try Fixture.values(tied, "a/\(name)")
      for index in old.indices {
        #expect(abs(new[index] - (a[index] + b[index] - old[index])) < 1e-5)
      }
      #expect(zip(new, old).contains { abs($0 - $1) > 1e-5 })
    }
  }

  /// Every other pass leaves the weights shared, and treats them once.
  @Test func otherPassesKeepThemShared() throws {
    let data = try Fixture.data(64)
    let model = try Self.tie(Self.network(), [["a", "b"]]).model
    let passes: [any ModelPass] = [
      try Pruning(sparsity: 0.5), try WeightSharing(clusters: 8), try Quantization(bits: 8),
      try Quantization(bits: 4), try FilterReduction(ratio: 0.5), LayerMerging(),
      try LayerRemoval(.cost), try LayerTying(),
    ]
    for pass in passes {
      let result = try pass.apply(
        to: model, Fixture.context(epochs: 1, data: data, calibration: data))
      let kernels = Self.kernels(result.model)
      #expect(kernels["a"] != nil && kernels["a"] == kernels["b"], "\(type(of: pass))")
      #expect(result.report.layers.filter { $0.layer == "b" }.isEmpty, "\(type(of: pass))")
      #expect(try Fixture.accuracy(result.model) >= 0)
    }
    // Split at low rank, both read the same two kernels.
    let thin = try LowRank(.ratio(0.6), decomposition: .auto).apply(
      to: model, Fixture.context(epochs: 1, data: data)
    ).model
    let reads = thin.nodes.compactMap { ($0.operation as? ParameterRead)?.name }
    #expect(reads.filter { $0.hasPrefix("a/") && $0.hasSuffix("kernel") }.count >= 4)
  }

  @Test func whatHasConstraintsIsSkipped() throws {
    let model = try Self.network()
    let pruned = try Pruning(sparsity: 0.5, selection: Selection(only: ["b"]))
      .apply(to: model, Fixture.context()).model
    let report = try Self.tie(pruned, threshold: -1).report
    #expect(
      report.skipped.contains(
        .init("b", "its weights are pruned, shared or on a grid; tie comes before these")))
    #expect(report.layers.map(\.layer) == ["c"])
  }

  /// Of layers that a word stands for those share that can.
  @Test func aWordForSeveralLayers() throws {
    let model = try Self.network()
    for words in [["conv2d"], ["^[abc]$"], ["conv2d", "^a$"], ["a", "conv2d"]] {
      let (tied, report) = try { ($0.model, $0.report) }(Self.tie(model, [words]))
      let kernels = Self.kernels(tied)
      #expect(kernels["a"] == "a/kernel" && kernels["b"] == "a/kernel", "\(words)")
      #expect(kernels["c"] == "a/kernel" && kernels["first"] == "first/kernel", "\(words)")
      #expect(report.layers.map(\.layer) == ["b", "c"])
      let reason = "no other layer of { \(words.joined(separator: ", ")) } has its kind and shape"
      #expect(report.skipped == (words == ["^[abc]$"] ? [] : [.init("first", reason)]))
    }
    // Those of each shape share; what is pruned already does not.
    let pruned = try Pruning(sparsity: 0.5, selection: Selection(only: ["b"]))
      .apply(to: model, Fixture.context()).model
    let report = try Self.tie(pruned, [["."]]).report
    #expect(report.layers.map(\.layer) == ["c"])
    #expect(report.skipped.map(\.layer) == ["first", "b", "out"])
    #expect(report.skipped[1].reason.contains("tie comes before these"))
    // A layer that is called as its kind is called.
    let dense = try ModelBuilder.sequential([
      InputLayer([6]), DenseLayer(units: 6, activation: .relu),
      DenseLayer(units: 6, activation: .relu), DenseLayer(units: 6),
    ])
    let all = try Self.tie(dense, [["dense"]])
    #expect(all.report.layers.map(\.layer) == ["dense_1", "dense_2"])
    #expect(all.model.parameters.count == 2)
  }

  @Test func layersThatDoNotFitAreRefused() throws {
    let model = try Self.network()
    func message(_ groups: [[String]]) -> String {
      Fixture.message { _ = try Self.tie(model, groups) }
    }
    #expect(message([["a", "out"]]).contains("cannot share weights: they are of kinds conv2d"))
    #expect(message([["first", "a"]]).contains("cannot share weights: their weights have shapes"))
    #expect(message([["a"]]).contains("{ a } are not two layers with weights"))
    #expect(message([["a", "a"]]).contains("{ a, a } are not two layers with weights"))
    #expect(message([["a", "b"], []]).contains("layers has a list of no layers"))
    #expect(message([["conv2d"], ["c", "b"]]).contains("layer 'b' stands in two lists"))
    #expect(message([["relu"]]).contains("no layer is called or of kind 'relu'"))
    #expect(message([]).contains("layers has no list of layers"))
    #expect(message([["a", "b"], ["b", "c"]]).contains("layer 'b' stands in two lists"))
    #expect(message([["a", "x"]]).contains("no layer is called or of kind 'x'"))
    #expect(message([["a", "flatten"]]).contains("'flatten' is not selected, or has no weights"))
    let tied = try Self.tie(model, [["a", "b"]]).model
    let again = Fixture.message { _ = try Self.tie(tied, [["a", "c"]]) }
    #expect(again.contains("its weights are shared already"))
  }
}
