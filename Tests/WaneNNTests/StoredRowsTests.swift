import Synchronization
import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

/// Rows of a tensor that have to be read, one of which may be bad.
private final class SlowRows: RowSource {
  let tensor: Tensor
  let bad: Int?
  /// How often rows were read.
  let reads = Atomic(0)

  init(_ tensor: Tensor, bad: Int? = nil) {
    self.tensor = tensor
    self.bad = bad
  }

  var count: Int { tensor.shape[0] }
  var dimensions: [Int] { Array(tensor.shape.dimensions.dropFirst()) }
  var dtype: DType { tensor.dtype }

  func read(_ row: Int, to target: UnsafeMutableRawPointer) throws {
    reads.add(1, ordering: .relaxed)
    guard row != bad else { throw WaneError("test", "row \(row) is bad", kind: .io) }
    try tensor.rows(row..<row + 1).withBytes { bytes in
      if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
    }
  }

  func mark(_ row: Int) throws -> String { "\(row)" }
}

@Suite struct StoredRowsTests {
  /// A data set whose samples have to be read, and the same in memory.
  private func pair(_ count: Int, bad: Int? = nil) throws -> (
    stored: Dataset, held: Dataset, source: SlowRows
  ) {
    let held = try Samples.images(count)
    let source = try SlowRows(held.inputs, bad: bad)
    let stored = try Dataset(
      columns: [.stored(StoredRows(source))], labels: [held.labels], name: "stored")
    return (stored, held, source)
  }

  @Test func valuesComeInOrderAndBounded() throws {
    let ahead = ReadAhead<Int>(depth: 3)
    var asked: [Int] = []
    func value(_ number: Int) throws -> Int? {
      try ahead.value(number) { number in
        guard number < 10 else { return nil }
        asked.append(number)
        return { _ in number * number }
      }
    }
    for number in 0..<10 {
      #expect(try value(number) == number * number)
      #expect(asked == Array(0..<min(number + 4, 10)))
    }
    #expect(try value(10) == nil)
    // Somewhere else: what was read ahead is given up.
    asked = []
    #expect(try value(4) == 16)
    #expect(try value(2) == 4)
    #expect(asked == [4, 5, 6, 7, 2, 3, 4, 5])
  }

  @Test func failuresComeWhenTheirValueIsDue() throws {
    let ahead = ReadAhead<Int>(depth: 2)
    func value(_ number: Int) throws -> Int? {
      try ahead.value(number) { number in
        if number == 6 { throw WaneError("test", "no job") }
        return { _ in
          if number == 3 { throw WaneError("test", "bad value") }
          return number
        }
      }
    }
    for number in [0, 1, 2] { #expect(try value(number) == number) }
    #expect(Samples.message { _ = try value(3) } == "test: bad value")
    for number in [4, 5] { #expect(try value(number) == number) }
    #expect(Samples.message { _ = try value(6) } == "test: no job")
  }

  @Test func workThatNobodyWaitsForEnds() throws {
    let seen = Mutex<[Cancellation]>([])
    var ahead: ReadAhead<Int>? = ReadAhead(depth: 4)
    _ = try ahead?.value(0) { number in
      { cancellation in
        seen.withLock { $0.append(cancellation) }
        // The first is wanted; those after it wait until somebody gives them up.
        while number > 0 { try cancellation.check() }
        return number
      }
    }
    ahead = nil
    for cancellation in seen.withLock({ $0 }) {
      #expect(throws: WaneError.self) { try cancellation.check() }
    }
  }

  @Test func partsSelectAndReadNothing() throws {
    let (stored, held, source) = try pair(20)
    func parts(_ data: Dataset) throws -> [Dataset] {
      let some = try data.shuffled(seed: 3).slice(2..<15)
      return [
        some, try some.gather([5, 5, 0]), try data.slice(0..<0),
        try Dataset.concatenated([some, held.slice(0..<3), data.slice(18..<20)]),
        try data.weighted(Tensor([Float](repeating: 2, count: 20))).slice(3..<4),
      ]
    }
    let (here, there) = (try parts(held), try parts(stored))
    #expect(source.reads.load(ordering: .relaxed) == 0)
    for (here, there) in zip(here, there) {
      #expect(try here.inputs.array(Float.self) == there.inputs.array(Float.self))
      #expect(here.labels.array(Int32.self) == there.labels.array(Int32.self))
      #expect(there.isStored && !here.isStored)
    }
    #expect(Samples.message { _ = try stored.gather([20]) } == "gather: row 21 of 20")
    #expect(stored.mark != (try stored.shuffled(seed: 1)).mark)
    #expect(stored.mark == (try stored.slice(0..<20)).mark)
  }

  @Test(arguments: [1, 2, 3]) func trainingIsThatOfSamplesInMemory(workers: Int) throws {
    let (stored, held, _) = try pair(30)
    var augmentation = Augmentation()
    augmentation.flip = .both
    augmentation.mixup = 0.5
    augmentation.noise = 0.1
    for change in [nil, augmentation] {
      func trained(_ data: Dataset) throws -> [Float] {
        let run = try TrainingRun(
          Samples.network(dropout: 0.2), data: data.augmented(change),
          options: TrainingOptions(batchSize: 7, seed: 5), epochs: 2,
          pool: WorkerPool(count: workers))
        try run.train(epochs: 1)
        // Beyond the planned end, and after other steps, the order stays that of the steps.
        try run.train(epochs: 3)
        _ = try Profile(run, runs: 1)
        return try Samples.values(run.trainedModel())
      }
      #expect(try trained(stored) == trained(held))
    }
  }

  @Test func runsAreThoseOfSamplesInMemory() throws {
    let (stored, held, _) = try pair(45)
    let model = try Samples.network()
    for (workers, chunk) in [(1, 4), (2, 8), (3, 64)] {
      let session = try InferenceSession(
        model, pool: WorkerPool(count: workers), chunk: chunk)
      let (here, there) = (try session.run(held.columns)[0], try session.run(stored.columns)[0])
      #expect(here.array(Float.self) == there.array(Float.self))
      #expect(try session.run(stored.slice(0..<0).columns)[0].shape.dimensions == [0, 4])
    }
    let wrong = try Dataset(
      columns: [.stored(StoredRows(SlowRows(Samples.floats([3, 2], seed: 1))))],
      labels: [Samples.classes(3, of: 2, seed: 1)])
    #expect(
      Samples.message {
        _ = try InferenceSession(model, pool: WorkerPool(count: 1)).run(wrong.columns)
      } == "predict: the model takes Nx8x8x2, got 0x2")
  }

  @Test func badRowsStopTheStepThatNeedsThem() throws {
    let (stored, _, _) = try pair(12, bad: 7)
    var options = TrainingOptions(batchSize: 2)
    options.shuffles = false
    let run = try TrainingRun(
      Samples.network(), data: stored, options: options, epochs: 3, pool: WorkerPool(count: 2))
    for _ in 0..<3 { try run.runStep() }
    #expect(Samples.message { try run.runStep() } == "test: row 7 is bad")
    #expect(run.step == 3)
    #expect(Samples.message { try run.runStep() } == "test: row 7 is bad")
    #expect(
      Samples.message {
        _ = try Evaluation(Samples.network(), on: stored, pool: WorkerPool(count: 2))
      } == "test: row 7 is bad")
  }
}
