import CKernels
import WaneGraph
import WaneTensor

/// One worker's part of a batch.
///
/// It is run in pieces of a few samples, each forward and backward before the next, so that what
/// the forward pass leaves for the backward pass is still in the cache when it is read again, and
/// memory does not grow with the batch. The gradients of the pieces add up, which takes its time where
/// parameters are many and values few: pieces are larger then. Statistics over the batch need all
/// samples at once; models that have them run in one piece.
final class TrainingShard {
  /// Samples of a piece: on AVX2 and AVX-512 machines with 512 KB to 2 MB of second-level cache a
  /// core, 8 to 32 differ by a few per cent for the networks of `scripts/bench`.
  private static let pieceSize = 16
  /// How many values a piece has for each parameter at least.
  ///
  /// Parameters are read forward and backward, and their gradient is written and added. On one thread of a Zen 5, a step of 128 samples takes
  /// 13.6 ms instead of 23.8 with three dense layers of 1024 units, and 0.73 ms instead of 1.69 with
  /// 784-300-100-10; convolutions have enough values in 16 samples.
  private static let valuesPerParameter = 4.0

  /// A program and the samples it runs, counted from the start of the batch.
  private struct Piece {
    let program: Program
    let samples: Range<Int>
  }

  /// The sum of losses over the samples, as a share of the batch's mean.
  private(set) var loss = 0.0
  /// The same of each output of the model.
  private(set) var losses: [Double]
  /// The number of hits at each output.
  private(set) var hits: [Double]
  /// Whether all numbers of the gradient are finite.
  private(set) var isFinite = true
  /// What is measured besides at each output.
  let metrics: [MetricSums?]
  private let pieces: [Piece]
  private let training: TrainingGraph
  private let total: UnsafeMutablePointer<Float>
  private let part: UnsafeMutablePointer<Float>?
  private let count: Int
  /// What the feed works in.
  private let scratch: Storage

  /// The kernels of all programs.
  var steps: [Program.Step] { pieces.flatMap { Array($0.program.steps) } }

  /// Compiles the programs of a shard.
  ///
  /// - Parameters:
  ///   - training: what is trained.
  ///   - samples: its samples, counted from the start of the batch.
  ///   - batch: samples of the whole batch.
  ///   - weights: the parameters that do not move.
  ///   - store: the variables, and room for their gradients.
  ///   - member: its place among the workers.
  ///   - feed: where its samples come from.
  ///   - precision: what large products may round their operands to.
  ///   - metrics: takes in what each output of the model gives for the samples.
  /// - Throws: when memory cannot be had or an operation cannot be lowered.
  init(
    _ training: TrainingGraph, samples: Range<Int>, batch: Int, weights: WeightStore,
    store: VariableStore, member: TeamMember, feed: StepFeed, precision: Precision,
    metrics: [MetricSums?]
  ) throws {
    losses = training.outputs.map { _ in 0 }
    hits = losses
    scratch = try Storage(byteCount: feed.scratchBytes, for: "train")
    let isWhole = training.graph.nodes.contains { $0.operation.spansShards }
    let size = Self.pieceSize(of: training)
    let number = isWhole ? 1 : (samples.count + size - 1) / size
    var destinations: [Int: UnsafeMutableRawPointer] = [:]
    part = number > 1 ? try store.pieceGradients(worker: member.worker) : nil
    for (index, variable) in training.trained.enumerated() {
      destinations[training.firstGradient + index] = store.gradient(
        variable.name, in: part ?? store.partials[member.worker]
      ).map { UnsafeMutableRawPointer($0) }
    }
    var programs: [Int: Program] = [:]
    pieces = try (0..<max(number, 1)).map { piece in
      let first = samples.lowerBound + samples.count * piece / max(number, 1)
      let last = samples.lowerBound + samples.count * (piece + 1) / max(number, 1)
      let program =
        try programs[last - first]
        ?? Program(
          training.graph, batch: last - first, totalBatch: batch, mode: .training,
          weights: weights, destinations: destinations, precision: precision, team: member)
      programs[last - first] = program
      return Piece(program: program, samples: first..<last)
    }
    self.training = training
    self.metrics = metrics
    total = store.partials[member.worker]
    count = store.count
  }

