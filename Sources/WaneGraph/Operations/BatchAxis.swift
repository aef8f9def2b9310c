import WaneTensor

/// The first axis of a value without a batch as the batch: `[B, ...]` as `[N, ...]`, in programs for `B`
/// samples.
///
/// So a function of whole tensors can use a model, whose operations know samples.
public struct SplitBatch: BatchAxisOperation {
  public static let name = "split_batch"
  public let count: Int

  /// Makes `count` samples.
  public init(count: Int) { self.count = count }

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
}

/// The way back: `[N, ...]` as `[B, ...]`, in programs for `B` samples.
public struct JoinBatch: BatchAxisOperation {
  public static let name = "join_batch"
  public let count: Int

  /// Takes `count` samples.
  public init(count: Int) { self.count = count }

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
}

/// An operation that only says what the first axis is, in programs for `count` samples.
public protocol BatchAxisOperation: Operation {
  /// How many samples there are.
  var count: Int { get }

  /// Creates the operation for `count` samples.
  init(count: Int)
}

extension BatchAxisOperation {
  public init(_ attributes: Attributes) throws {
    try self.init(count: attributes.int("count"))
  }

  public var attributes: [String: Attribute] { ["count": .int(count)] }

  public var aliases: Int? { 0 }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    guard context.batch == count else {
      throw WaneError(
        Self.name, "\(count) samples do not fit a program for \(context.batch)")
    }
    return { _ in }
  }
}
