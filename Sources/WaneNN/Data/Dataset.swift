import CKernels
import WaneGraph
import WaneTensor

/// Samples and their labels.
///
/// A value whose parts share memory: taking a few samples copies nothing.
public struct Dataset: Sendable {
  /// The samples, the first axis counting them: what each input of a model is fed.
  ///
  /// Bytes stand for 0...1: a byte b is the number b / 255, unless the model takes whole numbers.
  public let columns: [Column]
  /// Classes (i32, `[N]`) or targets (f32, `[N, ...]`).
  public let labels: Tensor
  /// The labels of further outputs of a model.
  public let otherLabels: [Tensor]
  /// Which inputs of a model all these belong to, by name; empty for those of the model in order.
  public let inputNames: [String]
  /// Which outputs of a model the labels belong to, by name; empty for those of the model in order.
  public let labelNames: [String]
  /// What it is called in messages.
  public let name: String
  /// What the classes are called, class 0 first; empty when nobody said.
  public let classNames: [String]
  /// How samples are changed while a model is trained on them.
  public internal(set) var augmentation: Augmentation?
  /// Which of several inputs is changed.
  var augmentedInput = 0
  /// What each sample counts in a loss, f32 `[N]`, or each of its steps, `[N, T]`; nil for 1 each.
  public private(set) var weights: Tensor?

  /// Joins samples and labels of a model with one input and one output.
  ///
  /// - Throws: when their numbers differ.
  public init(
    inputs: Tensor, labels: Tensor, name: String = "dataset", classNames: [String] = [],
    augmentation: Augmentation? = nil
  ) throws {
    try self.init(
      columns: [inputs], labels: [labels], name: name, classNames: classNames,
      augmentation: augmentation)
  }

  /// Joins samples in memory and labels.
  ///
  /// - Throws: when their numbers differ.
  public init(
    columns: [Tensor], labels: [Tensor], inputNames: [String] = [], labelNames: [String] = [],
    name: String = "dataset", classNames: [String] = [], augmentation: Augmentation? = nil
  ) throws {
    try self.init(
      columns: columns.map { .tensor($0) }, labels: labels, inputNames: inputNames,
      labelNames: labelNames, name: name, classNames: classNames, augmentation: augmentation)
  }

  /// Joins samples, wherever they are, and labels.
  ///
  /// - Parameters:
  ///   - columns: what each input of a model is fed.
  ///   - labels: the labels of each output.
  ///   - inputNames: the names of the inputs, if they are not those of the model in order.
  ///   - labelNames: the names of the outputs.
  ///   - name: what it is called in messages.
  ///   - classNames: what the classes of the first labels are called.
  ///   - augmentation: how samples are changed in training.
  /// - Throws: when their numbers differ.
  public init(
    columns: [Column], labels: [Tensor], inputNames: [String] = [], labelNames: [String] = [],
    name: String = "dataset", classNames: [String] = [], augmentation: Augmentation? = nil
  ) throws {
    guard !columns.isEmpty, let target = labels.first else {
      throw WaneError(name, columns.isEmpty ? "there are no inputs" : "there are no labels")
    }
    guard inputNames.isEmpty || inputNames.count == columns.count,
      labelNames.isEmpty || labelNames.count == labels.count
    else { throw WaneError(name, "there must be a name for each tensor, or none") }
    let count = labels.count
    for (index, input) in columns.enumerated() {
      let place = Dataset.place(index, columns.count, inputNames)
      for (number, labels) in labels.enumerated() where index == 0 || number == 0 {
        guard input.shape.rank > 0, labels.shape.rank > 0, input.shape[0] == labels.shape[0] else {
          let other = Dataset.place(number, count, labelNames)
          throw WaneError(
            name,
            "inputs\(place) \(input.shape) and labels\(other) \(labels.shape) differ in their number"
              + " of samples")
        }
      }
      guard InputLayer.dtypes.contains(input.dtype) else {
        throw WaneError(name, "inputs\(place) must be f32, i32 or u8, got \(input.dtype)")
      }
    }
    for (index, labels) in labels.enumerated() where labels.dtype != .i32 && labels.dtype != .f32 {
      let place = Dataset.place(index, count, labelNames)
      throw WaneError(
        name, "labels\(place) must be i32 classes or f32 targets, got \(labels.dtype)")
    }
    self.columns = columns
    self.labels = target
    otherLabels = Array(labels.dropFirst())
    self.inputNames = inputNames
    self.labelNames = labelNames
    self.name = name
    self.classNames = classNames
    self.augmentation = augmentation
  }

  /// How messages tell one of several tensors: ` 'left'`, ` #2`; nothing where there is but one.
  private static func place(_ index: Int, _ count: Int, _ names: [String]) -> String {
    if names.indices.contains(index) { return " '\(names[index])'" }
    return count < 2 ? "" : " #\(index + 1)"
  }

  /// The same kind of data set with other samples, their columns as they were.
  func with(_ columns: [Column], labels: [Tensor]) throws -> Dataset {
    var result = try Dataset(
      columns: columns, labels: labels, inputNames: inputNames, labelNames: labelNames,
      name: name, classNames: classNames, augmentation: augmentation)
    result.augmentedInput = augmentedInput
    return result
  }

  /// The number of samples.
  public var count: Int { labels.shape[0] }

  /// The extents of a sample, those of its first input.
  public var sampleDimensions: [Int] { columns.first?.rowDimensions ?? [] }

  /// The number of classes: that of their names, or one more than the highest label; nil when labels
  /// are not classes, or nobody can tell whether several of a sample are.
  public var classCount: Int? {
    guard labels.dtype == .i32 else { return nil }
    guard labels.shape.rank == 1 else { return classNames.isEmpty ? nil : classNames.count }
    return max(classNames.count, labels.classCount)
  }

  /// The samples of a range of positions, from 0.
  public func slice(_ range: Range<Int>) throws -> Dataset {
    let bounded = range.clamped(to: 0..<count)
    var result = try with(
      columns.map { try $0.rows(bounded) }, labels: allLabels.map { try $0.rows(bounded) })
    result.weights = try weights?.rows(bounded)
    return result
  }

  /// The samples at the given positions, from 0, in that order.
  ///
  /// - Throws: when a position is beyond the end.
  public func gather(_ positions: [Int32]) throws -> Dataset {
    var result = try with(
      columns.map { try $0.gathering(positions) },
      labels: allLabels.map { try $0.gatheringRows(positions) })
    result.weights = try weights?.gatheringRows(positions)
    return result
  }

  /// The same samples, counting differently in a loss.
  ///
  /// - Throws: when there is not one f32 number a sample, or as many for each.
  public func weighted(_ weights: Tensor?) throws -> Dataset {
    if let weights {
      let shape = weights.shape
      guard weights.dtype == .f32, (1...2).contains(shape.rank), shape[0] == count,
        shape.rank == 1 || shape[1] > 0
      else {
        throw WaneError(
          name,
          "weights must be \(count) f32 numbers, or a row for each of \(count) samples, "
            + "got \(shape) \(weights.dtype)")
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
  /// One more than the highest of i32 classes.
  var classCount: Int { with(Int32.self) { Int($0.max() ?? -1) + 1 } }

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
