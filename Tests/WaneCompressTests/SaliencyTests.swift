import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Criteria against their definitions, computed weight by weight.
@Suite struct SaliencyTests {
  private static func layers(_ model: Graph, _ names: String...) -> [WeightedLayer] {
    (model.weightedLayers() + model.matrixParameters()).filter { names.contains($0.kernel) }
  }

  private static func scores(
    _ criterion: PruningCriterion, _ model: Graph, _ name: String, data: Dataset? = nil
  ) throws -> [Float] {
    let saliency = try Saliency(
      criterion, of: layers(model, name), in: model, Fixture.context(data: data), verb: "test")
    return try #require(saliency.scores[name])
  }

  private static func loss(_ model: Graph, _ data: Dataset) throws -> Double {
    try Evaluation(model, on: data, pool: Fixture.pool()).loss
  }

  /// The slope of the loss along a weight, by finite differences.
  private static func slope(_ model: Graph, _ name: String, _ index: Int, _ data: Dataset) throws
    -> Double
  {
    let kernel = try #require(model.parameters[name])
    func moved(_ change: Float) throws -> Double {
      var values = try kernel.decoded().array(Float.self)
      values[index] += change
      var other = model
      try other.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
      return try loss(other, data)
    }
    let step: Float = 5e-3
    return try (moved(step) - moved(-step)) / Double(2 * step)
  }

  /// With a batch normalization in the way, which must use its moving statistics.
  @Test(arguments: [false, true])
  func taylorIsWeightTimesGradient(normalizes: Bool) throws {
    let model = try Fixture.trained(normalizes: normalizes, epochs: 1)
    let data = try Fixture.data(32)
    let worth = try Self.scores(.taylor, model, "dense_1/kernel", data: data)
    let values = try Fixture.values(model, "dense_1/kernel")
    for index in stride(from: 0, to: values.count, by: 5) {
      let expected = abs(
        try Self.slope(model, "dense_1/kernel", index, data) * Double(values[index]))
      #expect(abs(Double(worth[index]) - expected) < 0.02 * expected + 1e-4)
    }
    // Measuring does not move anything.
    #expect(try Fixture.values(model, "dense_1/kernel") == values)
  }

  @Test func fisherIsTheMeanOfSquaresOfSamples() throws {
    let model = try Fixture.trained(normalizes: true, epochs: 1)
    let data = try Fixture.data(12)
    let worth = try Self.scores(.fisher, model, "dense_1/kernel", data: data)
    let values = try Fixture.values(model, "dense_1/kernel")
    for index in stride(from: 0, to: values.count, by: 5) {
      var expected = 0.0
      for sample in 0..<12 {
        let slope = try Self.slope(
          model, "dense_1/kernel", index, data.slice(sample..<sample + 1))
        expected += slope * slope * Double(values[index] * values[index]) / 2
      }
      #expect(abs(Double(worth[index]) - expected) < 0.02 * expected + 1e-6, "\(index)")
    }
  }

  /// What a dense layer's inputs are, from a model cut off before it.
  @Test func activationsAreThoseThatAWeightMeets() throws {
    let model = try Fixture.trained(epochs: 1)
    let data = try Fixture.data(100)
    let layer = try #require(Self.layers(model, "dense/kernel").first)
    var probe = model
    let node = model.nodes[layer.nodes[0]]
    probe.outputs = [node.inputs[0]]
    let session = try InferenceSession(
      probe.feeding(.u8, operation: "test"), pool: Fixture.pool())
    let rows = try session.run([data.inputs])[0].array(Float.self)
    let values = try Fixture.values(model, "dense/kernel")
    let (inputs, units) = (32, 12)
    var squares = [Double](repeating: 0, count: inputs)
    for (index, x) in rows.enumerated() { squares[index % inputs] += Double(x * x) }
    var energy = 0.0
    for sample in 0..<100 {
      for unit in 0..<units {
        let y = (0..<inputs).reduce(0.0) {
          $0 + Double(rows[sample * inputs + $1]) * Double(values[$1 * units + unit])
        }
        energy += y * y
      }
    }
    let activation = try Self.scores(.activation, model, "dense/kernel", data: data)
    let error = try Self.scores(.error, model, "dense/kernel", data: data)
    for index in values.indices {
      let norm = squares[index / units].squareRoot()
      let expected = Double(abs(values[index])) * norm
      #expect(abs(Double(activation[index]) - expected) < 1e-4 * expected + 1e-6)
      let lost = expected * expected / energy
      #expect(abs(Double(error[index]) - lost) < 1e-3 * lost + 1e-9)
    }
  }

