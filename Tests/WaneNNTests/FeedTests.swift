import CAllocationCount
import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

@Suite struct FeedTests {
  private static func augmentation() -> Augmentation {
    var augmentation = Augmentation()
    augmentation.flip = .both
    augmentation.shift = (0.25, 0.25)
    augmentation.rotate = 15
    augmentation.zoom = 0.8...1.2
    augmentation.cutout = 0.3
    augmentation.noise = 0.05
    augmentation.mixup = 0.4
    return augmentation
  }

  private static func rows(_ feed: StepFeed, _ positions: [Int32], _ row: Int, epoch: UInt64 = 0)
    throws -> [Float]
  {
    var values = [Float](repeating: -1, count: positions.count * row)
    let scratch = try Storage(byteCount: feed.scratchBytes, for: "test")
    values.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      feed.fill(
        0, base, positions[...], FeedDraw(seed: 3, epoch: epoch), scratch: scratch.pointer)
    }
    return values
  }

  /// A sample is the same in whatever company and order it is asked for, and another next epoch.
  @Test func augmentedSamplesDependOnTheirPositionAlone() throws {
    let data = try Samples.images(6).augmented(Self.augmentation())
    let feed = try data.feed(targets: [])
    let row = 8 * 8 * 2
    let all = try Self.rows(feed, [0, 1, 2, 3, 4, 5], row)
    for position in 0..<6 {
      let alone = try Self.rows(feed, [Int32(position)], row)
      #expect(alone == Array(all[position * row..<(position + 1) * row]))
    }
    #expect(try Self.rows(feed, [5, 0], row) == Array(all[5 * row..<6 * row] + all[0..<row]))
    #expect(try Self.rows(feed, [0, 1, 2, 3, 4, 5], row, epoch: 1) != all)
    #expect(all.allSatisfy { $0.isFinite })
  }

  @Test func bytesAndFloatsAreChangedAlike() throws {
    var augmentation = Self.augmentation()
    augmentation.noise = 0
    let bytes = try Tensor((0..<4 * 36).map { UInt8($0 * 7 % 256) }, Shape([4, 6, 6, 1]))
    let labels = try Tensor([0, 1, 0, 1] as [Int32])
    func batch(_ inputs: Tensor) throws -> (inputs: Tensor, labels: Tensor) {
      let data = try Dataset(inputs: inputs, labels: labels).augmented(augmentation)
      let batch = try #require(try Batches(data, size: 4, seed: 5).nextBatch())
      return (batch.inputs[0], batch.labels[0])
    }
    let (a, b) = (try batch(bytes), try batch(bytes.converted(to: .f32)))
    #expect(a.inputs.dtype == .u8)
    let (x, y) = (a.inputs.array(UInt8.self), b.inputs.array(Float.self))
    // Once for the warp and once for the mix, rounding moves a byte by one half.
    #expect(zip(x, y).allSatisfy { abs(Float($0) - $1) <= 1.01 })
    #expect(a.labels.array(Float.self) == b.labels.array(Float.self))
    #expect(a.labels.shape.dimensions == [4, 2])
  }

  /// The same seed gives the same images whatever the number of threads.
  @Test func trainingRepeatsOnOtherThreads() throws {
    let data = try Samples.images(24).augmented(Self.augmentation())
    func losses(_ threads: Int) throws -> [Double] {
      let run = try TrainingRun(
        Samples.network(), data: data, options: TrainingOptions(batchSize: 8, seed: 7), epochs: 2,
        pool: WorkerPool(count: threads))
      return try (0..<6).map { _ in try run.runStep().loss }
    }
    let (one, three) = (try losses(1), try losses(3))
    #expect(zip(one, three).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(try losses(3) == three)
    let plain = try TrainingRun(
      Samples.network(), data: Samples.images(24), options: TrainingOptions(batchSize: 8, seed: 7),
      epochs: 2, pool: WorkerPool(count: 1))
    #expect(try plain.runStep().loss != one[0])
  }

  @Test func mixingMakesClassesTargetsOfACrossEntropy() throws {
    var augmentation = Augmentation()
    augmentation.mixup = 0.2
    let data = try Samples.images(8).augmented(augmentation)
    let run = try TrainingRun(
      Samples.network(), data: data, options: TrainingOptions(batchSize: 8), epochs: 1,
      pool: WorkerPool(count: 1))
    #expect(run.options.loss == .crossEntropy)
    #expect(run.data.labels.shape.dimensions == [8, 4])
    #expect(try run.runStep().countsHits)
  }

  @Test func evaluationSeesSamplesAsTheyAre() throws {
    let data = try Samples.images(12)
    let pool = try WorkerPool(count: 1)
    let model = try Samples.network()
    let plain = try Evaluation(model, on: data, pool: pool)
    let augmented = try Evaluation(model, on: data.augmented(Self.augmentation()), pool: pool)
    #expect(plain.loss == augmented.loss && plain.predictions == augmented.predictions)
  }

  @Test func partsKeepNamesAndAugmentation() throws {
    let images = try Samples.images(6)
    let data = try Dataset(
      inputs: images.inputs, labels: images.labels, classNames: ["a", "b", "c", "d", "e"]
    ).augmented(Self.augmentation())
    #expect(data.classCount == 5)
    for part in [try data.slice(1..<3), try data.gather([2, 2]), try data.shuffled(seed: 1)] {
      #expect(part.classNames == data.classNames && part.augmentation == data.augmentation)
    }
    #expect(try data.augmented(nil).augmentation == nil)
    let joined = try Dataset.concatenated([data, data.slice(0..<2)])
    #expect(joined.count == 8 && joined.augmentation == data.augmentation)
    #expect(Samples.message { _ = try Dataset.concatenated([]) } == "concat: no data sets to join")
  }

  @Test func batchesCoverEachSampleOnce() throws {
    let inputs = try Tensor((0..<10).map { UInt8($0) }, Shape([10, 1]))
    let data = try Dataset(inputs: inputs, labels: Tensor((0..<10).map { Int32($0) }))
    for size in [1, 3, 5, 10, 99, Int.max] {
      for shuffles in [false, true] {
        for drops in [false, true] {
          let batches = try Batches(
            data, size: size, shuffles: shuffles, seed: 2, dropsLast: drops)
          var (seen, count): ([UInt8], Int) = ([], 0)
          while let batch = try batches.nextBatch() {
            count += 1
            let positions = batch.inputs[0].array(UInt8.self)
            seen += positions
            #expect(batch.labels[0].array(Int32.self).map { UInt8($0) } == positions)
          }
          #expect(count == batches.count)
          let expected = drops ? 10 / min(size, 11) * min(size, 11) : 10
          #expect(seen.count == expected && Set(seen).count == expected)
          if !shuffles { #expect(seen == Array(0..<UInt8(expected))) }
        }
      }
    }
    #expect(
      Samples.message { _ = try Batches(data, size: 0) } == "batches: size must be positive, got 0")
  }

  /// Neither rows of a tensor nor augmented images allocate while they are fed.
  @Test func fillingAllocatesNothing() throws {
    let data = try Samples.images(32)
    let positions = ArraySlice((0..<32).map { Int32($0) })
    for feed in [
      try data.feed(targets: []), try data.augmented(Self.augmentation()).feed(targets: []),
    ] {
      let scratch = try Storage(byteCount: feed.scratchBytes, for: "test")
      let target = try Storage(byteCount: data.inputs.byteCount, for: "test")
      let fill = {
        feed.fill(
          0, target.pointer, positions, FeedDraw(seed: 1, epoch: 0), scratch: scratch.pointer)
      }
      fill()
      let before = allocation_count()
      fill()
      #expect(allocation_count() == before)
    }
  }

  @Test func wrongNumbersAreRefused() throws {
    let data = try Samples.images(4)
    func message(_ change: (inout Augmentation) -> Void) -> String? {
      var augmentation = Augmentation()
      change(&augmentation)
      return Samples.message { _ = try data.augmented(augmentation) }
    }
    #expect(message { $0.rotate = 200 } == "augment: rotate must be in [0, 180], got 200")
    #expect(message { $0.shift.width = .nan } != nil)
    #expect(message { $0.zoom = 0...1 } == "augment: zoom must be in [0.01, 100], got 0")
    #expect(message { $0.cutout = -0.5 } == "augment: cutout must be in [0, 1], got -0.5")
    #expect(message { $0.mixup = .infinity } == "augment: mixup must be in [0, 100], got inf")
    let vectors = try Dataset(
      inputs: Samples.floats([3, 4], seed: 1), labels: Samples.classes(3, of: 2, seed: 1))
    var flip = Augmentation()
    flip.flip = .horizontal
    #expect(
      Samples.message { _ = try vectors.augmented(flip) }
        == "augment: only images (height x width x channels) can be moved, got samples of 4")
  }
}
