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

/// The exchange of weights that are zero for others while a run trains them.
///
/// Every `interval` steps, each kernel's smallest units become zero and as many that are zero come
/// alive, those with the largest gradients, starting from zero. The share that is exchanged falls with
/// the cosine of the step:
///
///     f(t) = fraction / 2 * (1 + cos(pi t / end))
///
/// Gradients of what is zero are seen by training one step without masks, in which these weights are
/// zero all the same (Evci et al., "Rigging the lottery", 2020).
struct Regrowth {
  private let plan: PruningPlan
  private let fraction: Double
  private let interval: Int?
  /// Where weights stay zero because something else had pinned them.
  private let pinned: [String: [Bool]]
  private var keep: [String: [Bool]] = [:]
  private var end = 0
  private var period = 1
  private var isOpen = false

  /// The part of the run in which weights are exchanged; the rest trains what is there.
  private static let share = 0.75

  /// Prepares to exchange weights of a model that has been pruned.
  ///
  /// - Parameters:
  ///   - plan: the kernels.
  ///   - fraction: the share of their units that is exchanged at first.
  ///   - interval: steps between exchanges.
  ///   - original: the model before it was pruned; zeros pinned in it stay.
  ///   - model: the model that is trained.
  /// - Throws: when memory cannot be had.
  init(
    _ plan: PruningPlan, fraction: Double, interval: Int?, original: Graph, model: Graph
  ) throws {
    self.plan = plan
    self.fraction = fraction
    self.interval = interval
    var pinned: [String: [Bool]] = [:]
    for name in plan.kernels {
      guard let old = original.parameters[name], let new = model.parameters[name] else { continue }
      pinned[name] = try old.decoded().with(Float.self) { $0.map { old.isMasked && $0 == 0 } }
      keep[name] = try new.decoded().with(Float.self) { $0.map { $0 != 0 } }
    }
    self.pinned = pinned
  }

  /// The kernels that need masks.
  var kernels: Set<String> { plan.kernels }

  /// Called before the first step.
  mutating func prepare(_ run: TrainingRun) throws {
    end = Int(Self.share * Double(run.totalSteps))
    // As in the paper, but often enough in short runs.
    period = interval ?? min(100, max(1, run.totalSteps / 20))
    try openIfDue(run)
  }

  /// Called after every step.
  mutating func proceed(_ run: TrainingRun) throws {
    if isOpen { try exchange(run) }
    try openIfDue(run)
  }

  /// Lets the next step see the gradients of all weights.
  private mutating func openIfDue(_ run: TrainingRun) throws {
    let next = run.step + 1
    isOpen = next <= end && next % period == 0
    guard isOpen else { return }
    for kernel in kernels.sorted() {
      guard var weights = try run.weights(kernel), let keep = keep[kernel] else { continue }
      try weights.clear(where: keep)
      run.setWeights(kernel, weights)
      run.setMask(
        kernel, try Tensor([Float](repeating: 1, count: keep.count), weights.shape))
    }
  }

  private mutating func exchange(_ run: TrainingRun) throws {
    let t = Double(run.step) / Double(max(end, 1))
    let share = fraction / 2 * (1 + cos(Double.pi * t))
    for member in plan.groups.flatMap(\.members) {
      let kernel = member.kernel
      guard var weights = try run.weights(kernel), let gradient = try run.gradient(kernel),
        let kept = keep[kernel], let pinned = pinned[kernel]
      else { continue }
      try weights.clear(where: kept)
      let new = try exchanged(member.units, weights, gradient, kept, pinned, share)
      // What goes is zero, and so is what comes.
      try weights.clear(where: zip(kept, new).map { $0 && $1 })
      keep[kernel] = new
      run.setWeights(kernel, weights)
      run.setMask(kernel, try Tensor(new.map { Float($0 ? 1 : 0) }, weights.shape))
    }
  }

  /// Which weights are alive after an exchange.
  private func exchanged(
    _ units: UnitPartition, _ weights: Tensor, _ gradient: Tensor, _ kept: [Bool],
    _ pinned: [Bool], _ share: Double
  ) throws -> [Bool] {
    var isAlive = [Bool](repeating: false, count: units.count)
    var isFree = [Bool](repeating: false, count: units.count)
    for index in kept.indices {
      if kept[index] { isAlive[units.unit(index)] = true }
      if !pinned[index] { isFree[units.unit(index)] = true }
    }
    let sizes = weights.with(Float.self) { $0.map(abs) }
    let slopes = gradient.with(Float.self) { $0.map(abs) }
    let alive = try Tensor(kept.map { Float($0 ? 1 : 0) })
    let free = try Tensor(pinned.map { Float($0 ? 0 : 1) })
    let worth = units.worth(sizes, kernel: alive, .mean)
    let wish = units.worth(slopes, kernel: free, .mean)
    let leaving = isAlive.indices.filter { isAlive[$0] }
      .sorted { (worth[$0], $0) < (worth[$1], $1) }
    // Where nothing would be learned nothing grows.
    let coming = isAlive.indices.filter { !isAlive[$0] && isFree[$0] && wish[$0] > 0 }
      .sorted { (-wish[$0], $0) < (-wish[$1], $1) }
    let count = min(Int((share * Double(leaving.count)).rounded()), coming.count)
    for unit in leaving.prefix(count) { isAlive[unit] = false }
    for unit in coming.prefix(count) { isAlive[unit] = true }
    let grown = Set(coming.prefix(count))
    return kept.indices.map { index in
      let unit = units.unit(index)
      return grown.contains(unit) ? !pinned[index] : kept[index] && isAlive[unit]
    }
  }
}

extension Tensor {
  /// Sets to zero what is not kept.
  fileprivate mutating func clear(where keep: [Bool]) throws {
    try withMutableElements(Float.self) { values in
      for index in values.indices where !keep[index] { values[index] = 0 }
    }
  }
}
