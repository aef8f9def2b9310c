import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

@Suite struct SampleStreamTests {
  /// Gives the samples of a data set one after the other.
  private final class Walk {
    private let data: Dataset
    private(set) var position = 0

    init(_ data: Dataset) { self.data = data }

    func next() throws -> SampleStream.Sample? {
      guard position < data.count else { return nil }
      let row = try data.slice(position..<position + 1)
      position += 1
      return SampleStream.Sample(
        inputs: [try row.inputs.squeezed(axis: 0)], labels: [try row.labels.squeezed(axis: 0)])
    }
  }

  private func numbers(
    _ count: Int, buffer: Int, limit: Int? = nil, shuffles: Bool = true, epoch: Int = 0
  ) throws -> [Int32] {
    let stream = try SampleStream(name: "test", classNames: [], limit: limit, buffer: buffer)
    let walk = Walk(try Samples.images(count))
    var batches = StreamBatches(stream, size: 3, shuffles: shuffles, seed: 7, epoch: epoch)
    var seen: [Int32] = []
    while let batch = try batches.nextBatch(walk.next) {
      seen += batch.numbers
      // No more is taken than the buffer holds and batches have.
      #expect(walk.position <= seen.count + (shuffles ? buffer : 1))
      let expected = try Samples.images(count).gather(batch.numbers)
      #expect(try batch.data.inputs.array(Float.self) == expected.inputs.array(Float.self))
      #expect(batch.data.labels.array(Int32.self) == expected.labels.array(Int32.self))
    }
    #expect(try batches.nextBatch(walk.next)?.numbers == nil)
    return seen
  }

  @Test func eachSampleComesOnceAndNotFarFromItsPlace() throws {
    let order = try numbers(40, buffer: 6)
    #expect(Set(order).count == 40)
    #expect(order.enumerated().allSatisfy { Int($1) <= $0 + 5 })
    #expect(order != Array(0..<40))
    #expect(try numbers(40, buffer: 6) == order)
    #expect(try numbers(40, buffer: 6, epoch: 1) != order)
    #expect(try numbers(40, buffer: 6, shuffles: false) == Array(0..<40))
    #expect(try Set(numbers(40, buffer: 100, limit: 9)) == Set(0..<9))
    #expect(try numbers(0, buffer: 4) == [])
  }

  @Test func aStepRunsWhileOtherWorkIsDone() throws {
    let stream = try SampleStream(name: "test", classNames: [], limit: 20, buffer: 5)
    let data = try Samples.images(20)
    let pool = try WorkerPool(count: 2)
    var augmentation = Augmentation()
    augmentation.mixup = 0.3
    func trained(_ augmentation: Augmentation?, meanwhile: Bool) throws -> [Float] {
      let stream = try stream.augmented(augmentation)
      let walk = Walk(data)
      var batches = StreamBatches(stream, size: 6, shuffles: true, seed: 1, epoch: 0)
      var next = try batches.nextBatch(walk.next)
      let run = try TrainingRun(
        Samples.network(), data: try #require(next).data, options: TrainingOptions(batchSize: 6),
        epochs: 1, pool: pool, stream: stream)
      #expect(run.stepsPerEpoch == 4 && run.totalSteps == 4)
      while let batch = next {
        if meanwhile {
          next = try run.runStep(on: batch) {
            // The workers take turns.
            _ = try Evaluation(Samples.network(), on: data, pool: pool)
            return try batches.nextBatch(walk.next)
          }.value
        } else {
          _ = try run.runStep(on: batch)
          next = try batches.nextBatch(walk.next)
        }
      }
      return try Samples.values(run.trainedModel())
    }
    for change in [nil, augmentation] {
      #expect(try trained(change, meanwhile: true) == trained(change, meanwhile: false))
    }
    #expect(try trained(nil, meanwhile: true) != trained(augmentation, meanwhile: true))
  }

  @Test func wrongStreamsAreRefused() throws {
    #expect(
      Samples.message { _ = try SampleStream(name: "s", classNames: [], limit: nil, buffer: 0) }
        == "s: buffer must be positive, got 0")
    #expect(
      Samples.message { _ = try SampleStream(name: "s", classNames: [], limit: 0, buffer: 1) }
        == "s: limit must be between 1 and 2147483647, got 0")
    let stream = try SampleStream(name: "s", classNames: [], limit: nil, buffer: 1)
    let data = try Samples.images(4)
    let run = try TrainingRun(
      Samples.network(), data: data, options: TrainingOptions(), epochs: 1,
      pool: WorkerPool(count: 1), stream: stream)
    #expect(
      Samples.message { _ = try run.runStep() }
        == "train: the batches of a stream have to be brought")
    let other = try Dataset(
      inputs: Samples.floats([2, 8, 8, 2], seed: 1), labels: Samples.floats([2, 4], seed: 2))
    #expect(
      Samples.message { _ = try run.runStep(on: StreamBatch(data: other, numbers: [0, 1])) }
        == "train: samples 2x8x8x2 f32 and labels 2x4 f32 are not like those of the first step, "
        + "4x8x8x2 f32 and 4 i32")
    #expect(
      Samples.message {
        _ = try TrainingRun(
          Samples.network(), data: data.weighted(Tensor([1, 1, 1, 1] as [Float])),
          options: TrainingOptions(), epochs: 1, pool: WorkerPool(count: 1), stream: stream)
      } == "train: samples of a stream have no weights")
  }
}
