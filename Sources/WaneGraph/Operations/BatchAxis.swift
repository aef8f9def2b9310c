import WaneTensor

/// The first axis of a value without a batch as the batch: `[B, ...]` as `[N, ...]`, in programs for `B`
/// samples.
///
/// So a function of whole tensors can use a model, whose operations know samples.
public struct SplitBatch: Operation {
  public static let name = "split_batch"
  let count: Int

  /// Makes `count` samples.
  public init(count: Int) { self.count = count }

  public init(_ attributes: Attributes) throws { count = try attributes.int("count") }

  public var attributes: [String: Attribute] { ["count": .int(count)] }

  public var aliases: Int? { 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let type = inputs[0]
    guard !type.isBatched, type.dimensions.first == count else {
      throw WaneError(Self.name, "\(type) does not have \(count) samples")
    }
    return [.batched(Array(type.dimensions.dropFirst()), type.dtype)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(JoinBatch(count: count), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try context.check(samples: count, Self.name)
    return { _ in }
  }
}

/// The way back: `[N, ...]` as `[B, ...]`, in programs for `B` samples.
public struct JoinBatch: Operation {
  public static let name = "join_batch"
  let count: Int

  /// Takes `count` samples.
  public init(count: Int) { self.count = count }

  public init(_ attributes: Attributes) throws { count = try attributes.int("count") }

  public var attributes: [String: Attribute] { ["count": .int(count)] }

  public var aliases: Int? { 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let type = inputs[0]
    guard type.isBatched else { throw WaneError(Self.name, "takes samples, got \(type)") }
    return [.fixed([count] + type.dimensions, type.dtype)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(SplitBatch(count: count), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try context.check(samples: count, Self.name)
    return { _ in }
  }
}

extension LoweringContext {
  /// Throws unless the program runs so many samples.
  fileprivate func check(samples: Int, _ operation: String) throws {
    guard batch == samples else {
      throw WaneError(operation, "\(samples) samples do not fit a program for \(batch)")
    }
  }
}
