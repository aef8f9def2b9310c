import CKernels
import WaneGraph
import WaneTensor

/// A walk over a data set, a batch at a time, changed by its augmentation.
///
/// While one batch is worked with, the next is put together on a thread of its own; where rows have to
/// be read, as many as there are processors.
public final class Batches {
  /// How many batches there are.
  public let count: Int
  private let source: BatchSource
  private let inputCount: Int
  private var next = 0
  private let ahead: ReadAhead<[Tensor]>

  /// Starts a walk.
  ///
  /// - Parameters:
  ///   - data: what to walk over; classes become one-hot where its augmentation mixes samples.
  ///   - size: samples of a batch.
  ///   - shuffles: whether they come in an order that the seed decides.
  ///   - seed: decides the order and what is random about the samples.
  ///   - dropsLast: whether a last batch that is smaller is left out.
  /// - Throws: when the size is not positive or memory cannot be had.
  public init(
    _ data: Dataset, size: Int, shuffles: Bool = false, seed: UInt64 = 0, dropsLast: Bool = false
  ) throws {
    guard size > 0 else { throw WaneError("batches", "size must be positive, got \(size)") }
    inputCount = data.columns.count
    ahead = ReadAhead(depth: data.isStored ? max(2, WorkerPool.processorCount) : 1)
    source = try BatchSource(data, size: size, shuffles: shuffles, seed: seed)
    count = dropsLast ? data.count / size : data.count / size + (data.count % size == 0 ? 0 : 1)
  }

  /// The next batch, a tensor an input and one an output; nil after the last.
  ///
  /// - Throws: when memory cannot be had, or a sample cannot be read.
  public func nextBatch() throws -> (inputs: [Tensor], labels: [Tensor])? {
    let batch = try ahead.value(next) { [source, count] number in
      guard number < count else { return nil }
      return { try source.batch(number, $0) }
    }
    guard let batch else { return nil }
    next += 1
    // Allocated on the other thread, so the collector has not heard of them.
    wane_external_bytes_add(batch.reduce(0) { $0 + Int64($1.byteCount) })
    return (Array(batch[..<inputCount]), Array(batch[inputCount...]))
  }
}

/// Puts the batches of a walk together, in any order.
private struct BatchSource: Sendable {
  private let data: Dataset
  private let feed: StepFeed
  private let order: [Int32]
  private let size: Int
  private let draw: FeedDraw

  init(_ data: Dataset, size: Int, shuffles: Bool, seed: UInt64) throws {
    let data = try data.mixableByLabels()
    self.data = data
    feed = try data.feed(targets: data.allLabels)
    order =
      shuffles
      ? try Dataset.permutation(data.count, seed: seed, epoch: 0)
      : (0..<Int32(clamping: data.count)).map { $0 }
    self.size = size
    draw = FeedDraw(seed: seed, epoch: 0)
  }

  func batch(_ index: Int, _ cancellation: Cancellation) throws -> [Tensor] {
    let start = index * size
    // Their indices count the samples of the batch.
    let positions = Array(order[start..<start + min(size, order.count - start)])[...]
    let feed =
      data.isStored
      ? try data.feed(targets: data.allLabels, read: data.reading(positions, draw)(cancellation))
      : feed
    return try feed.tensors(data.kinds, positions, draw)
  }
}

extension Dataset {
  /// The extents and type of what is fed of each sample: inputs, then labels.
  var kinds: [(dimensions: [Int], dtype: DType)] {
    (columns + allLabels.map { .tensor($0) }).map { ($0.rowDimensions, $0.dtype) }
  }

  /// The data set with targets in place of classes that are to be mixed, as many as the labels tell
  /// of.
  func mixableByLabels() throws -> Dataset {
    for labels in allLabels where labels.dtype == .i32 && labels.shape.rank > 1 {
      guard let augmentation, augmentation.mixup > 0 else { break }
      throw WaneError(
        "augment",
        "mixup of labels \(labels.shape) i32 needs a model that tells whether they are classes: make "
          + "them f32, or one-hot")
    }
    return try mixable { index in
      (index == 0 ? classCount ?? 0 : allLabels[index].classCount, false)
    } ?? self
  }
}

extension StepFeed {
  /// The rows of some samples, a tensor a column.
  ///
  /// - Parameters:
  ///   - kinds: the extents and type of a row of each column.
  ///   - positions: the samples.
  ///   - draw: decides what is random.
  /// - Returns: what the feed gives for them.
  /// - Throws: when memory cannot be had.
  func tensors(
    _ kinds: [(dimensions: [Int], dtype: DType)], _ positions: ArraySlice<Int32>, _ draw: FeedDraw
  ) throws -> [Tensor] {
    let scratch = try Storage(byteCount: scratchBytes, for: "batches")
    return try kinds.enumerated().map { column, kind in
      var batch = try Tensor(
        uninitialized: Shape([positions.count] + kind.dimensions), kind.dtype, for: "batches")
      try batch.withMutableBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        fill(column, base, positions, draw, scratch: scratch.pointer)
      }
      return batch
    }
  }
}