  /// The error of a convolution's output when one weight goes, at strides and borders.
  @Test func errorIsWhatTheOutputLoses() throws {
    var random = Fixture.Random(3)
    for (groups, transposed) in [(1, false), (4, false), (1, true)] {
      var graph = Graph()
      let x = try graph.add(
        one: Input(index: 0, type: .batched([7, 6, 4])), [], layer: "input")
      let window = try Window2D("test", size: [3, 2], strides: [2, 1], padding: .same)
      let shape = transposed ? [3, 2, 5, 4] : [3, 2, 4 / groups, 8]
      let kernel = try Parameter("conv/kernel", random.tensor(shape))
      let w = try graph.add(parameter: kernel, layer: "conv")
      let operation: any Operation =
        transposed ? Conv2DTranspose(window) : Conv2D(window, groups: groups)
      graph.outputs = [try graph.add(one: operation, [x, w], layer: "conv")]
      let inputs = try random.tensor([10, 7, 6, 4])
      let data = try Dataset(
        inputs: inputs, labels: Tensor([Int32](repeating: 0, count: 10)), name: "noise")
      func output(_ model: Graph) throws -> [Float] {
        try InferenceSession(model, pool: Fixture.pool()).run([inputs])[0].array(Float.self)
      }
      let whole = try output(graph)
      let energy = whole.reduce(0.0) { $0 + Double($1 * $1) }
      let worth = try Self.scores(.error, graph, "conv/kernel", data: data)
      let values = try kernel.decoded().array(Float.self)
      for index in stride(from: 0, to: values.count, by: 11) {
        var without = values
        without[index] = 0
        var other = graph
        try other.set(kernel.replacing(.dense(Tensor(without, kernel.shape))))
        let lost = zip(whole, try output(other)).reduce(0.0) {
          $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
        }
        #expect(abs(Double(worth[index]) - lost / energy) < 1e-3 * lost / energy + 1e-7)
      }
    }
  }

  /// A run of plain steps, whose movement is known.
  @Test func movementAddsUpOverSteps() throws {
    let model = try Fixture.cnn()
    let run = try TrainingRun(
      model, data: Fixture.data(64),
      options: TrainingOptions(optimizer: .sgd(learningRate: 0.01), batchSize: 32), epochs: 2,
      pool: Fixture.pool())
    var movement = GradientStatistics(.movement)
    var expected = [Float](repeating: 0, count: 48)
    for _ in 0..<4 {
      try run.runStep()
      try movement.add(run, "dense_1/kernel")
      let weights = try #require(try run.weights("dense_1/kernel")).array(Float.self)
      let gradient = try #require(try run.gradient("dense_1/kernel")).array(Float.self)
      for index in expected.indices { expected[index] -= weights[index] * gradient[index] }
    }
    #expect(movement.sums["dense_1/kernel"] == expected)
  }

  @Test func scalesOfNormalizationsJudgeColumns() throws {
    let model = try Fixture.randomized(Fixture.cnn(normalizes: true), seed: 4)
    let layer = try #require(Self.layers(model, "conv2d/kernel").first)
    let gamma = try Fixture.values(model, "batch_norm/gamma").map(abs)
    #expect(gamma.count == 6)
    let weights = try Fixture.values(model, "conv2d/kernel")
    let worth = try Self.scores(.normScale, model, "conv2d/kernel")
    #expect(worth == weights.enumerated().map { abs($1 * gamma[$0 % 6]) })
    let saliency = try Saliency(
      .normScale, of: [layer], in: model, Fixture.context(), verb: "test")
    #expect(try saliency.columns(of: layer, in: model, .normScale) == gamma)
    let dead = try Pruning(
      sparsity: 0.5, unit: .column, criterion: .normScale)(model, Fixture.context())
    let kernel = try Fixture.values(dead.model, "conv2d/kernel")
    let bound = gamma.sorted()[3]
    for (index, weight) in kernel.enumerated() {
      #expect((weight == 0) == (gamma[index % 6] < bound))
    }
    // Layers that nothing normalizes are left out.
    #expect(dead.report.layers.map(\.layer) == ["conv2d"])
    #expect(
      dead.report.skipped.map(\.layer) == ["conv2d_1", "dense", "dense_1"])
    #expect(dead.report.skipped[0].reason == "no batch normalization follows")
  }

  @Test func columnsAddUp() throws {
    let model = try Fixture.trained(epochs: 1)
    let layer = try #require(Self.layers(model, "dense/kernel").first)
    let context = try Fixture.context(data: Fixture.data(64))
    for criterion in [PruningCriterion.taylor, .fisher, .error, .magnitude, .activation] {
      let saliency = try Saliency(criterion, of: [layer], in: model, context, verb: "test")
      let columns = try saliency.columns(of: layer, in: model, criterion)
      let weights = try #require(saliency.scores["dense/kernel"])
      #expect(columns.count == 12)
      for column in 0..<12 {
        var sum = (0..<32).reduce(0.0) { $0 + Double(weights[$1 * 12 + column]) }
        if criterion.aggregation == .mean { sum /= 32 }
        #expect(abs(Double(columns[column]) - sum) <= 1e-5 * abs(sum))
      }
    }
  }

  @Test func randomWorthFollowsTheSeed() throws {
    let model = try Fixture.trained(epochs: 1)
    func pruned(_ seed: UInt64) throws -> [Float] {
      var context = try Fixture.context()
      context.fineTuning.seed = seed
      return try Fixture.values(
        Pruning(sparsity: 0.5, criterion: .random)(model, context).model, "dense/kernel")
    }
    #expect(try pruned(1) == pruned(1))
    #expect(try pruned(1) != pruned(2))
    let zeros = try pruned(1).filter { $0 == 0 }.count
    #expect(abs(zeros - 192) < 60)
  }

  @Test func dataAreNeeded() throws {
    let model = try Fixture.cnn()
    for criterion in [PruningCriterion.taylor, .fisher, .error, .activation] {
      #expect(
        Fixture.message {
          _ = try Pruning(sparsity: 0.5, criterion: criterion)(model, Fixture.context())
        }
          == "prune: criterion '\(criterion.rawValue)' needs the option 'data'")
    }
    #expect(
      Fixture.message { _ = try Pruning(sparsity: 0.5, criterion: .movement) }
        == "prune: criterion 'movement' shows while training: give the schedule 'cubic'")
  }
}
