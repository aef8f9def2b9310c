import CKernels
import WaneTensor

/// Samples that come one after the other, and again in each epoch: more than memory holds, or never
/// the same.
public struct SampleStream: Sendable {
  /// One sample: a tensor an input, and one an output.
  public struct Sample: Sendable {
    /// What each input is fed.
    public let inputs: [Tensor]
    /// What each output is compared with: a class (i32 scalar) or targets (f32).
    public let labels: [Tensor]
    /// Which inputs of a model these are, by name; empty for those of the model in order.
    public let inputNames: [String]
    /// Which outputs of a model the labels belong to, by name.
    public let labelNames: [String]

    /// Joins the parts of a sample.
    public init(
      inputs: [Tensor], labels: [Tensor], inputNames: [String] = [], labelNames: [String] = []
    ) {
      self.inputs = inputs
      self.labels = labels
      self.inputNames = inputNames
      self.labelNames = labelNames
    }

    /// The sample with some of its labels as f32.
    fileprivate func withTargets(at places: Set<Int>) throws -> Sample {
      Sample(
        inputs: inputs,
        labels: try labels.enumerated().map { index, label in
          try places.contains(index) ? label.converted(to: .f32) : label
        }, inputNames: inputNames, labelNames: labelNames)
    }

    /// Its tensors, for messages.
    fileprivate var form: String {
      func text(_ tensors: [Tensor], _ names: [String]) -> String {
        tensors.enumerated().map { index, tensor in
          let name = names.indices.contains(index) ? "'\(names[index])' " : ""
          return "\(name)\(tensor.shape) \(tensor.dtype)"
        }.joined(separator: ", ")
      }
      return "\(text(inputs, inputNames)) with label \(text(labels, labelNames))"
    }
  }

  /// What it is called in messages.
  public let name: String
  /// What the classes are called, class 0 first; empty when nobody said.
  public let classNames: [String]
  /// The most samples of an epoch; what schedules and progress count on.
  public let limit: Int?
  /// How many samples are held for shuffling.
  public let buffer: Int
  /// How samples are changed while a model is trained on them.
  public internal(set) var augmentation: Augmentation?

  /// Describes a stream.
  ///
  /// - Throws: when a number is out of range.
  public init(name: String, classNames: [String], limit: Int?, buffer: Int) throws {
    guard (1...Int(Int32.max)).contains(limit ?? 1) else {
      throw WaneError(name, "limit must be between 1 and \(Int32.max), got \(limit ?? 0)")
    }
    guard buffer > 0 else { throw WaneError(name, "buffer must be positive, got \(buffer)") }
    self.name = name
    self.classNames = classNames
    self.limit = limit
    self.buffer = buffer
  }

  /// What tells it from other streams as far as that can be told.
  var mark: String {
    "a limit of \(limit.map { "\($0)" } ?? "nothing") and a buffer of \(buffer)"
  }

  /// The same stream, whose samples are changed at random while a model is trained on them.
  ///
  /// - Throws: when a number is out of range.
  public func augmented(_ augmentation: Augmentation?) throws -> SampleStream {
    var result = self
    result.augmentation = try augmentation?.validated()
    return result
  }
}

/// The samples of one epoch of a stream, put together to batches.
///
/// Shuffled, a sample is drawn from a buffer of a bounded number of them, and the next one of the
/// stream takes its place: a sample cannot come earlier than its place in the stream less the buffer.
public struct StreamBatches {
  private let stream: SampleStream
  private let size: Int
  private let buffer: Int
  private let seed: UInt64
  private let epoch: Int
  private var held: [(number: Int32, sample: SampleStream.Sample)] = []
  private var drawn = 0
  private var taken = 0
  private var hasEnded = false

