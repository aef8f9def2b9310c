import Testing
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Training for few bytes.
@Suite struct EntropyTrainingTests {
  private func pass(rate: Double = 0.01, bytes: Int? = nil, only: [String]? = nil) throws
    -> EntropyTraining
  {
    try EntropyTraining(
      rate: rate, bytes: bytes, selection: Selection(only: only),
      fileBytes: { try WaneFile.size(of: $0) })
  }

  @Test func meetsATargetOfBytes() throws {
    let model = try Fixture.trained()
    let data = try Fixture.data()
    let context = try Fixture.context(epochs: 30, learningRate: 3e-3, data: data)
    let full = try WaneFile.size(of: model)
    let (small, report) = try pass(bytes: 450)(model, context)
    #expect(try WaneFile.size(of: small) <= 450)
    #expect(try WaneFile.size(of: small) > 400)
    #expect(full > 2000)
    #expect(try Fixture.accuracy(small) > 0.9)
    for layer in report.layers {
      let kernel = try #require(small.parameters[layer.layer + "/kernel"])
      guard case .integer(_, let grid) = kernel.payload else {
        Issue.record("\(layer.layer) is not on a grid")
        continue
      }
      #expect(grid.axis == nil && kernel.isMasked)
      #expect(layer["bits"]?.after == Double(grid.bits))
    }
    // What was pinned stays through training that knows nothing of sizes.
    let zeros = try Fixture.zeros(small, "dense/kernel")
    let run = try TrainingRun(
      small, data: data, options: TrainingOptions(batchSize: 32), epochs: 2, pool: Fixture.pool())
    try run.train(epochs: 2)
    #expect(try Fixture.zeros(run.trainedModel(), "dense/kernel") >= zeros)
  }

  @Test func aHigherRateGivesASmallerFile() throws {
    let model = try Fixture.trained()
    let context = try Fixture.context(epochs: 15, learningRate: 3e-3, data: Fixture.data())
    let sizes = try [0, 0.1, 2].map { rate in
      try WaneFile.size(of: pass(rate: rate)(model, context).model)
    }
    #expect(sizes[0] > sizes[1] && sizes[1] > sizes[2])
  }

  /// The term is about what the file takes: the coder is at most a little worse than the entropy of
  /// single codes, and better where it finds dependencies.
  @Test func theEntropyIsThatOfTheFile() throws {
    var random = Fixture.Random(4)
    var model = try Fixture.cnn(filters: (24, 48), units: 64)
    var expected = 0.0
    for name in model.parameters.map(\.name) {
      guard let kernel = model.parameters[name], kernel.shape.rank > 1 else { continue }
      let grid = try WeightGrid(bits: 5, scales: [0.4], axis: nil)
      let values = (0..<kernel.shape.count).map { _ in random.normal() }
      let coded = try kernel.replacing(
        .integer(codes: grid.codes(for: Tensor(values, kernel.shape)), grid: grid))
      try model.set(coded)
      expected += try coded.codeEntropyBytes()
    }
    let forms = try WaneFile(model).storedForms().filter { $0.form.contains("int") }
    let actual = Double(forms.reduce(0) { $0 + $1.byteCount })
    #expect(expected > 7000)
    #expect(abs(actual / expected - 1) < 0.04, "\(actual) for \(expected)")
  }

  @Test func keepsEarlierConstraints() throws {
    let model = try Fixture.trained()
    let context = try Fixture.context(epochs: 4, data: Fixture.data())
    let sparse = try Pruning(sparsity: 0.6)(model, context).model
    let shared = try WeightSharing(clusters: 8, selection: Selection(only: ["dense_1"]))(
      sparse, context
    ).model
    let four = try Quantization(bits: 4, selection: Selection(only: ["dense"]))(shared, context)
    let (small, report) = try pass(bytes: 1500)(four.model, context)
    try Invariants(four.model).verify(small, kept: [:], after: "entropy")
    #expect(report.skipped.map(\.layer) == ["dense_1"])
    #expect(report.skipped[0].reason == "its weights are shared")
    let kernel = try #require(small.parameters["dense/kernel"])
    #expect(kernel.grid?.bits ?? 9 <= 4)
  }

  @Test func leavesOthersAlone() throws {
    let model = try Fixture.trained()
    let context = try Fixture.context(epochs: 1, data: Fixture.data())
    let (small, report) = try pass(only: ["dense"])(model, context)
    #expect(report.layers.map(\.layer) == ["dense"])
    #expect(small.parameters["conv2d/kernel"]?.grid == nil)
    #expect(small.parameters["dense/bias"]?.grid != nil)
  }

  @Test func refusesWhatCannotBe() throws {
    let model = try Fixture.trained(epochs: 1)
    let context = try Fixture.context(epochs: 1, data: Fixture.data())
    #expect(
      Fixture.message { _ = try pass(bytes: 20)(model, context) }
        .contains("compress: a file of 20 bytes cannot be reached: with no weight left it has "))
    #expect(
      Fixture.message { _ = try pass()(model, Fixture.context()) }
        == "compress: method 'entropy' works by training: give the options 'data' and 'epochs'")
    #expect(
      Fixture.message { _ = try pass(rate: -1) } == "compress: rate must be at least 0, got -1.0")
    #expect(
      Fixture.message { _ = try pass(bytes: 0) } == "compress: bytes must be positive, got 0")
  }
}
