import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct PipelineTests {
  static func stage(_ pass: any ModelPass, _ epochs: Double = 0) -> Pipeline.Stage {
    // The fixture's epochs have eight steps; a larger step makes up for their small number.
    Pipeline.Stage(
      pass: pass, fineTuning: FineTuning(epochs: epochs, batchSize: 32, learningRate: 0.01))
  }

  @Test func everyOrderKeepsWhatWasEstablished() throws {
    let passes: [any ModelPass] = [
      try Pruning(sparsity: 0.6, schedule: .cubic), try WeightSharing(clusters: 8),
      try Quantization(bits: 4), try FilterReduction(ratio: 0.25),
    ]
    let orders = [
      [0, 1, 2, 3], [3, 0, 1, 2], [2, 1, 0, 3], [1, 0, 2, 3], [0, 2, 3, 1], [2, 3, 1, 0],
      [1, 3, 2, 0],
    ]
    let teacher = try Fixture.trained()
    let context = try Fixture.context(data: Fixture.data(), teacher: teacher)
    for order in orders {
      let pipeline = try Pipeline(order.map { Self.stage(passes[$0], 8) })
      let (model, reports) = try pipeline.run(teacher, context)
      #expect(reports.count == 4)
      let kernel = try #require(model.parameters["dense/kernel"])
      #expect(kernel.isMasked, "\(order)")
      #expect(kernel.grid?.bits == 4, "\(order)")
      #expect(try kernel.distinctCount() <= 8, "\(order)")
      #expect(kernel.shape.dimensions == [24, 9], "\(order)")
      #expect(try Fixture.zeros(model, "dense/kernel") > 0)
      #expect(try Fixture.accuracy(model) > 0.8, "\(order)")
    }
  }

  /// A pass that does what no pass may do.
  private struct Vandal: ModelPass {
    static let verb = "vandal"
    let damage: @Sendable (Parameter) throws -> Parameter

    func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
      var model = model
      if let kernel = model.parameters["dense/kernel"] { try model.set(damage(kernel)) }
      return PassResult(model, Report(Self.verb, options: []))
    }
  }

  @Test func brokenConstraintsAreErrors() throws {
    func ones(_ shape: Shape) throws -> Tensor {
      try Tensor([Float](repeating: 1, count: shape.count), shape)
    }
    func run(_ pass: any ModelPass, _ damage: @escaping @Sendable (Parameter) throws -> Parameter)
      throws -> String
    {
      let pipeline = try Pipeline([Self.stage(pass), Self.stage(Vandal(damage: damage))])
      let context = try Fixture.context(data: Fixture.data())
      return Fixture.message { _ = try pipeline.run(Fixture.trained(), context) }
    }
    let prefix = "pipeline: stage 2 (vandal) broke a constraint of 'dense/kernel': "
    #expect(
      try run(Pruning(sparsity: 0.5)) { try $0.replacing(.dense($0.decoded()), isMasked: false) }
        == prefix + "its zeros are no longer pinned")
    let alive = try run(Pruning(sparsity: 0.5, scope: .layer)) { kernel in
      try kernel.replacing(
        .dense(Tensor([Float](repeating: 1, count: kernel.shape.count), kernel.shape)))
    }
    #expect(alive == prefix + "192 pinned zeros are zero no more")
    #expect(
      try run(WeightSharing(clusters: 4)) { kernel in
        try kernel.replacing(
          .dense(Tensor((0..<kernel.shape.count).map { Float($0) }, kernel.shape)))
      } == prefix + "it has 384 values where 4 were shared")
    #expect(
      try run(Quantization(bits: 8)) { try $0.replacing(.dense($0.decoded())) }
        == prefix + "it left its grid of 8 bits")
  }

  /// A pass that lets layers read floats again.
  private struct Unrounding: ModelPass {
    static let verb = "vandal"

    func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
      let floats = try model.rewritten { _, node, inputs, _ in
        node.operation is Quantize ? inputs : nil
      }
      return PassResult(floats, Report(Self.verb, options: []))
    }
  }

  @Test func layersThatReadIntegersGoOnReadingThem() throws {
    let context = try Fixture.context(data: Fixture.data())
    let quantized = Self.stage(try Quantization(bits: 8))
    let message = Fixture.message {
      let pipeline = try Pipeline([quantized, Self.stage(Unrounding())])
      _ = try pipeline.run(Fixture.trained(), context)
    }
    #expect(message.hasPrefix("pipeline: stage 2 (vandal) broke a constraint of '"), "\(message)")
    #expect(message.hasSuffix("': it read integers of 8 bits"), "\(message)")
    let fine = try Pipeline([quantized, Self.stage(try FilterReduction(ratio: 0.25))])
    _ = try fine.run(Fixture.trained(), context)
  }

  @Test func stagesAreToldAsTheyCome() throws {
    let pipeline = try Pipeline([
      Self.stage(try Pruning(sparsity: 0.5)), Self.stage(try WeightSharing(clusters: 4)),
    ])
    var seen: [String] = []
    let model = try Fixture.trained()
    _ = try pipeline.run(model, Fixture.context()) { index, result in
      seen.append("\(index) \(result.report.verb)")
    }
    #expect(seen == ["0 prune", "1 compress"])
    #expect(model.parameters["dense/kernel"]?.encodingDescription == "f32")
  }

  @Test func anEmptyPipelineIsAnError() {
    #expect(Fixture.message { _ = try Pipeline([]) } == "pipeline: needs at least one stage")
  }

  @Test func validationIsMeasuredAfterEveryEpoch() throws {
    let data = try Fixture.data()
    let context = try Fixture.context(epochs: 2.5, data: data, validation: data)
    let (_, report) = try Pruning(sparsity: 0.5)(Fixture.trained(), context)
    #expect(report.history.map(\.epoch) == [1, 2, 2.5])
    #expect(report.history.allSatisfy { $0.validationAccuracy != nil && $0.validationLoss != nil })
  }
}
