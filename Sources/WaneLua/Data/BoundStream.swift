import WaneNN
import WaneTensor

/// A stream while a call lasts that calls its function.
final class BoundStream: StreamSource {
  let stream: SampleStream
  private let function: LuaFunction
  private let context: CallContext
  private let caller: StreamCaller
  private var batches: StreamBatches

  /// How many samples show what a stream has, where nobody says.
  private static let usualCount = 2048
  /// And how many bytes they may take.
  private static let mostBytes = 1 << 28

  init(_ stream: SampleStream, _ function: LuaFunction, _ context: CallContext) {
    self.stream = stream
    self.function = function
    self.context = context
    caller = StreamCaller(stream)
    batches = StreamBatches(stream, size: 1, shuffles: false, seed: 0, epoch: 0)
  }

  func begin(epoch: Int, size: Int, seed: UInt64?) {
    caller.begin(epoch: epoch)
    batches = StreamBatches(
      stream, size: size, shuffles: seed != nil, seed: seed ?? 0, epoch: epoch)
  }

  func nextBatch() throws -> StreamBatch? {
    try batches.nextBatch { try caller.next(function, context) }
  }

  /// A data set of the first samples, which are part of the first epoch all the same.
  ///
  /// - Parameter count: the most there are; by default as many as criteria look at and memory can
  ///   hold with ease.
  /// - Returns: the samples in memory.
  /// - Throws: what the function raises; when there are no samples, or they differ.
  func samples(_ count: Int? = nil) throws -> Dataset {
    let most = min(count ?? Self.usualCount, stream.limit ?? Int.max)
    let samples = try caller.peek(
      while: { samples in
        guard samples.count < most, let first = samples.first else { return samples.isEmpty }
        let bytes = first.inputs.reduce(0) { $0 + $1.byteCount }
        return count != nil || samples.count < Self.mostBytes / max(bytes, 1)
      }, function, context)
    var collector = SampleCollector(
      stream.name, classNames: stream.classNames, cache: .memory)
    for sample in samples { try collector.append(sample) }
    guard !samples.isEmpty else { throw stream.exhausted(epoch: 0) }
    return try collector.dataset(name: stream.name).augmented(stream.augmentation)
  }
}

extension Options {
  /// The stream that an option gives; nil where it is none, or something else.
  func stream(_ name: String, _ context: CallContext) throws -> BoundStream? {
    guard case .object(let box as StreamBox)? = value(name) else { return nil }
    guard let argument, let function = context.held(byField: name, of: argument) else {
      throw bad(name, "a stream with its function expected")
    }
    return BoundStream(box.stream, function, context)
  }
}

extension CallContext {
  /// The stream that an argument is; nil for anything else.
  func stream(_ index: Int) throws -> BoundStream? {
    guard let box = objectIfAny(index, as: StreamBox.self) else { return nil }
    guard let function = held(by: index) else {
      throw argumentError(index, "a stream with its function expected")
    }
    return BoundStream(box.stream, function, self)
  }
}
