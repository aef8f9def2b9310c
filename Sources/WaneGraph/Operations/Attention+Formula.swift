import WaneTensor

/// Attention as a formula, for derivatives of second order.
extension Attention {
  /// What the kernel computes of queries, keys and values, random numbers included.
  func value(_ formula: inout Formula, _ queries: Value, _ keys: Value, _ values: Value) throws
    -> Value
  {
    /// `[T, heads * size]` as `[heads, T, size]`.
    func split(_ x: Value) throws -> Value {
      let extents = formula.dimensions(x)
      let parts = try formula.add(Reshape([extents[0], heads, extents[1] / heads]), x)
      return try formula.add(Transpose([1, 0, 2]), parts)
    }
    let size = formula.dimensions(keys)[1] / heads
    let product = try formula.add(
      MatMul(transposingRight: true), split(queries), split(keys))
    var scores = try formula.affine(product, 1 / Float(size).squareRoot())
    if isCausal {
      let extents = formula.dimensions(scores)
      scores = try formula.sum(scores, formula.add(CausalMask(extents[1], extents[2])))
    }
    var weights = try formula.add(Softmax(), scores)
    if rate > 0 { weights = try formula.add(Dropout(rate: rate, stream: stream), weights) }
    let result = try formula.add(
      Transpose([1, 0, 2]), formula.add(MatMul(), weights, split(values)))
    let extents = formula.dimensions(result)
    return try formula.add(Reshape([extents[0], extents[1] * extents[2]]), result)
  }
}

/// What is added to scores so that a position attends to itself and earlier ones only: `[T, S]`, 0 or
/// less than any score.
public struct CausalMask: Operation {
  public static let name = "causal_mask"
  let queries: Int
  let keys: Int

  init(_ queries: Int, _ keys: Int) {
    self.queries = queries
    self.keys = keys
  }

  public init(_ attributes: Attributes) throws {
    self.init(try attributes.int("queries"), try attributes.int("keys"))
  }

  public var attributes: [String: Attribute] { ["queries": .int(queries), "keys": .int(keys)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 0...0)
    return [.fixed([queries, keys])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let y = context.output().floats
    return { [queries, keys] _ in
      for query in 0..<queries {
        for key in 0..<keys { y[query * keys + key] = key > query ? -3e38 : 0 }
      }
    }
  }
}
