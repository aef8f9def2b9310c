import WaneTensor

/// One kind of node: its attributes, what it makes of types, its gradient, its kernel, its cost.
///
/// The set is closed: every conforming type has a file in `Operations/` and a line in
/// `Graph.operations`. What the protocol asks for without a default is what an operation must say.
public protocol Operation: Sendable {
  /// The name in files and listings, `lower_snake`.
  static var name: String { get }

  /// The attributes, enough to build the operation again.
  var attributes: [String: Attribute] { get }

  /// Builds the operation from attributes that may come from a file.
  init(_ attributes: Attributes) throws

  /// The types of the results for operands of the given types.
  ///
  /// - Throws: when the operands do not fit; the message has the shapes.
  func infer(_ inputs: [ValueType]) throws -> [ValueType]

  /// Adds nodes that compute the gradient of each operand; nil where there is none.
  func gradient(_ context: inout GradientContext) throws -> [Value?]

  /// Makes the code that runs the node with the buffers of `context`.
  func lower(_ context: inout LoweringContext) throws -> Kernel

  /// Multiply-accumulate operations for one sample; `Int.max` when they cannot be counted.
  func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int

  /// The operand whose buffer the first result may take over when nobody else needs it.
  var overwrites: Int? { get }

  /// The operand of which the first result is merely another view (a reshape).
  var aliases: Int? { get }

  /// Whether the results are already those of the whole batch when it is cut into shards, because
  /// the operation itself adds up what the shards have.
  var spansShards: Bool { get }

  /// Whether the results are linear in that operand, others held fixed. A sum over samples that is
  /// still in parts, one a shard, may pass through linear operations unreduced.
  func isLinear(in operand: Int) -> Bool
}

extension Operation {
  /// No attributes.
  public var attributes: [String: Attribute] { [:] }
  /// No arithmetic worth counting.
  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int { 0 }
  /// Takes no operand's buffer.
  public var overwrites: Int? { nil }
  /// Not a view.
  public var aliases: Int? { nil }
  /// Sees its own shard only.
  public var spansShards: Bool { false }
  /// Not linear.
  public func isLinear(in operand: Int) -> Bool { false }
  /// No gradient: for operations that only stand in backward graphs or compiled forms.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    throw WaneError(Self.name, "has no gradient")
  }

  /// The product of counts of work, `Int.max` when it is beyond counting.
  func product(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? .max : result
    }
  }

  /// The operands, when there are as many as the operation takes.
  func operands(_ inputs: [ValueType], _ count: ClosedRange<Int>) throws {
    guard count.contains(inputs.count) else {
      let wanted =
        count.lowerBound == count.upperBound
        ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
      throw WaneError(Self.name, "takes \(wanted) operands, got \(inputs.count)")
    }
  }

  /// Throws unless the operand has that element type.
  func require(_ input: ValueType, _ dtype: DType) throws {
    guard input.dtype == dtype else {
      throw WaneError(Self.name, "takes \(dtype) values, got \(input)")
    }
  }
}
