import WaneGraph
import WaneTensor

/// Where the time of a model goes, operation by operation.
///
/// Measured on one thread; work is counted as 2 floating-point operations a multiply-add.
public struct Profile: Sendable {
  /// One kernel of a compiled program.
  public struct Row: Sendable {
    /// The layer it belongs to.
    public let layer: String
    /// The operation it runs.
    public let operation: String
    /// Mean seconds of a run.
    public let seconds: Double
    /// What it rounds what it multiplies to.
    public let precision: Precision
  }

  /// The kernels in the order they run.
  public let rows: [Row]
  /// Samples of a run.
  public let batch: Int

  /// Profiles the prediction of samples.
  ///
  /// - Parameters:
  ///   - model: what is run.
  ///   - inputs: the samples, one tensor an input; all of them are one batch.
  ///   - runs: how often it is run, at least once.
  ///   - precision: what large products may round their operands to.
  ///   - poll: called between runs; throws to stop.
  /// - Throws: when the inputs do not fit the model.
  public init(
    _ model: Graph, inputs: [Tensor], runs: Int, precision: Precision = .f32,
    poll: () throws -> Void = {}
  ) throws {
    let fed = try model.feeding(inputs.map(\.dtype), operation: "profile")
    let session = try InferenceSession(fed, pool: WorkerPool(count: 1), precision: precision)
    let count = try session.check(inputs)
    guard count > 0 else { throw WaneError("profile", "there are no samples") }
    let program = try session.program(batch: count)
    try self.init(program, batch: count, runs: runs, poll: poll) {
      for (buffer, tensor) in zip(program.inputs, inputs) {
        tensor.withBytes { source in
          if let base = source.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: source.count)
          }
        }
      }
    }
  }

  /// Profiles a step of training.
  ///
  /// - Parameters:
  ///   - run: whose next batch is run, without moving any variable.
  ///   - runs: how often it is run, at least once.
  ///   - poll: called between runs; throws to stop.
  /// - Throws: when a kernel fails.
  public init(_ run: TrainingRun, runs: Int, poll: () throws -> Void = {}) throws {
    let (program, fill, samples) = try run.singleProgram()
    try self.init(program, batch: samples, runs: runs, poll: poll, fill: fill)
  }

  /// Inputs are filled before each run: their memory may serve other values later in it.
  private init(
    _ program: Program, batch: Int, runs: Int, poll: () throws -> Void, fill: () -> Void
  ) throws {
    let runs = max(runs, 1)
    fill()
    program.run()
    var times: [Double] = []
    for _ in 0..<runs {
      try poll()
      fill()
      program.profile(into: &times)
    }
    try program.check()
    rows = zip(program.steps, times).map { step, time in
      Row(
        layer: step.layer, operation: step.operation, seconds: time / Double(runs),
        precision: step.roundsToBF16 ? .bf16 : .f32)
    }
    self.batch = batch
  }

  /// Seconds of a whole run.
  public var seconds: Double { rows.reduce(0) { $0 + $1.seconds } }
}
