import CLuaBridge
import WaneNN
import WaneTensor

/// A stream of samples as Lua holds it, with the function that makes them.
final class StreamBox: LuaObject {
  let stream: SampleStream

  init(_ stream: SampleStream) { self.stream = stream }

  /// One line: `generator: a stream, up to 1 000 samples an epoch, shuffled among 100`.
  var description: String {
    let limit = stream.limit.map { ", up to \(NumberText.grouped($0)) samples an epoch" } ?? ""
    return "\(stream.name): a stream\(limit), shuffled among \(NumberText.grouped(stream.buffer))"
      + (stream.augmentation == nil ? "" : ", augmented")
  }
}

/// Calls the function of a stream for one sample after the other.
final class StreamCaller {
  private let stream: SampleStream
  /// What the function returned to be called in its place, for this epoch.
  private var iterator: KeptValue?
  /// The sample that the function returned when the epoch began.
  private var first: SampleStream.Sample?
  private var epoch = 0
  private var hasBegun = false
  private var hasEnded = false
  /// Samples that were looked at and that the function will not give again.
  private var seen: [SampleStream.Sample] = []
  /// Whether these were all.
  private var hasSeenAll = false

  init(_ stream: SampleStream) { self.stream = stream }

  /// Begins an epoch, counted from 0: the next sample is its first.
  func begin(epoch: Int) {
    self.epoch = epoch
    iterator = nil
    first = nil
    hasBegun = false
    hasEnded = false
  }

  /// The next sample; nil after the last.
  ///
  /// - Parameters:
  ///   - function: the function of the stream.
  ///   - context: the call that is under way.
  /// - Returns: the sample.
  /// - Throws: what the function raises, when it returns something else than a sample, or the user
  ///   asked to stop.
  func next(_ function: LuaFunction, _ context: CallContext) throws -> SampleStream.Sample? {
    try context.checkInterrupt()
    guard !hasEnded else { return nil }
    if !seen.isEmpty { return seen.removeFirst() }
    if hasSeenAll {
      hasSeenAll = false
      return ended(nil)
    }
    if !hasBegun {
      hasBegun = true
      let sample = try context.callNow(function, all: [epoch + 1]) { context in
        guard context.isFunction(1) else { return try Self.sample(context) }
        self.iterator = try context.keep(context.function(1))
        return nil
      }
      guard iterator != nil else { return ended(sample) }
    }
    let top = lua_gettop(context.state)
    let called = try iterator?.place(context) ?? function
    let sample = try context.callNow(called, all: [epoch + 1], reading: Self.sample)
    lua_settop(context.state, top)
    return ended(sample)
  }

  /// Looks at the first samples of the first epoch, which begins again with them.
  ///
  /// - Parameters:
  ///   - isWanted: whether one more is, given those so far.
  ///   - function: the function of the stream.
  ///   - context: the call that is under way.
  /// - Returns: the samples.
  /// - Throws: as `next(_:_:)`.
  func peek(
    while isWanted: ([SampleStream.Sample]) -> Bool, _ function: LuaFunction, _ context: CallContext
  ) throws -> [SampleStream.Sample] {
    begin(epoch: 0)
    var samples: [SampleStream.Sample] = []
    while isWanted(samples), let sample = try next(function, context) { samples.append(sample) }
    // An iterator is made anew; a function that gives samples itself goes on where it was.
    if iterator == nil {
      seen = samples + seen
      hasSeenAll = hasSeenAll || hasEnded
    }
    begin(epoch: 0)
    return samples
  }

  private func ended(_ sample: SampleStream.Sample?) -> SampleStream.Sample? {
    hasEnded = sample == nil
    return sample
  }

  private static func sample(_ context: CallContext) throws -> SampleStream.Sample? {
    guard !context.isNone(1) else { return nil }
    let inputs = try SampleCollector.inputs(context, 1)
    let labels = try SampleCollector.labels(context, 2)
    return SampleStream.Sample(
      inputs: inputs.tensors, labels: labels.tensors, inputNames: inputs.names,
      labelNames: labels.names)
  }
}

/// The batches of a stream, epoch after epoch, for a training that goes on meanwhile.
final class StreamFeed {
  let stream: SampleStream
  private let function: LuaFunction
  private let caller: StreamCaller
  private let options: TrainingOptions
  private var batches: StreamBatches

  /// Begins with an epoch, counted from 0.
  init(_ stream: SampleStream, _ function: LuaFunction, _ options: TrainingOptions, epoch: Int) {
    self.stream = stream
    self.function = function
    self.options = options
    caller = StreamCaller(stream)
    batches = StreamFeed.batches(stream, options, epoch)
    caller.begin(epoch: epoch)
  }

  private static func batches(
    _ stream: SampleStream, _ options: TrainingOptions, _ epoch: Int
  ) -> StreamBatches {
    StreamBatches(
      stream, size: options.batchSize, shuffles: options.shuffles, seed: options.seed, epoch: epoch)
  }

  /// Begins another epoch.
  func begin(epoch: Int) {
    batches = StreamFeed.batches(stream, options, epoch)
    caller.begin(epoch: epoch)
  }

  /// The next batch of the epoch; nil after the last.
  ///
  /// - Throws: what the function raises, and where samples differ.
  func nextBatch(_ context: CallContext) throws -> StreamBatch? {
    try batches.nextBatch { try caller.next(function, context) }
  }
}

/// A walk over the batches of a stream.
final class StreamIterator: LuaObject {
  private let caller: StreamCaller
  private let seed: UInt64
  private var batches: StreamBatches

  init(_ stream: SampleStream, size: Int, shuffles: Bool, seed: UInt64) {
    caller = StreamCaller(stream)
    self.seed = seed
    batches = StreamBatches(stream, size: size, shuffles: shuffles, seed: seed, epoch: 0)
    caller.begin(epoch: 0)
  }

  func next(_ context: CallContext) throws -> CallContext.Outcome {
    guard let function = context.held(by: 1) else { return context.results(LuaValue.none) }
    guard let batch = try batches.nextBatch({ try caller.next(function, context) }) else {
      return context.results(LuaValue.none)
    }
    let (inputs, labels) = try batch.fed(seed: seed, epoch: 0)
    return context.results(
      Columns.luaValue(inputs, names: batch.data.inputNames),
      Columns.luaValue(labels, names: batch.data.labelNames))
  }
}