  /// Samples of a piece, given how many parameters and values of a sample there are.
  private static func pieceSize(of training: TrainingGraph) -> Int {
    let parameters = training.trained.reduce(0) { $0.addingClamped($1.initial.count) }
    let values = training.graph.nodes.reduce(1) { sum, node in
      node.outputs.reduce(sum) { $1.isBatched ? $0.addingClamped($1.sampleCount) : $0 }
    }
    return max(pieceSize, Int(min(Double(parameters) / Double(values) * valuesPerParameter, 1e9)))
  }

  /// Computes the shard's part of loss and gradient.
  func run(
    _ feed: StepFeed, _ positions: ArraySlice<Int32>, epoch: UInt64, seed: UInt64, step: UInt64
  ) {
    let draw = FeedDraw(seed: seed, epoch: epoch)
    loss = 0
    for index in losses.indices { (losses[index], hits[index]) = (0, 0) }
    for (index, piece) in pieces.enumerated() {
      let rows = positions[
        positions.startIndex + piece.samples.lowerBound..<positions.startIndex
          + piece.samples.upperBound]
      for (column, buffer) in piece.program.inputs.enumerated() {
        feed.fill(column, buffer.pointer, rows, draw, scratch: scratch.pointer)
      }
      piece.program.run(seed: seed, step: step, firstSample: piece.samples.lowerBound)
      loss += Double(piece.program.outputs[training.lossOutput].floats[0])
      for (place, output) in training.outputs.enumerated() {
        losses[place] += Double(piece.program.outputs[output.loss].floats[0])
        if let hits = output.hits {
          self.hits[place] += Double(piece.program.outputs[hits].floats[0])
        }
        if let metrics = metrics[place], let first = output.predictions {
          metrics.add(
            outputs: piece.program.outputs[first].floats,
            labels: piece.program.outputs[first + 1].pointer,
            mask: output.isMasked ? piece.program.outputs[first + 2].floats : nil,
            samples: piece.samples.count)
        }
      }
      guard let part else { continue }
      if index == 0 {
        total.update(from: part, count: count)
      } else {
        wane_add_f32(total, part, total, count)
      }
    }
    isFinite = wane_all_finite_f32(total, count) != 0
  }

  /// Runs the samples again, and returns the first kernel that left a number which is not finite;
  /// whether the samples themselves are finite.
  func firstNonFinite(
    _ feed: StepFeed, _ positions: ArraySlice<Int32>, epoch: UInt64, seed: UInt64, step: UInt64
  ) -> (inputsAreFinite: Bool, kernel: Program.Step?) {
    let draw = FeedDraw(seed: seed, epoch: epoch)
    let types = training.graph.inputs.map(training.graph.type(of:))
    var result: (inputsAreFinite: Bool, kernel: Program.Step?) = (true, nil)
    for piece in pieces {
      let rows = positions[
        positions.startIndex + piece.samples.lowerBound..<positions.startIndex
          + piece.samples.upperBound]
      for (column, buffer) in piece.program.inputs.enumerated() {
        feed.fill(column, buffer.pointer, rows, draw, scratch: scratch.pointer)
        if types[column].dtype == .f32, wane_all_finite_f32(buffer.floats, buffer.count) == 0 {
          result.inputsAreFinite = false
        }
      }
      let first = piece.program.firstNonFinite(
        seed: seed, step: step, firstSample: piece.samples.lowerBound)
      result.kernel = result.kernel ?? first
    }
    return result
  }

  /// What a program of the shard computed for an output; of the only piece, where outputs are those
  /// of the whole batch.
  func output(_ index: Int) -> Buffer { pieces[0].program.outputs[index] }

  /// Throws when a kernel failed in the last run.
  func check() throws {
    // All are asked, so that none keeps its failure for the next step.
    let checks = pieces.map { piece in Result { try piece.program.check() } }
    for check in checks { try check.get() }
  }
}
