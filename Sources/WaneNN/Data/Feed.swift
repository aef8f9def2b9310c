import CKernels
import WaneTensor

/// What the inputs of a step are filled from, row by row.
///
/// Training, its profile and the batches that scripts walk over take their samples through one of
/// these. Rows of a tensor are copied; a feed of images may change them on the way. Filling runs on
/// the workers, several at once, each with scratch memory of its own.
public protocol Feed: Sendable {
  /// Bytes of scratch memory that filling takes.
  var scratchBytes: Int { get }

  /// Writes rows.
  ///
  /// - Parameters:
  ///   - target: as many bytes as the rows have.
  ///   - positions: the rows, counted from 0, all of which exist. Their indices count the samples of
  ///     the step.
  ///   - draw: decides what is random.
  ///   - scratch: `scratchBytes` bytes.
  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?)
}

/// What decides the random part of a feed, beside the position of the sample.
public struct FeedDraw: Sendable {
  /// The seed of the run.
  public var seed: UInt64
  /// The epoch, from 0.
  public var epoch: UInt64

  /// Describes a draw.
  public init(seed: UInt64, epoch: UInt64) {
    self.seed = seed
    self.epoch = epoch
  }
}

/// Where a feed finds the rows of a step.
struct FeedRows: Sendable {
  /// Which rows there are.
  enum Extent {
    /// All of a data set, in its order.
    case whole
    /// Those that were read for a step, in the order of its samples, and after them those that they
    /// are mixed with.
    case read
    /// Those of a step, in the order of its samples, which are mixed among each other.
    case batch
  }

  /// The rows.
  let tensor: Tensor
  /// How many rows there are to mix one with.
  let count: Int
  private let extent: Extent
  /// The bytes of a row.
  let byteCount: Int

  /// The rows of a column that is in memory, or what was read of another.
  ///
  /// - Parameters:
  ///   - column: the whole column.
  ///   - read: the rows of a step, where the column is stored; nil when there is nothing to be fed yet.
  /// - Throws: when memory cannot be had.
  init(_ column: Column, read: Tensor?) throws {
    count = column.shape[0]
    byteCount = column.rowByteCount
    extent = column.isStored ? .read : .whole
    if case .tensor(let tensor) = column {
      self.tensor = tensor
    } else {
      tensor = try read ?? Tensor(uninitialized: Shape([0] + column.rowDimensions), column.dtype)
    }
  }

  /// The rows of a tensor: those of a whole data set, or of a step.
  init(_ tensor: Tensor, _ extent: Extent) {
    self.tensor = tensor
    self.extent = extent
    count = tensor.shape[0]
    byteCount = tensor.byteCount / max(count, 1)
  }

  /// Where the row of a sample of the step begins, in bytes.
  func offset(sample: Int, position: Int32) -> Int {
    (extent == .whole ? Int(position) : sample) * byteCount
  }

  /// Where the row begins that a sample of the step is mixed with, in bytes.
  func partnerOffset(sample: Int, partner: Int32) -> Int {
    (extent == .read ? tensor.shape[0] / 2 + sample : Int(partner)) * byteCount
  }
}

/// Rows as they are.
struct PlainFeed: Feed {
  let rows: FeedRows

  var scratchBytes: Int { 0 }

  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    rows.tensor.withBytes { source in
      guard let base = source.baseAddress else { return }
      let row = rows.byteCount
      var to = target
      for index in positions.indices {
        to.copyMemory(
          from: base + rows.offset(sample: index, position: positions[index]), byteCount: row)
        to += row
      }
    }
  }
}

/// Samples that are changed at random: mirrored, moved, turned, covered, made noisy, mixed.
struct AugmentedFeed: Feed {
  private let rows: FeedRows
  private let augmentation: Augmentation
  private let options: wane_augmentation
  /// Height, width, channels; one pixel of many channels for samples that are no images.
  private let (height, width, channels): (Int32, Int32, Int32)

  /// Feeds samples through an augmentation.
  ///
  /// - Throws: when samples are whole numbers, or pixels shall move in samples that are not images
  ///   `[H, W]` or `[H, W, C]`.
  init(_ rows: FeedRows, _ augmentation: Augmentation) throws {
    let tensor = rows.tensor
    guard tensor.dtype == .f32 || tensor.dtype == .u8 else {
      throw WaneError("augment", "samples must be f32 or u8, got \(tensor.dtype)")
    }
    let sample = Array(tensor.shape.dimensions.dropFirst())
    let isImage = (2...3).contains(sample.count)
    guard isImage || !augmentation.warps else {
      throw WaneError(
        "augment",
        "only images (height x width x channels) can be moved, got samples of "
          + Shape.text(sample))
    }
    let extents = isImage ? sample + (sample.count == 2 ? [1] : []) : [1, 1, sample.reduce(1, *)]
    guard extents.allSatisfy({ $0 <= 1 << 20 }) || !augmentation.warps else {
      throw WaneError("augment", "images of \(Shape.text(sample)) are too large")
    }
    (height, width, channels) = (
      Int32(clamping: extents[0]), Int32(clamping: extents[1]), Int32(clamping: extents[2])
    )
    self.rows = rows
    self.augmentation = augmentation
    options = augmentation.options
  }

