import COneDNN

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

/// What large products may round their operands to; sums and everything kept are 32-bit floats.
public enum Precision: String, CaseIterable, Sendable {
  /// 32-bit floats: no rounding.
  case f32
  /// The upper 16 bits of a float, where the processor multiplies them faster (Kalamkar et al., A
  /// Study of BFLOAT16 for Deep Learning Training, 2019).
  case bf16

  /// The flag for kernels of `wane_dnn.h`.
  var flag: UInt32 { self == .bf16 ? UInt32(WANE_DNN_BF16) : 0 }
}

/// What a kernel can report besides the status codes of oneDNN.
enum RunFailure: Int32 {
  case labelOutOfRange = 1000
  case indexOutOfRange = 1001
  case rowOutOfRange = 1002

  var message: String {
    switch self {
    case .labelOutOfRange: "a label is not one of the network's classes"
    case .indexOutOfRange: "an index leaves the axis it counts along"
    case .rowOutOfRange: "an index is beyond the rows of its embedding"
    }
  }
}
