import WaneGraph
import WaneTensor

/// How fast a model runs on one thread of this machine.
public struct Benchmark: Sendable {
  /// Seconds for one sample alone: the median of many runs.
  public let latency: Double
  /// Seconds for one sample alone that 95 of 100 runs stay below.
  public let latency95: Double
  /// Samples a second in batches of 256.
  public let throughput: Double

  /// Measures models in turns, so that a busy moment of the machine hits all of them alike.
  ///
  /// - Parameters:
  ///   - models: what is measured.
  ///   - dtypes: the type of the samples that each of their inputs is fed.
  ///   - seconds: how long to measure each.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: one measurement a model.
  /// - Throws: when a model cannot be compiled for such samples, or what `poll` throws.
  public static func measure(
    _ models: [Graph], feeding dtypes: [DType], seconds: Double = 0.4,
    poll: () throws -> Void = {}
  ) throws -> [Benchmark] {
    let pool = try WorkerPool(count: 1)
    let subjects = try models.map { model in
      let session = try InferenceSession(
        model.feeding(dtypes, operation: "compare"), pool: pool)
      return try Subject(session)
    }
    let rounds = 5
    for round in 0...rounds {
      for subject in subjects {
        try poll()
        // The first round warms caches and clocks up, and does not count.
        try subject.run(seconds: seconds / Double(rounds), counts: round > 0, poll: poll)
      }
    }
    return subjects.map(\.result)
  }

  private static let batchSize = 256
  /// Seconds between two questions whether to stop.
  private static let pollInterval = 0.02

  private final class Subject {
    private let single: Program
    private let session: InferenceSession
    private let samples: [Tensor]
    private var latencies: [Double] = []
    private var batches: [Double] = []

    init(_ session: InferenceSession) throws {
      self.session = session
      single = try session.program(batch: 1)
      samples = try session.graph.inputs.map { input in
        let type = session.graph.type(of: input)
        return try Tensor(zeros: type.shape(batch: Benchmark.batchSize), type.dtype)
      }
    }

    /// Runs a sample of zeros: written each time, as a run uses the memory of its inputs for other
    /// values once they have been read.
    private func runSingle() {
      for (input, tensor) in zip(single.inputs, samples) {
        input.pointer.initializeMemory(
          as: UInt8.self, repeating: 0, count: input.count * tensor.dtype.byteCount)
      }
      single.run()
    }

    func run(seconds: Double, counts: Bool, poll: () throws -> Void) throws {
      let latencies = try Subject.time(seconds / 2, atLeast: 10, poll) { runSingle() }
      try single.check()
      let batches = try Subject.time(seconds / 2, atLeast: 2, poll) { _ = try session.run(samples) }
      if counts {
        self.latencies += latencies
        self.batches += batches
      }
    }

    /// Does something for some seconds, and says how long each time took.
    private static func time(
      _ seconds: Double, atLeast least: Int, _ poll: () throws -> Void, _ body: () throws -> Void
    ) throws -> [Double] {
      var times: [Double] = []
      let start = Clock.seconds()
      var now = start
      var polled = start
      repeat {
        try body()
        let end = Clock.seconds()
        times.append(end - now)
        now = end
        if now - polled > pollInterval {
          try poll()
          polled = Clock.seconds()
          now = polled
        }
      } while now - start < seconds || times.count < least
      return times
    }

    var result: Benchmark {
      let sorted = latencies.sorted()
      let batches = batches.sorted()
      func quantile(_ values: [Double], _ fraction: Double) -> Double {
        values.isEmpty ? 0 : values[min(values.count - 1, Int(Double(values.count) * fraction))]
      }
      let perBatch = quantile(batches, 0.5)
      return Benchmark(
        latency: quantile(sorted, 0.5), latency95: quantile(sorted, 0.95),
        throughput: perBatch > 0 ? Double(Benchmark.batchSize) / perBatch : 0)
    }
  }
}
