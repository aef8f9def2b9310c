import CKernels
import WaneTensor

/// Adds up the parts that the shards of a batch have of a sum, and gives every shard the whole.
public struct AllReduce: Operation {
  public static let name = "all_reduce"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return inputs
  }

  public var overwrites: Int? { 0 }
  public var spansShards: Bool { true }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    return try AllReduce.exchange(context, x, y, count: count, +)
  }

  /// Combines what the workers have at `x`, in their order, and gives all of them the result.
  static func exchange(
    _ context: LoweringContext, _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    count: Int, _ combine: @escaping (Float, Float) -> Float
  ) throws -> Kernel {
    guard let member = context.team, member.team.count > 1 else {
      return { _ in if x != y { y.update(from: x, count: count) } }
    }
    let (team, worker) = (member.team, member.worker)
    let sources = team.join("\(context.nodeKey)/x", worker: worker, x)
    let targets = team.join("\(context.nodeKey)/y", worker: worker, y)
    // Each worker combines its slice, and hands it to all: the parts are read before they are
    // overwritten, since nobody else touches the slice.
    let begin = count * worker / team.count
    let end = count * (worker + 1) / team.count
    return { _ in
      team.wait()
      for index in begin..<end {
        var total = sources[0]?[index] ?? 0
        for other in 1..<team.count { total = combine(total, sources[other]?[index] ?? 0) }
        for other in 0..<team.count { targets[other]?[index] = total }
      }
      team.wait()
    }
  }
}

/// The share of this program's samples in the batch: `x * samples / batch`.
///
/// What does not depend on the samples becomes a part of a sum over shards, so that it can be
/// added to other parts and is counted once when the parts are added up.
public struct ShardShare: Operation {
  public static let name = "shard_share"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return inputs
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    let share = Float(Double(context.batch) / Double(max(context.totalBatch, 1)))
    return { _ in wane_scale_f32(x, share, y, count) }
  }
}
