import WaneGraph
import WaneNN
import WaneTensor

/// What passes work with besides the model: data, threads, and somebody who waits.
public struct CompressionContext {
  /// The threads to use.
  public var pool: WorkerPool
  /// Samples to train on; of a stream, the first ones.
  public var data: Dataset?
  /// Where the batches come from that are trained on, in place of the data.
  public var stream: (any StreamSource)?
  /// Samples that show what values occur inside the model; the first of `data` when not given.
  public var calibration: Dataset?
  /// Samples to measure on after every epoch.
  public var validation: Dataset?
  /// How to fine-tune.
  public var fineTuning: FineTuning
  /// Where to report how far the work is.
  public var progress: any ProgressSink
  /// Called now and then; throws when the user wants to stop.
  public var poll: () throws -> Void

  /// Creates a context; without data nothing is trained.
  public init(
    pool: WorkerPool, data: Dataset? = nil, stream: (any StreamSource)? = nil,
    calibration: Dataset? = nil, validation: Dataset? = nil, fineTuning: FineTuning = FineTuning(),
    progress: any ProgressSink = SilentProgress(), poll: @escaping () throws -> Void = {}
  ) {
    self.pool = pool
    self.data = data
    self.stream = stream
    self.calibration = calibration
    self.validation = validation
    self.fineTuning = fineTuning
    self.progress = progress
    self.poll = poll
  }
}
