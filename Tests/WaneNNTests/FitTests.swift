import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

/// What goes on between epochs, and going on after a stop.
@Suite struct FitTests {
  @Test func earlyStoppingWaits() throws {
    func epochs(_ losses: [Double], patience: Int, least: Double = 0) throws -> Int {
      var rule = try EarlyStopping(Monitor("loss", least: least), patience: patience)
      for (index, loss) in losses.enumerated()
      where try rule.stops(["loss": loss], epoch: index + 1, variables: { [:] }) {
        return index + 1
      }
      return losses.count
    }
    #expect(try epochs([3, 2, 2, 1, 1, 1, 1], patience: 2) == 6)
    #expect(try epochs([3, 2, 1], patience: 0) == 3)
    #expect(try epochs([3, 3, 3], patience: 0) == 2)
    #expect(try epochs([3, 2.95, 2.9, 2.85], patience: 2, least: 0.5) == 3)
  }

  @Test func theNameSaysWhatIsBetter() throws {
    func better(_ name: String, _ direction: Monitor.Direction = .auto) throws -> Bool {
      var monitor = try Monitor(name, direction: direction, least: 0)
      _ = try monitor.isBetter([name: 1])
      return try monitor.isBetter([name: 2])
    }
    for name in ["accuracy", "validation_accuracy", "validation_top_5", "f1", "auc", "r2"] {
      #expect(try better(name))
      #expect(try !better(name, .min))
    }
    for name in ["loss", "validation_loss", "mae"] {
      #expect(try !better(name))
      #expect(try better(name, .max))
    }
    var monitor = try Monitor(nil, least: 0)
    #expect(try monitor.isBetter(["loss": 1, "validation_loss": 2]))
    #expect(try !monitor.isBetter(["loss": 0.5, "validation_loss": 2]))
    #expect(try monitor.isBetter(["loss": 5, "validation_loss": 1]))
  }

  /// Keras, ReduceLROnPlateau(factor=0.5, patience=2, cooldown=2, min_lr=0.2) from 1: the rates after
  /// each of these epochs.
  @Test func plateausAreLeftAsInKeras() throws {
    var rule = try PlateauReduction(
      Monitor("loss", least: 0), factor: 0.5, patience: 2, cooldown: 2, least: 0.2)
    var rate: Float = 1
    var rates: [Float] = []
    for isBetter in [true, false, false, false, false, false, false, false, false, true, false] {
      if let next = rule.next(isBetter: isBetter, rate: rate) { rate = next }
      rates.append(rate)
    }
    #expect(rates == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2])
  }

  private func makeRun(_ optimizer: Optimizer, workers: Int, seed: UInt64 = 5) throws
    -> TrainingRun
  {
    try TrainingRun(
      Samples.network(batchNorm: true, dropout: 0.3), data: Samples.images(22),
      options: TrainingOptions(
        optimizer: optimizer, batchSize: 5, seed: seed, schedule: .cosine),
      epochs: 4, pool: WorkerPool(count: workers))
  }

  static let optimizers: [Optimizer] = {
    var averaged = Optimizer(.rmsprop(momentum: 0.5, centered: true), learningRate: 0.01)
    averaged.averageMomentum = 0.9
    averaged.clipping = .globalNorm(0.5)
    return [.adam(learningRate: 0.01), averaged, Optimizer(.lion(), learningRate: 0.01)]
  }()

  @Test(arguments: optimizers, [1, 2])
  func goesOnBitForBit(_ optimizer: Optimizer, _ workers: Int) throws {
    let whole = try makeRun(optimizer, workers: workers)
    try whole.train(epochs: 4)
    // Also from the middle of an epoch.
    for steps in [0, 5, 7] {
      let first = try makeRun(optimizer, workers: workers)
      for _ in 0..<steps { try first.runStep() }
      var state = TrainingState()
      try first.save(to: &state)
      let second = try makeRun(optimizer, workers: workers)
      try second.restore(state)
      #expect(second.step == steps)
      try second.train(epochs: 4)
      #expect(try Samples.values(second.trainedModel()) == Samples.values(whole.trainedModel()))
    }
  }

  @Test func theBestVariablesFitTheRun() throws {
    let run = try makeRun(.adam(), workers: 1)
    var rule = try EarlyStopping(Monitor(nil, least: 0), keepsBest: true)
    _ = try rule.stops(["loss": 1], epoch: 1, variables: run.variableValues)
    var state = TrainingState()
    rule.save(to: &state)
    var other = try EarlyStopping(Monitor(nil, least: 0), keepsBest: true)
    try other.restore(state, run)
    #expect(other.best?.count == rule.best?.count)
    let name = try #require(state.values.keys.sorted().last { $0.contains("/variable/") })
    let replacements: [TrainingState.Value?] = [
      nil, .number(1), .tensor(try Tensor([1] as [Int32])), .tensor(try Tensor([1, 2] as [Float])),
    ]
    for value in replacements {
      state.values[name] = value
      #expect(Samples.message { try other.restore(state, run) }?.hasPrefix("resume: ") == true)
    }
  }

  @Test func otherRunsAreRefused() throws {
    let run = try makeRun(.adam(), workers: 1)
    try run.runStep()
    var state = TrainingState()
    try run.save(to: &state)
    let other = try makeRun(.adam(), workers: 1, seed: 6)
    let before = try Samples.values(other.trainedModel())
    #expect(
      Samples.message { try other.restore(state) }
        == "resume: seed was 5 in the checkpoint, and is 6 now")
    let same = try makeRun(.adam(), workers: 1)
    for name in state.values.keys.sorted() {
      var broken = state
      broken.values[name] = nil
      #expect(
        Samples.message { try same.restore(broken) }?
          .hasPrefix("resume: the checkpoint has no") == true)
      broken.values[name] = .numbers([1])
      #expect(Samples.message { try same.restore(broken) } != nil)
    }
    #expect(same.step == 0)
    #expect(try Samples.values(same.trainedModel()) == before)
  }
}
