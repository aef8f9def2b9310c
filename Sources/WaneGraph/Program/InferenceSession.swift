import WaneTensor

/// A model ready to run: compiled once, for any number of samples.
///
/// Programs are made for the batch sizes that come up and kept. Not for use by two threads at once.
public final class InferenceSession {
  /// The graph in the form that runs.
  public let graph: Graph
  private let pool: WorkerPool
  private let weights: WeightStore
  private var programs: [Int: [Program]] = [:]
  /// Samples that one worker runs at once: enough to amortise a call, few enough to stay in cache.
  public let chunk: Int
  private let precision: Precision

  /// Compiles a model.
  ///
  /// - Parameters:
  ///   - model: what is run.
  ///   - pool: who runs it.
  ///   - chunk: samples that one worker runs at once; by default as many as fit its cache.
  ///   - precision: what large products may round their operands to.
  /// - Throws: when the model has no form that runs.
  public init(
    _ model: Graph, pool: WorkerPool, chunk: Int? = nil, precision: Precision = .f32
  ) throws {
    self.precision = precision
    graph = try model.inferenceForm()
    self.pool = pool
    weights = WeightStore(graph.parameters)
    self.chunk = chunk ?? Self.chunk(for: graph)
  }

  /// As many samples as leave the values between two layers in the second-level cache.
  private static func chunk(for graph: Graph) -> Int {
    let largest = graph.nodes.reduce(1) { largest, node in
      let bytes = node.outputs.reduce(0) { sum, type in
        type.isBatched ? sum.addingClamped(type.sampleCount * type.dtype.byteCount) : sum
      }
      return max(largest, bytes)
    }
    return max(1, min(64, cacheBytes / largest))
  }

  /// Half of the 1 MB of second-level cache that a core of a current server or desktop has.
  private static let cacheBytes = 512 * 1024

  /// The program for a batch size, one a worker.
  public func program(batch: Int, worker: Int = 0) throws -> Program {
    var made = programs[batch] ?? []
    while made.count <= worker {
      made.append(
        try Program(
          graph, batch: batch, mode: .inference, weights: weights, precision: precision))
    }
    programs[batch] = made
    return made[worker]
  }

  /// Bytes of everything needed to run one sample: weights in runtime form, buffers, scratch memory.
  public static func memoryBytes(_ model: Graph) throws -> Int {
    let graph = try model.inferenceForm()
    let weights = WeightStore(graph.parameters)
    let program = try Program(graph, batch: 1, mode: .inference, weights: weights)
    return weights.byteCount + program.arenaBytes + program.scratchBytes
  }

  /// Runs the model.
  ///
  /// - Parameters:
  ///   - inputs: one tensor an input, the first axis counting samples.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: one tensor an output.
  /// - Throws: when the inputs do not fit the model.
  public func run(_ inputs: [Tensor], poll: () throws -> Void = {}) throws -> [Tensor] {
    let samples = try check(inputs)
    let size = roundSize(of: samples)
    return try run(samples: samples, poll: poll) { round in
      let start = min(round * size, samples)
      return try inputs.map { try $0.rows(start..<min(start + size, samples)) }
    }
  }

  /// How many threads run a model.
  public var workerCount: Int { pool.count }

  /// The samples of a round, a chunk for each worker, when there are so many in all.
  public func roundSize(of samples: Int) -> Int { chunkSize(of: samples) * pool.count }

  private func chunkSize(of samples: Int) -> Int {
    max(1, min(chunk, (samples + pool.count - 1) / pool.count))
  }

  /// Runs the model on samples that come round by round.
  ///
  /// - Parameters:
  ///   - samples: how many there are.
  ///   - poll: called now and then; throws to stop.
  ///   - inputs: the samples of a round, counted from 0: one tensor an input, which fits the model.
  /// - Returns: one tensor an output.
  /// - Throws: what `inputs` throws, or when memory cannot be had.
  public func run(
    samples: Int, poll: () throws -> Void = {}, _ inputs: (_ round: Int) throws -> [Tensor]
  ) throws -> [Tensor] {
    let types = graph.outputs.map(graph.type(of:))
    var outputs = try types.map {
      try Tensor(uninitialized: $0.shape(batch: samples), $0.dtype, for: "predict")
    }
    let size = chunkSize(of: samples)
    var start = 0
    while start < samples {
      try poll()
      let inputs = try inputs(start / (size * pool.count))
      // A round: a chunk for each worker, the last ones maybe smaller or without work.
      let ranges = (0..<pool.count).map { worker in
        let from = min(samples, start + worker * size)
        return from..<min(samples, from + size)
      }
      let round = try ranges.enumerated().map { worker, range in
        range.isEmpty ? nil : try program(batch: range.count, worker: worker)
      }
      let targets = try outputs.indices.map { index in
        try outputs[index].withMutableBytes { $0.baseAddress }
      }
      try pool.run { worker in
        guard let program = round[worker] else { return }
        let range = ranges[worker]
        for (input, buffer) in zip(inputs, program.inputs) {
          input.withBytes { source in
            let row = source.count / input.shape[0]
            if let base = source.baseAddress {
              buffer.pointer.copyMemory(
                from: base + (range.lowerBound - start) * row, byteCount: range.count * row)
            }
          }
        }
        program.run(firstSample: range.lowerBound)
        for (index, buffer) in program.outputs.enumerated() {
          let row = types[index].sampleCount * types[index].dtype.byteCount
          if let target = targets[index] {
            (target + range.lowerBound * row).copyMemory(
              from: buffer.pointer, byteCount: range.count * row)
          }
        }
      }
      // All are asked, so that none keeps its failure for the next run.
      let checks = round.map { program in Result { try program?.check() } }
      for check in checks { try check.get() }
      start += size * pool.count
    }
    return outputs
  }

  /// The number of samples.
  ///
  /// - Parameter inputs: one tensor an input.
  /// - Returns: how many samples each has.
  /// - Throws: when they do not fit the model.
  public func check(_ inputs: [Tensor]) throws -> Int {
    let expected = graph.inputs.map(graph.type(of:))
    guard inputs.count == expected.count, let first = inputs.first else {
      throw WaneError(
        "predict", "the model takes \(expected.count) inputs, got \(inputs.count)")
    }
    for (index, (input, type)) in zip(inputs, expected).enumerated() {
      guard input.shape.rank == type.dimensions.count + 1,
        Array(input.shape.dimensions.dropFirst()) == type.dimensions,
        input.shape[0] == first.shape[0]
      else {
        throw WaneError(
          "predict", "\(graph.description(ofInput: index)) takes \(type), got \(input.shape)")
      }
      guard input.dtype == type.dtype else {
        throw WaneError(
          "predict",
          "\(graph.description(ofInput: index)) takes \(type.dtype) values, got \(input.dtype)")
      }
    }
    return first.shape[0]
  }
}