  /// Begins an epoch.
  ///
  /// - Parameters:
  ///   - stream: what the samples are of.
  ///   - size: samples of a batch, at least 1.
  ///   - shuffles: whether they come in an order that the seed decides.
  ///   - seed: decides the order.
  ///   - epoch: the number of the epoch, from 0.
  public init(_ stream: SampleStream, size: Int, shuffles: Bool, seed: UInt64, epoch: Int) {
    self.stream = stream
    self.size = max(size, 1)
    self.seed = seed
    self.epoch = epoch
    buffer = shuffles ? stream.buffer : 1
  }

  /// The next batch; nil after the last.
  ///
  /// - Parameter next: gives the next sample of the stream, nil at its end.
  /// - Returns: the samples, and their numbers in the stream, from 0.
  /// - Throws: what `next` throws; when samples differ in shape or type, or memory cannot be had.
  public mutating func nextBatch(
    _ next: () throws -> SampleStream.Sample?
  ) throws -> StreamBatch? {
    var samples: [SampleStream.Sample] = []
    var numbers: [Int32] = []
    while samples.count < size, let (number, sample) = try draw(next) {
      samples.append(sample)
      numbers.append(number)
    }
    guard var first = samples.first else { return nil }
    // Labels that are whole numbers and others are targets together.
    let mixed = first.labels.indices.filter { index in
      samples.contains {
        $0.labels.indices.contains(index) && $0.labels[index].dtype != first.labels[index].dtype
      }
    }
    if !mixed.isEmpty {
      samples = try samples.map { try $0.withTargets(at: Set(mixed)) }
      first = samples[0]
    }
    for (number, sample) in zip(numbers, samples) where sample.form != first.form {
      throw WaneError(
        stream.name,
        "sample \(number + 1) is \(sample.form), sample \(numbers[0] + 1) is \(first.form)")
    }
    let data = try Dataset(
      columns: first.inputs.indices.map { index in
        try Tensor.stacked(samples.map { $0.inputs[index] })
      },
      labels: first.labels.indices.map { index in
        try Tensor.stacked(samples.map { $0.labels[index] })
      }, inputNames: first.inputNames, labelNames: first.labelNames, name: stream.name,
      classNames: stream.classNames)
    return StreamBatch(data: try data.augmented(stream.augmentation), numbers: numbers)
  }

  private mutating func draw(
    _ next: () throws -> SampleStream.Sample?
  ) throws -> (number: Int32, sample: SampleStream.Sample)? {
    while !hasEnded, held.count < buffer {
      guard taken < min(stream.limit ?? Int.max, Int(Int32.max)), let sample = try next() else {
        hasEnded = true
        break
      }
      held.append((Int32(clamping: taken), sample))
      taken += 1
    }
    guard !held.isEmpty else { return nil }
    var random: UInt32 = 0
    wane_random_u32(
      seed, RandomStream.shuffle &+ UInt64(epoch), UInt64(drawn), &random, 1)
    drawn += 1
    // The last one fills the gap, so that a draw costs the same whatever the size of the buffer.
    held.swapAt(Int((UInt64(random) * UInt64(held.count)) >> 32), held.count - 1)
    return held.removeLast()
  }
}

/// A batch of a stream.
public struct StreamBatch: Sendable {
  /// The samples.
  public let data: Dataset
  /// Their numbers in the stream, from 0: what is random about a sample depends on its number.
  public let numbers: [Int32]

  /// The samples and labels as they are fed: augmented where the stream is.
  ///
  /// - Parameters:
  ///   - seed: decides what is random.
  ///   - epoch: the same, from 0.
  /// - Returns: a tensor an input and one an output; classes are one-hot where samples are mixed.
  /// - Throws: when memory cannot be had.
  public func fed(seed: UInt64, epoch: Int) throws -> (inputs: [Tensor], labels: [Tensor]) {
    guard data.augmentation != nil else { return (try data.allInputs, data.allLabels) }
    let data = try data.mixableByLabels()
    let tensors = try data.feed(batch: data.allLabels).tensors(
      data.kinds, numbers[...], FeedDraw(seed: seed, epoch: UInt64(epoch)))
    return (Array(tensors[..<data.columns.count]), Array(tensors[data.columns.count...]))
  }
}