  var scratchBytes: Int { options.mixup > 0 ? rows.byteCount : 0 }

  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    let (key, tensor, row) = (augmentation.key(draw), rows.tensor, rows.byteCount)
    let count = Int64(row / tensor.dtype.byteCount)
    tensor.withBytes { source in
      guard let base = source.baseAddress else { return }
      for index in positions.indices {
        let position = positions[index]
        let to = target + (index - positions.startIndex) * row
        let from = base + rows.offset(sample: index, position: position)
        warp(from, position, to, key, draw.epoch)
        if options.mixup > 0, let scratch {
          let (partner, weight) = augmentation.mix(position, of: rows.count, draw)
          warp(
            base + rows.partnerOffset(sample: index, partner: partner), partner, scratch, key,
            draw.epoch)
          if tensor.dtype == .u8 {
            wane_mix_u8(
              to.assumingMemoryBound(to: UInt8.self), scratch.assumingMemoryBound(to: UInt8.self),
              weight, count)
          } else {
            wane_mix_f32(
              to.assumingMemoryBound(to: Float.self), scratch.assumingMemoryBound(to: Float.self),
              weight, count)
          }
        }
        guard options.noise > 0 else { continue }
        if tensor.dtype == .u8 {
          wane_noise_u8(
            key, draw.epoch, UInt64(position), options.noise,
            to.assumingMemoryBound(to: UInt8.self), count)
        } else {
          wane_noise_f32(
            key, draw.epoch, UInt64(position), options.noise,
            to.assumingMemoryBound(to: Float.self), count)
        }
      }
    }
  }

  private func warp(
    _ from: UnsafeRawPointer, _ position: Int32, _ to: UnsafeMutableRawPointer, _ key: UInt64,
    _ epoch: UInt64
  ) {
    guard augmentation.warps else {
      return to.copyMemory(from: from, byteCount: rows.byteCount)
    }
    var options = options
    var warp = wane_warp()
    wane_augment_draw(&options, key, epoch, UInt64(position), height, width, &warp)
    if rows.tensor.dtype == .u8 {
      wane_warp_u8(
        from.assumingMemoryBound(to: UInt8.self), height, width, channels, &warp,
        to.assumingMemoryBound(to: UInt8.self))
    } else {
      wane_warp_f32(
        from.assumingMemoryBound(to: Float.self), height, width, channels, &warp,
        to.assumingMemoryBound(to: Float.self))
    }
  }
}

/// Targets that are mixed as the samples of an augmentation are.
struct MixedFeed: Feed {
  /// The rows, f32.
  let rows: FeedRows
  let augmentation: Augmentation

  var scratchBytes: Int { 0 }

  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    let row = rows.byteCount / DType.f32.byteCount
    let to = target.assumingMemoryBound(to: Float.self)
    rows.tensor.withBytes { source in
      guard let base = source.baseAddress else { return }
      func floats(_ offset: Int) -> UnsafePointer<Float> {
        (base + offset).assumingMemoryBound(to: Float.self)
      }
      for index in positions.indices {
        let position = positions[index]
        let (partner, weight) = augmentation.mix(position, of: rows.count, draw)
        let result = to + (index - positions.startIndex) * row
        result.update(from: floats(rows.offset(sample: index, position: position)), count: row)
        wane_mix_f32(
          result, floats(rows.partnerOffset(sample: index, partner: partner)), weight, Int64(row))
      }
    }
  }
}

/// The feeds of a step's inputs, in order.
public struct StepFeed: Sendable {
  private let columns: [any Feed]

  /// Joins feeds.
  public init(_ columns: [any Feed]) { self.columns = columns }

  /// The number of inputs.
  public var count: Int { columns.count }

  /// Bytes of scratch memory for one worker.
  public var scratchBytes: Int { columns.map(\.scratchBytes).max() ?? 0 }

  /// Writes rows for one input.
  public func fill(
    _ column: Int, _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>,
    _ draw: FeedDraw, scratch: UnsafeMutableRawPointer?
  ) {
    columns[column].fill(target, positions, draw, scratch: scratch)
  }
}
