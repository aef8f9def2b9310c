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
  ///   - positions: the rows, counted from 0, all of which exist.
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

/// The rows of a tensor, as they are.
public struct TensorFeed: Feed {
  let tensor: Tensor

  /// Feeds the rows of a tensor.
  public init(_ tensor: Tensor) { self.tensor = tensor }

  /// None.
  public var scratchBytes: Int { 0 }

  /// Copies rows.
  public func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    tensor.withBytes { source in
      guard let base = source.baseAddress else { return }
      let row = source.count / max(tensor.shape[0], 1)
      var to = target
      for index in positions.indices {
        to.copyMemory(from: base + Int(positions[index]) * row, byteCount: row)
        to += row
      }
    }
  }
}

/// Samples that are changed at random: mirrored, moved, turned, covered, made noisy, mixed.
struct AugmentedFeed: Feed {
  private let tensor: Tensor
  private let options: wane_augmentation
  private let seed: UInt64
  private let warps: Bool
  /// Height, width, channels; one pixel of many channels for samples that are no images.
  private let (height, width, channels): (Int32, Int32, Int32)
  private let row: Int

  /// Feeds samples through an augmentation.
  ///
  /// - Throws: when samples are whole numbers, or pixels shall move in samples that are not images
  ///   `[H, W]` or `[H, W, C]`.
  init(_ tensor: Tensor, _ augmentation: Augmentation) throws {
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
    self.tensor = tensor
    options = augmentation.options
    seed = augmentation.seed
    warps = augmentation.warps
    row = tensor.byteCount / max(tensor.shape[0], 1)
  }

  var scratchBytes: Int { options.mixup > 0 ? row : 0 }

  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    // Two seeds, one key: Philox scatters any bijection of them.
    let key = draw.seed &+ seed &* 0x9E37_79B9_7F4A_7C15
    var options = options
    let count = Int64(row / tensor.dtype.byteCount)
    tensor.withBytes { source in
      guard let base = source.baseAddress else { return }
      for index in positions.indices {
        let position = positions[index]
        let to = target + (index - positions.startIndex) * row
        warp(base, position, to, key, draw.epoch)
        if options.mixup > 0, let scratch {
          var (partner, weight): (Int32, Float) = (0, 1)
          wane_augment_draw_mix(
            &options, key, draw.epoch, UInt64(position), Int32(clamping: tensor.shape[0]), &partner,
            &weight)
          warp(base, partner, scratch, key, draw.epoch)
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
    _ base: UnsafeRawPointer, _ position: Int32, _ to: UnsafeMutableRawPointer, _ key: UInt64,
    _ epoch: UInt64
  ) {
    let from = base + Int(position) * row
    guard warps else { return to.copyMemory(from: from, byteCount: row) }
    var options = options
    var warp = wane_warp()
    wane_augment_draw(&options, key, epoch, UInt64(position), height, width, &warp)
    if tensor.dtype == .u8 {
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
  private let tensor: Tensor
  private let options: wane_augmentation
  private let seed: UInt64

  /// Feeds f32 targets.
  init(_ tensor: Tensor, _ augmentation: Augmentation) {
    self.tensor = tensor
    options = augmentation.options
    seed = augmentation.seed
  }

  var scratchBytes: Int { 0 }

  func fill(
    _ target: UnsafeMutableRawPointer, _ positions: ArraySlice<Int32>, _ draw: FeedDraw,
    scratch: UnsafeMutableRawPointer?
  ) {
    let key = draw.seed &+ seed &* 0x9E37_79B9_7F4A_7C15
    let row = tensor.count / max(tensor.shape[0], 1)
    var options = options
    let to = target.assumingMemoryBound(to: Float.self)
    tensor.with(Float.self) { source in
      guard let base = source.baseAddress else { return }
      for index in positions.indices {
        let position = positions[index]
        var (partner, weight): (Int32, Float) = (0, 1)
        wane_augment_draw_mix(
          &options, key, draw.epoch, UInt64(position), Int32(clamping: tensor.shape[0]), &partner,
          &weight)
        let result = to + (index - positions.startIndex) * row
        result.update(from: base + Int(position) * row, count: row)
        wane_mix_f32(result, base + Int(partner) * row, weight, Int64(row))
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
