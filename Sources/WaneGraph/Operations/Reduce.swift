import CKernels
import WaneTensor

/// Sum, mean, maximum or minimum along axes of a sample, and along the batch if wanted.
///
/// A reduction over the batch has no batch axis any more. On a shard of a batch, a sum or mean is
/// that shard's part of it; an extreme is that of the whole batch, which the shards agree on.
public struct Reduce: Operation {
  public static let name = "reduce"
  /// What is made of the elements: not a product.
  public let kind: Reduction
  /// The axes of a sample (or of a value without a batch) that vanish, from 0.
  public let axes: [Int]
  /// Whether the batch axis vanishes, too.
  public let overBatch: Bool
  /// Whether reduced axes stay, with extent one.
  public let keepsAxes: Bool

  /// Creates a reduction.
  public init(_ kind: Reduction, axes: [Int], overBatch: Bool = false, keepingAxes: Bool = false) {
    self.kind = kind
    self.axes = axes.sorted()
    self.overBatch = overBatch
    keepsAxes = keepingAxes
  }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("kind")
    guard let kind = Reduction(rawValue: text) else {
      throw WaneError(Self.name, "there is no reduction '\(text)'")
    }
    try self.init(
      kind, axes: attributes.ints("axes"), overBatch: attributes.bool("batch"),
      keepingAxes: attributes.bool("keep"))
  }

  public var attributes: [String: Attribute] {
    [
      "kind": .string(kind.rawValue), "axes": .ints(axes), "batch": .bool(overBatch),
      "keep": .bool(keepsAxes),
    ]
  }

  private var isSum: Bool { kind == .sum || kind == .mean }

  public var spansShards: Bool { overBatch && !isSum }

  public func isLinear(in operand: Int) -> Bool { isSum }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let x = inputs[0]
    try require(x, .f32)
    guard kind != .product else {
      throw WaneError(Self.name, "takes sum, mean, max or min, got \(kind.rawValue)")
    }
    guard x.isBatched || !overBatch else {
      throw WaneError(Self.name, "there is no batch axis in \(x)")
    }
    for (index, axis) in axes.enumerated() {
      guard x.dimensions.indices.contains(axis), index == 0 || axes[index - 1] != axis else {
        throw WaneError(Self.name, "axes \(axes) do not fit \(x)")
      }
    }
    guard kind == .sum || axes.allSatisfy({ x.dimensions[$0] > 0 }) else {
      throw WaneError(Self.name, "there are no elements to take the \(kind.rawValue) of in \(x)")
    }
    let kept = keptDimensions(x)
    let dimensions =
      keepsAxes
      ? (overBatch ? [1] : []) + kept
      : x.dimensions.indices.filter { !axes.contains($0) }.map { x.dimensions[$0] }
    return [ValueType(dtype: .f32, isBatched: x.isBatched && !overBatch, dimensions: dimensions)]
  }

  /// The extents of a sample with ones where it is reduced.
  private func keptDimensions(_ x: ValueType) -> [Int] {
    x.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let x = context.inputs[0]
    let type = context.graph.type(of: x)
    let kept = keptDimensions(type)
    /// A value of the result's type, for every element that went into it.
    func spread(_ value: Value) throws -> Value {
      let rows = try context.add(Reshape(kept), [value])
      return try context.add(BroadcastTo(type.dimensions), overBatch ? [rows, x] : [rows])
    }
    switch kind {
    case .sum, .product: return [try spread(dy)]
    case .mean:
      let count = axes.reduce(1) { $0 * type.dimensions[$1] }
      var share = try context.add(Rescale(scale: 1 / Float(max(count, 1))), [dy])
      if overBatch { share = try context.add(DivideByBatch(), [share]) }
      return [try spread(share)]
    case .maximum, .minimum:
      // Elements that are the extreme share the gradient, as in TensorFlow.
      let isExtreme = try context.add(Compare(.equal), [x, spread(context.outputs[0])])
      let mask = try context.add(Cast(.f32), [isExtreme])
      let count = try context.add(
        Reduce(.sum, axes: axes, overBatch: overBatch, keepingAxes: keepsAxes), [mask])
      let share = try spread(context.add(Binary(.divide), [dy, count]))
      return [try context.add(Binary(.multiply), [mask, share])]
    }
  }

  /// One reduction of the middle of three axes.
  private struct Stage {
    var outer: Int
    var extent: Int
    var inner: Int
  }

  /// The reductions one after the other, each of axes that lie side by side, the innermost first.
  private func stages(_ shape: Shape, isBatched: Bool) -> [Stage] {
    var groups: [(extent: Int, isReduced: Bool)] = []
    for (axis, extent) in shape.dimensions.enumerated() {
      let isReduced =
        isBatched ? (axis == 0 ? overBatch : axes.contains(axis - 1)) : axes.contains(axis)
      if let last = groups.last, last.isReduced == isReduced {
        groups[groups.count - 1].extent *= extent
      } else {
        groups.append((extent, isReduced))
      }
    }
    var stages: [Stage] = []
    while let position = groups.lastIndex(where: \.isReduced) {
      let (before, after) = (groups[..<position], groups[(position + 1)...])
      stages.append(
        Stage(
          outer: before.reduce(1) { $0 * $1.extent }, extent: groups[position].extent,
          inner: after.reduce(1) { $0 * $1.extent }))
      groups.remove(at: position)
    }
    return stages
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output().floats
    let count = context.output().count
    let stages = stages(x.shape, isBatched: context.inputTypes[0].isBatched)
    // Results between two stages lie in scratch memory, one behind the other.
    var offsets: [Int] = []
    var end = 0
    for stage in stages.dropLast() {
      offsets.append(end)
      end += stage.outer * stage.inner
    }
    context.reserveScratch(end * MemoryLayout<Float>.stride)
    let divisor: Double =
      kind == .mean
      ? Double(axes.reduce(1) { $0 * context.inputTypes[0].dimensions[$1] })
        * (overBatch ? Double(max(context.totalBatch, 1)) : 1)
      : 1
    let reduction: Reduction = kind == .mean ? .sum : kind
    let local: Kernel = { [x = x.floats] run in
      let scratch = run.scratch.assumingMemoryBound(to: Float.self)
      var source = UnsafePointer(x)
      for index in stages.indices {
        let stage = stages[index]
        let target = index < offsets.count ? scratch + offsets[index] : y
        reduction.runFloats(source, target, stage.outer, stage.extent, stage.inner)
        source = UnsafePointer(target)
      }
      if stages.isEmpty { y.update(from: x, count: count) }
      if divisor != 1 { wane_scale_f32(y, Float(1 / divisor), y, count) }
    }
    guard spansShards, let member = context.team, member.team.count > 1 else { return local }
    let combine: (Float, Float) -> Float = kind == .maximum ? { max($0, $1) } : { min($0, $1) }
    let exchange = try AllReduce.exchange(context, y, y, count: count, combine)
    return { run in
      local(run)
      exchange(run)
    }
  }
}

/// The value divided by the number of samples in the whole batch: what makes a sum over the batch a
/// mean.
public struct DivideByBatch: Operation {
  public static let name = "divide_by_batch"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return inputs
  }

  public var overwrites: Int? { 0 }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [try context.add(DivideByBatch(), [dy])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    let factor = 1 / Float(max(context.totalBatch, 1))
    return { _ in wane_scale_f32(x, factor, y, count) }
  }
}
