/// What changes from one run of a program to the next, handed to every kernel.
public struct RunState {
  /// Memory a kernel may use while it runs, as large as the largest request.
  public var scratch: UnsafeMutableRawPointer
  /// The seed of the run, for random operations.
  public var seed: UInt64
  /// The number of the training step, for random operations.
  public var step: UInt64
  /// The position of the first sample of this shard in its batch, so that random numbers do not
  /// depend on how the batch is cut.
  public var firstSample: Int
  /// Where a kernel of a library reports that it failed.
  let failure: UnsafeMutablePointer<Int32>

  init(
    scratch: UnsafeMutableRawPointer, failure: UnsafeMutablePointer<Int32>, seed: UInt64 = 0,
    step: UInt64 = 0, firstSample: Int = 0
  ) {
    self.scratch = scratch
    self.failure = failure
    self.seed = seed
    self.step = step
    self.firstSample = firstSample
  }
}

/// The code of one node, its buffers already known.
///
/// Runs without allocating.
public typealias Kernel = (_ run: borrowing RunState) -> Void

/// What a program is compiled for.
public enum ProgramMode: Sendable {
  /// Parameters do not change: they are brought into the layout the kernels want once.
  case inference
  /// Parameters change from step to step and are read where they are.
  case training
}

/// What a kernel can report besides the status codes of oneDNN.
enum RunFailure: Int32 {
  case labelOutOfRange = 1000

  var message: String {
    switch self {
    case .labelOutOfRange: "a label is not one of the network's classes"
    }
  }
}
