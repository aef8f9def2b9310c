import WaneGraph
import WaneNN
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Brings the file of a model that is trained down to a number of bytes, and keeps it there.
///
/// The plan falls from the size at the start to the target along an exponential in the first part of
/// the run. Every few steps the file is measured; when it is larger than planned, weights are set to
/// zero and pinned, those first whose absence costs the least loss to second order, `w^2 E[g^2]`, with
/// the mean of the squared gradients for the curvature (Theis et al., "Faster gaze prediction with
/// dense networks and Fisher pruning", 2018).
struct SizeSteering {
  /// The part of the run in which the file shrinks.
  private static let share = 0.6
  /// Measurements in a run.
  private static let measurements = 100
  /// The plan ends a little below the target: training moves codes between measurements.
  private static let margin = 0.99
  /// Of so many steps one adds to the mean of the squared gradients, whose memory is so many of these.
  private static let gradientInterval = 4
  private static let gradientMemory: Float = 50

  private let kernels: [String]
  private let bytes: Int
  private let fileBytes: @Sendable (Graph) throws -> Int
  private let firstSize: Double
  /// The size with all weights zero.
  private let least: Double
  private var interval = 1
  private var end = 1
  private var keep: [String: [Bool]] = [:]
  private var curvature: [String: [Float]] = [:]

  /// Prepares to steer.
  ///
  /// - Parameters:
  ///   - model: what training starts from.
  ///   - kernels: the parameters whose codes are trained.
  ///   - bytes: the size of the file, at most.
  ///   - fileBytes: the bytes of a model's file.
  /// - Throws: when the file would be larger with all weights zero.
  init(
    _ model: Graph, kernels: [String], bytes: Int,
    fileBytes: @escaping @Sendable (Graph) throws -> Int
  ) throws {
    self.kernels = kernels
    self.bytes = bytes
    self.fileBytes = fileBytes
    firstSize = Double(try fileBytes(model))
    var empty = model
    for name in kernels {
      guard let kernel = model.parameters[name] else { continue }
      let kept = try kernel.decoded().with(Float.self) { $0.map { $0 != 0 } }
      keep[name] = kernel.isMasked ? kept : kept.map { _ in true }
      try empty.set(kernel.pruned(keeping: kept.map { _ in false }))
    }
    let least = try fileBytes(empty)
    self.least = Double(least)
    guard least <= bytes else { throw Self.unreachable(bytes, least: least) }
  }

  private static func unreachable(_ bytes: Int, least: Int) -> WaneError {
    WaneError(
      EntropyTraining.verb,
      "a file of \(bytes) bytes cannot be reached: with no weight left it has \(least)")
  }

  /// Called before the first step.
  mutating func prepare(_ run: TrainingRun) throws {
    interval = max(1, run.totalSteps / Self.measurements)
    end = max(1, Int(Self.share * Double(run.totalSteps)))
    if run.totalSteps == 0 { try meet(Double(bytes), run) }
  }

  /// Called after every step.
  mutating func proceed(_ run: TrainingRun) throws {
    if run.step % Self.gradientInterval == 0 { try observe(run) }
    guard run.step % interval == 0 || run.step == run.totalSteps else { return }
    try meet(run.step == run.totalSteps ? Double(bytes) : plan(run.step), run)
  }

  /// The size there shall be after `step` steps.
  private func plan(_ step: Int) -> Double {
    let goal = Self.margin * Double(bytes)
    guard firstSize > goal else { return Double(bytes) }
    return firstSize * pow(goal / firstSize, min(Double(step) / Double(end), 1))
  }

  private mutating func observe(_ run: TrainingRun) throws {
    for name in kernels {
      guard let gradient = try run.gradient(name) else { continue }
      let old = curvature.removeValue(forKey: name)
      curvature[name] = gradient.with(Float.self) { gradient in
        guard var mean = old else { return gradient.map { $0 * $0 } }
        for index in mean.indices {
          let square = gradient[index] * gradient[index]
          mean[index] += (square - mean[index]) / Self.gradientMemory
        }
        return mean
      }
    }
  }

  /// Pins as many weights to zero as it takes for the file to have at most so many bytes.
  ///
  /// - Throws: when none are left in the end and the rest, which training has changed, is larger.
  private mutating func meet(_ wanted: Double, _ run: TrainingRun) throws {
    var aim = wanted
    var isEmpty = false
    while true {
      let model = try run.trainedModel()
      let bytes = try fileBytes(model)
      let size = Double(bytes)
      guard size > wanted else { return }
      guard !isEmpty else { throw Self.unreachable(self.bytes, least: bytes) }
      let codes = try ratedCodes(model, run)
      // What the coder makes of the codes, against their entropy, hardly changes from here to there.
      let ratio = max(size - least, 1) / max(codes.bytes(droppingBelow: 0), 1)
      let limit = codes.limit(forBytes: max(aim - least, 0) / ratio)
      for name in kernels { try pin(name, below: limit, model, run) }
      // The last time nothing follows that could correct it.
      guard run.step == run.totalSteps else { return }
      isEmpty = limit == .infinity
      aim -= max(size * 0.002, 1)
    }
  }

  private func ratedCodes(_ model: Graph, _ run: TrainingRun) throws -> RatedCodes {
    var codes = RatedCodes()
    for name in kernels {
      guard let (symbols, zero) = try model.parameters[name]?.symbols(),
        let worth = try worth(name, run)
      else { continue }
      codes.add(symbols, zero: zero, worth: worth)
    }
    codes.sort()
    return codes
  }

  private func worth(_ name: String, _ run: TrainingRun) throws -> [Float]? {
    try run.weights(name)?.with(Float.self) { weights in
      let curvature = curvature[name]
      return weights.indices.map { weights[$0] * weights[$0] * (curvature?[$0] ?? 1) }
    }
  }

  private mutating func pin(
    _ name: String, below limit: Float, _ model: Graph, _ run: TrainingRun
  ) throws {
    guard var kept = keep.removeValue(forKey: name), let worth = try worth(name, run),
      let (symbols, zero) = try model.parameters[name]?.symbols()
    else { return }
    // A weight that rounds to zero costs nothing: it may still grow.
    for index in kept.indices where symbols[index] != zero && worth[index] < limit {
      kept[index] = false
    }
    let shape = try Shape(model.parameters[name]?.shape.dimensions ?? [])
    run.setMask(name, try Tensor(kept.map { Float($0 ? 1 : 0) }, shape))
    keep[name] = kept
  }
}

extension Parameter {
  /// The codes of a parameter on an integer grid, and the code of zero.
  fileprivate func symbols() throws -> (codes: [UInt8], zero: UInt8)? {
    guard case .integer(let packed, let grid) = payload else { return nil }
    return (try packed.unpacked(), UInt8(grid.highest))
  }
}
