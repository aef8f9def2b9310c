import WaneTensor

/// Attention as a formula, for derivatives of second order.
extension Attention {
  /// The score of what is masked, that of one position more of which is still finite.
  static let leastScore: Float = -2e38

  /// What the kernel computes of queries, keys and values, random numbers included.
  func value(_ formula: inout Formula, _ operands: [Value], _ masks: [Value]) throws -> Value {
    let (queries, keys, values) = (operands[0], operands[1], operands[2])
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
    if !masks.isEmpty {
      scores = try hiding(&formula, scores, masks)
    } else if isCausal {
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

  /// Scores, the least there is at positions that are masked.
  private func hiding(_ formula: inout Formula, _ scores: Value, _ masks: [Value]) throws -> Value {
    let extents = formula.dimensions(scores)
    let places = maskPlaces(from: 0)
    var seen: [Value] = []
    if let place = places.queries {
      seen.append(try formula.add(Reshape([1, extents[1], 1]), masks[place]))
    }
    if let place = places.keys {
      seen.append(try formula.add(Reshape([1, 1, extents[2]]), masks[place]))
    }
    let zero = try formula.add(Constant(0))
    if isCausal {
      let future = try formula.add(CausalMask(extents[1], extents[2]))
      let past = try formula.add(Compare(.greaterOrEqual), future, zero)
      seen.append(try formula.add(Cast(.f32), past))
    }
    let all = try seen.dropFirst().reduce(seen[0]) { try formula.product($0, $1) }
    let isSeen = try formula.add(Compare(.greater), all, zero)
    return try formula.add(Where(), isSeen, scores, formula.add(Constant(Self.leastScore)))
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
