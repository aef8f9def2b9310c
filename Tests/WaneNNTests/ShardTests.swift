import CAllocationCount
import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

/// The batch of a step cut into shards: the same training, whatever the number of workers.
@Suite struct ShardTests {
  /// Samples and batch size: batches that divide, that do not, that are smaller than the workers, and a
  /// last batch of one.
  static let sizes = [(12, 6), (17, 5), (10, 3), (7, 2), (5, 1), (4, 9)]

  private func train(
    _ model: Graph, samples: Int, batch: Int, workers: Int, seed: UInt64 = 3,
    optimizer: Optimizer = .sgd(learningRate: 0.05, momentum: 0.9)
  ) throws -> (values: [Float], measure: TrainingRun.Measure) {
    let run = try TrainingRun(
      model, data: Samples.images(samples),
      options: TrainingOptions(optimizer: optimizer, batchSize: batch, seed: seed), epochs: 2,
      pool: WorkerPool(count: workers))
    let measure = try run.train(epochs: 2)
    #expect(run.epoch == 2)
    #expect(run.step == 2 * ((samples + min(batch, samples) - 1) / min(batch, samples)))
    #expect(measure.samples == 2 * samples)
    return (try Samples.values(run.trainedModel()), measure)
  }

  @Test(arguments: sizes, [(false, Float(0)), (true, 0), (false, 0.3), (true, 0.3)])
  func workersDoNotMatter(_ size: (Int, Int), _ kind: (Bool, Float)) throws {
    let model = try Samples.network(batchNorm: kind.0, dropout: kind.1)
    let alone = try train(model, samples: size.0, batch: size.1, workers: 1)
    for workers in [2, 3] {
      let together = try train(model, samples: size.0, batch: size.1, workers: workers)
      for (index, (a, b)) in zip(together.values, alone.values).enumerated() {
        #expect(abs(a - b) <= 2e-5 * max(1, abs(b)), "value \(index): \(a), alone \(b)")
      }
      #expect(abs(together.measure.loss - alone.measure.loss) < 1e-5)
      #expect(together.measure.hits == alone.measure.hits)
    }
  }

  @Test(arguments: [1, 2, 3]) func runsRepeatBitForBit(_ workers: Int) throws {
    let model = try Samples.network(batchNorm: true, dropout: 0.25)
    let first = try train(model, samples: 11, batch: 4, workers: workers, optimizer: .adam())
    let second = try train(model, samples: 11, batch: 4, workers: workers, optimizer: .adam())
    #expect(first.values == second.values)
    #expect(first.measure.lossSum == second.measure.lossSum)
    let other = try train(
      model, samples: 11, batch: 4, workers: workers, seed: 4, optimizer: .adam())
    #expect(first.values != other.values)
  }

  /// What remains of earlier, larger batches has no part in the gradient of a small one.
  @Test func theGradientIsOfTheLastStepAlone() throws {
    let model = try Samples.network()
    let data = try Samples.images(7)
    func gradient(_ workers: Int) throws -> [Float] {
      let run = try TrainingRun(
        model, data: data,
        options: TrainingOptions(
          optimizer: .sgd(learningRate: 1e-6), batchSize: 6, shuffles: false), epochs: 1,
        pool: WorkerPool(count: workers))
      try run.train(epochs: 1)
      return try #require(try run.gradient("hidden/kernel")).array(Float.self)
    }
    let alone = try gradient(1)
    for workers in [2, 3] {
      for (a, b) in zip(try gradient(workers), alone) { #expect(abs(a - b) <= 1e-5) }
    }
  }

  @Test func inferenceIsTheSameInAnyNumberOfPieces() throws {
    let model = try Samples.network(batchNorm: true)
    let data = try Samples.images(23)
    let whole = try InferenceSession(model, pool: WorkerPool(count: 1), chunk: 23)
      .run([data.inputs])[0].array(Float.self)
    for (workers, chunk) in [(1, 1), (1, 4), (2, 5), (3, 7), (3, 64), (2, 0)] {
      let pieces = try InferenceSession(model, pool: WorkerPool(count: workers), chunk: chunk)
        .run([data.inputs])[0].array(Float.self)
      for (a, b) in zip(pieces, whole) { #expect(abs(a - b) <= 1e-6) }
    }
  }

  @Test func everySampleComesOnceInAnEpoch() throws {
    for count in [1, 2, 10, 31] {
      let first = try Dataset.permutation(count, seed: 5, epoch: 0)
      let second = try Dataset.permutation(count, seed: 5, epoch: 1)
      #expect(first.sorted() == (0..<Int32(count)).map { $0 })
      #expect(second.sorted() == first.sorted())
      if count > 9 { #expect(first != second) }
    }
  }

  /// Steps after the first ones of a batch size take no memory from the pool.
  @Test(arguments: [false, true]) func stepsTakeNoMemory(_ withEverything: Bool) async throws {
    let model = try Samples.network(batchNorm: true, dropout: 0.2)
    var options = TrainingOptions(batchSize: 4)
    if withEverything {
      options.optimizer = Optimizer(.nadam(), learningRate: 1e-3, weightDecay: 0.1)
      options.optimizer.clipping = .norm(1)
      options.optimizer.averageMomentum = 0.9
      options.schedule = .cosine
      options.classWeights = [1, 2]
      options.metrics = try [Metric(.top(2)), Metric(.areaUnderCurve(thresholds: 20))]
    }
    let run = try TrainingRun(
      model, data: Samples.images(10), options: options, epochs: 9, pool: WorkerPool(count: 1))
    try run.train(epochs: 1)
    var counts: [Int64] = []
    for epoch in 2...5 {
      let before = allocation_count()
      try run.train(epochs: Double(epoch))
      counts.append(allocation_count() - before)
    }
    // Not zero: the order of an epoch and what a step hands to its workers are small arrays.
    #expect(Set(counts).count == 1, "\(counts)")
  }
}
