import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// What training makes small besides the loss.
@Suite struct RegularizerTests {
  private func run(
    _ model: Graph, _ regularizers: [Regularizer], workers: Int = 2,
    optimizer: Optimizer = .sgd(learningRate: 1e-3)
  ) throws -> TrainingRun {
    var options = TrainingOptions(optimizer: optimizer, batchSize: 6)
    options.regularizers = regularizers
    return try TrainingRun(
      model, data: Samples.images(24), options: options, epochs: 100,
      pool: WorkerPool(count: workers))
  }

  private func kernels(_ model: Graph) throws -> [[Float]] {
    try model.parameters.filter { $0.shape.rank > 1 }.map { try $0.decoded().array(Float.self) }
  }

  /// The measure in plain loops.
  private func measure(_ kind: Regularizer.Kind, _ model: Graph) throws -> Double {
    var sum = 0.0
    for kernel in model.parameters where kernel.shape.rank > 1 {
      let values = try kernel.decoded().array(Float.self).map(Double.init)
      let columns = kernel.shape.dimensions.last ?? 1
      switch kind {
      case .l1: sum += values.reduce(0) { $0 + abs($1) }
      case .l2: sum += values.reduce(0) { $0 + $1 * $1 }
      case .groupLasso:
        for column in 0..<columns {
          let squares = stride(from: column, to: values.count, by: columns).reduce(0) {
            $0 + values[$1] * values[$1]
          }
          sum += (squares * Double(values.count / columns)).squareRoot()
        }
      case .entropy: break
      }
    }
    return sum
  }

  @Test(arguments: [Regularizer.Kind.l1, .l2, .groupLasso], [1, 2])
  func isAddedToTheLoss(_ kind: Regularizer.Kind, _ workers: Int) throws {
    let model = try Samples.network()
    let plain = try run(model, [], workers: workers).runStep()
    let (a, b) = (try Regularizer(kind, rate: 0.01), try Regularizer(kind, rate: 0.02))
    let both = try run(model, [a, b], workers: workers).runStep()
    let expected = plain.loss + 0.03 * (try measure(kind, model))
    #expect(abs(both.loss - expected) < 1e-4 * expected)
  }

  @Test(arguments: [Regularizer.Kind.l1, .l2, .groupLasso])
  func gradientIsThatOfTheMeasure(_ kind: Regularizer.Kind) throws {
    let model = try Samples.network()
    let (plain, regular) = (try run(model, []), try run(model, [Regularizer(kind, rate: 0.5)]))
    try plain.runStep()
    try regular.runStep()
    let name = "hidden/kernel"
    let kernel = try #require(model.parameters[name])
    let values = try kernel.decoded().array(Float.self)
    let without = try #require(try plain.gradient(name)).array(Float.self)
    let with = try #require(try regular.gradient(name)).array(Float.self)
    let h: Float = 1e-3
    for index in stride(from: 0, to: values.count, by: 7) where abs(values[index]) > 2 * h {
      var (above, below) = (values, values)
      above[index] += h
      below[index] -= h
      var (high, low) = (model, model)
      try high.set(kernel.replacing(.dense(Tensor(above, kernel.shape))))
      try low.set(kernel.replacing(.dense(Tensor(below, kernel.shape))))
      let slope =
        (try measure(kind, high) - measure(kind, low)) / Double(above[index] - below[index])
      #expect(abs(Double(with[index] - without[index]) - 0.5 * slope) < 2e-3, "\(index)")
    }
  }

  @Test func theRateCanBeChangedBetweenSteps() throws {
    let model = try Samples.network()
    let run = try run(model, [Regularizer(.l1, rate: 1)], optimizer: .sgd(learningRate: 1e-12))
    let loss = try run.runStep().loss
    try run.setRate(0, ofRegularizer: 0)
    for _ in 1..<run.stepsPerEpoch { try run.runStep() }
    let plain = try self.run(model, [], optimizer: .sgd(learningRate: 1e-12))
    let expected = try plain.runStep().loss + measure(.l1, model)
    #expect(abs(loss - expected) < 1e-4 * expected)
    #expect(try run.runStep().loss < 0.5 * loss)
  }

  @Test func entropyDrawsCodesToFrequentOnes() throws {
    var model = try Samples.network()
    for kernel in model.parameters where kernel.shape.rank > 1 {
      let grid = try WeightGrid(bits: 6, scales: [0.02], axis: nil)
      try model.set(
        kernel.replacing(.integer(codes: grid.codes(for: kernel.decoded()), grid: grid)))
    }
    func zeros(_ rate: Float) throws -> Int {
      let run = try run(
        model, [Regularizer(.entropy, rate: rate)], optimizer: .adam(learningRate: 3e-3))
      for _ in 0..<200 { try run.runStep() }
      return try kernels(run.trainedModel()).joined().reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
    }
    let (with, without) = (try zeros(20), try zeros(0))
    #expect(with > 2 * without, "\(with) zeros, \(without) without")
  }

  @Test func refusesWhatCannotBe() throws {
    #expect(throws: WaneError("l1", "rate must be at least 0, got -1.0")) {
      try Regularizer(.l1, rate: -1)
    }
    #expect(throws: WaneError.self) { try Regularizer(.l2, rate: .nan) }
    #expect {
      try self.run(Samples.network(), [Regularizer(.entropy, rate: 1)])
    } throws: {
      "\($0)".contains("no trained kernel is on a symmetric integer grid")
    }
  }
}
