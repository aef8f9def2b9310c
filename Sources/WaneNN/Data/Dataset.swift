import CKernels
import WaneGraph
import WaneTensor

/// Samples and their labels.
///
/// A value whose parts share memory: taking a few samples copies nothing.
public struct Dataset: Sendable {
  /// The samples, the first axis counting them.
  ///
  /// Bytes stand for 0...1: a byte b is the number b / 255, unless the model takes whole numbers.
  public let inputs: Tensor
  /// Classes (i32, `[N]`) or targets (f32, `[N, ...]`).
  public let labels: Tensor
  /// What it is called in messages.
  public let name: String
  /// What the classes are called, class 0 first; empty when nobody said.
  public let classNames: [String]
  /// How samples are changed while a model is trained on them.
  public internal(set) var augmentation: Augmentation?
  /// What each sample counts in a loss, f32 `[N]`; nil for 1 each.
  public private(set) var weights: Tensor?

  /// Joins samples and labels.
  ///
  /// - Throws: when their numbers differ.
  public init(
    inputs: Tensor, labels: Tensor, name: String = "dataset", classNames: [String] = [],
    augmentation: Augmentation? = nil
  ) throws {
    guard inputs.shape.rank > 0, labels.shape.rank > 0, inputs.shape[0] == labels.shape[0] else {
      throw WaneError(
        name, "inputs \(inputs.shape) and labels \(labels.shape) differ in their number of samples")
    }
    guard labels.dtype == .i32 || labels.dtype == .f32 else {
      throw WaneError(name, "labels must be i32 classes or f32 targets, got \(labels.dtype)")
    }
    guard InputLayer.dtypes.contains(inputs.dtype) else {
      throw WaneError(name, "inputs must be f32, i32 or u8, got \(inputs.dtype)")
    }
    self.inputs = inputs
    self.labels = labels
    self.name = name
    self.classNames = classNames
    self.augmentation = augmentation
  }

  /// The same kind of data set with other samples.
  func with(inputs: Tensor, labels: Tensor) throws -> Dataset {
    try Dataset(
      inputs: inputs, labels: labels, name: name, classNames: classNames,
      augmentation: augmentation)
  }

  /// The number of samples.
  public var count: Int { inputs.shape[0] }

  /// The extents of a sample.
  public var sampleDimensions: [Int] { Array(inputs.shape.dimensions.dropFirst()) }

  /// The number of classes: that of their names, or one more than the highest label; nil when labels
  /// are not classes.
  public var classCount: Int? {
    guard labels.dtype == .i32 else { return nil }
    return max(classNames.count, labels.with(Int32.self) { Int($0.max() ?? -1) + 1 })
  }

  /// The samples of a range of positions, from 0.
  public func slice(_ range: Range<Int>) throws -> Dataset {
    let bounded = range.clamped(to: 0..<count)
    var result = try with(inputs: inputs.rows(bounded), labels: labels.rows(bounded))
    result.weights = try weights?.rows(bounded)
    return result
  }

  /// The samples at the given positions, from 0, in that order.
  ///
  /// - Throws: when a position is beyond the end.
  public func gather(_ positions: [Int32]) throws -> Dataset {
    var result = try with(
      inputs: inputs.gatheringRows(positions), labels: labels.gatheringRows(positions))
    result.weights = try weights?.gatheringRows(positions)
    return result
  }

  /// The same samples, counting differently in a loss.
  ///
  /// - Throws: when there is not one f32 number a sample.
  public func weighted(_ weights: Tensor?) throws -> Dataset {
    if let weights {
      guard weights.dtype == .f32, weights.shape.dimensions == [count] else {
        throw WaneError(
          name,
          "weights must be \(count) f32 numbers, got \(weights.shape) \(weights.dtype)")
      }
    }
    var result = self
    result.weights = weights
    return result
  }

  /// The samples in an order that the seed decides.
  public func shuffled(seed: UInt64) throws -> Dataset {
    try gather(Dataset.permutation(count, seed: seed, epoch: 0))
  }

  /// An order of `count` samples, decided by seed and epoch.
  public static func permutation(_ count: Int, seed: UInt64, epoch: Int) throws -> [Int32] {
    guard count <= Int(Int32.max) else {
      throw WaneError("dataset", "\(count) samples are more than can be shuffled")
    }
    var order = [Int32](repeating: 0, count: count)
    wane_random_permutation(seed, RandomStream.shuffle &+ UInt64(epoch), &order, count)
    return order
  }
}

/// The random streams of a run, so that no two uses share numbers.
enum RandomStream {
  static let shuffle: UInt64 = 0x5348_5546_0000_0000
}

extension Tensor {
  /// The rows at the given positions, in that order.
  ///
  /// - Throws: when a position is beyond the end.
  public func gatheringRows(_ positions: [Int32]) throws -> Tensor {
    guard shape.rank > 0 else { throw WaneError("gather", "a scalar has no rows") }
    if let bad = positions.first(where: { $0 < 0 || $0 >= shape[0] }) {
      throw WaneError("gather", "row \(bad + 1) of \(shape[0])")
    }
    let row = shape[0] == 0 ? 0 : byteCount / shape[0]
    var result = try Tensor(
      uninitialized: Shape([positions.count] + shape.dimensions.dropFirst()), dtype)
    try result.withMutableBytes { target in
      withBytes { source in
        guard let to = target.baseAddress, let from = source.baseAddress else { return }
        for (index, position) in positions.enumerated() {
          (to + index * row).copyMemory(from: from + Int(position) * row, byteCount: row)
        }
      }
    }
    return result
  }
}
