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
    guard let member = context.team, member.team.count > 1 else {
      return { _ in if x != y { y.update(from: x, count: count) } }
    }
    let (team, worker) = (member.team, member.worker)
    let sources = team.join("\(context.nodeKey)/x", worker: worker, x)
    let targets = team.join("\(context.nodeKey)/y", worker: worker, y)
    // Each worker sums its slice, in the order of the workers, and hands it to all: the parts are
    // read before they are overwritten, since nobody else touches the slice.
    let begin = count * worker / team.count
    let end = count * (worker + 1) / team.count
    return { _ in
      team.wait()
      for index in begin..<end {
        var sum: Float = 0
        for other in 0..<team.count { sum += sources[other]?[index] ?? 0 }
        for other in 0..<team.count { targets[other]?[index] = sum }
      }
      team.wait()
    }
  }
}
