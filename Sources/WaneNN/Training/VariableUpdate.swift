import CKernels
import WaneGraph

/// Moves the variables of a run: clipping, the optimizer's rule, moving averages.
///
/// All workers take part, each with a range of the flat array. It allocates nothing in a step.
final class VariableUpdate {
  /// Neighbouring variables that are treated alike.
  private struct Segment {
    var range: Range<Int>
    let decay: Float
  }

  /// A part of a segment whose norm one worker computes; how variables are cut does not depend on
  /// the number of workers, so neither do norms.
  private struct Block {
    let range: Range<Int>
    let segment: Int
  }

  private static let blockSize = 8192

  private let optimizer: Optimizer
  private let store: VariableStore
  private let pool: WorkerPool
  private let segments: [Segment]
  private let blocks: [Block]
  private let state: [UnsafeMutablePointer<Float>]
  /// The parts of the gradient, for the kernels.
  private let partials: UnsafeMutablePointer<UnsafePointer<Float>?>
  private let mutablePartials: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// The sum of squares of each block.
  private let squares: UnsafeMutablePointer<Double>
  /// What the gradient of each segment is multiplied by.
  private let scales: UnsafeMutablePointer<Float>

  init(_ optimizer: Optimizer, store: VariableStore, pool: WorkerPool) {
    self.optimizer = optimizer
    self.store = store
    self.pool = pool
    var isPerVariable = false
    if case .norm = optimizer.clipping { isPerVariable = true }
    var segments: [Segment] = []
    for span in store.spans where !span.range.isEmpty {
      let decays = optimizer.decaysVectors || !span.isVector
      let decay = decays ? optimizer.weightDecay : 0
      if let last = segments.indices.last, segments[last].decay == decay, !isPerVariable {
        segments[last].range = segments[last].range.lowerBound..<span.range.upperBound
      } else {
        segments.append(Segment(range: span.range, decay: decay))
      }
    }
    self.segments = segments
    var blocks: [Block] = []
    if optimizer.clipping.needsNorms {
      for (index, segment) in segments.enumerated() {
        for begin in stride(
          from: segment.range.lowerBound, to: segment.range.upperBound, by: Self.blockSize)
        {
          let end = min(begin + Self.blockSize, segment.range.upperBound)
          blocks.append(Block(range: begin..<end, segment: index))
        }
      }
    }
    self.blocks = blocks
    state = store.slots
    let parts = store.partials
    partials = .allocate(capacity: max(parts.count, 1))
    mutablePartials = .allocate(capacity: max(parts.count, 1))
    for (index, part) in parts.enumerated() {
      (partials + index).initialize(to: UnsafePointer(part))
      (mutablePartials + index).initialize(to: part)
    }
    squares = .allocate(capacity: max(blocks.count, 1))
    scales = .allocate(capacity: max(segments.count, 1))
    scales.initialize(repeating: 1, count: max(segments.count, 1))
  }

  deinit {
    partials.deallocate()
    mutablePartials.deallocate()
    squares.deallocate()
    scales.deallocate()
  }

  /// Does a step.
  ///
  /// - Parameters:
  ///   - shards: how many parts the gradient has.
  ///   - step: the number of the step, 1 for the first.
  ///   - rate: the step size.
  /// - Returns: how many parts the gradient has afterwards.
  /// - Throws: when the workers are busy.
  func update(shards: Int, step: Int, rate: Float) throws -> Int {
    var shards = shards
    if optimizer.clipping.needsNorms {
      try findScales(shards: shards)
      shards = 1
    }
    let (count, workers) = (store.count, pool.count)
    try pool.run { worker in
      // Slices start at cache lines, so that no two workers write one.
      let lines = (count + 15) / 16
      let begin = lines * worker / workers * 16
      let end = min(count, lines * (worker + 1) / workers * 16)
      guard begin < end else { return }
      for (index, segment) in segments.enumerated() {
        let range = segment.range.clamped(to: begin..<end)
        if range.isEmpty { continue }
        move(range, shards: shards, scale: scales[index], decay: segment.decay, step, rate)
      }
    }
    return shards
  }

  private func move(
    _ range: Range<Int>, shards: Int, scale: Float, decay: Float, _ step: Int, _ rate: Float
  ) {
    var gradient = wane_gradient(
      partials: partials, count: Int32(shards), scale: scale, limit: 0, mask: nil)
    if case .value(let limit) = optimizer.clipping { gradient.limit = limit }
    optimizer.update(
      store.variables, state: state, gradient: &gradient, step: step, rate: rate, decay: decay,
      range: range)
    guard let momentum = optimizer.averageMomentum, let average = store.average else { return }
    let (x, y) = (store.variables + range.lowerBound, average + range.lowerBound)
    // The average starts with what the first step leaves.
    wane_moving_average_f32(x, step == 1 ? 0 : momentum, y, range.count)
    if let interval = optimizer.averageInterval, step % interval == 0 {
      x.update(from: y, count: range.count)
    }
  }

  /// Adds up the parts of the gradient, in the first, and finds what clipping multiplies it by.
  private func findScales(shards: Int) throws {
    let workers = pool.count
    try pool.run { worker in
      let range = blocks.count * worker / workers..<blocks.count * (worker + 1) / workers
      for index in range {
        let block = blocks[index].range
        squares[index] = wane_gradient_gather_f32(
          mutablePartials, Int32(shards), block.lowerBound, block.upperBound)
      }
    }
    switch optimizer.clipping {
    case .none, .value: break
    case .norm(let limit):
      var index = 0
      for segment in segments.indices {
        var sum = 0.0
        while index < blocks.count, blocks[index].segment == segment {
          sum += squares[index]
          index += 1
        }
        scales[segment] = Float(Double(limit) / max(sum.squareRoot(), Double(limit)))
      }
    case .globalNorm(let limit):
      var sum = 0.0
      for index in blocks.indices { sum += squares[index] }
      let scale = Float(Double(limit) / max(sum.squareRoot(), Double(limit)))
      for segment in segments.indices { scales[segment] = scale }
    }
  }
}
