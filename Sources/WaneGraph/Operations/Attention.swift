import CKernels
import WaneTensor

/// Scaled dot-product attention of several heads (Vaswani et al., 2017).
///
///     softmax(Q K' / sqrt(d)) V      for each head, d the size of its keys
///
/// Operands: queries `[N, T, heads * d]`, keys `[N, S, heads * d]`, values `[N, S, heads * e]`; then
/// masks of queries `[N, T]` and of keys `[N, S]`, if there are. A weight where either is 0 is as if its
/// score were the least there is: zero, or all of a row are equal where nothing else is left.
/// Results: `[N, T, heads * e]`, and the weights `[N, heads, T, S]`, made only when used.
public struct Attention: Operation {
  public static let name = "attention"
  /// The number of heads, which lie side by side.
  public let heads: Int
  /// Whether a position attends to itself and earlier ones only.
  public let isCausal: Bool
  /// The fraction of weights that training sets to zero, in [0, 1).
  public let rate: Float
  /// Tells the random numbers of several layers apart.
  public let stream: Int
  /// Whether there are masks of queries and of keys.
  let masks: (queries: Bool, keys: Bool)

  /// Creates an attention.
  ///
  /// - Parameters:
  ///   - heads: how many there are.
  ///   - isCausal: whether a position attends to itself and earlier ones only.
  ///   - rate: the fraction of weights that training sets to zero.
  ///   - stream: tells the random numbers of several layers apart.
  ///   - masksQueries: whether there is a mask of the queries.
  ///   - masksKeys: whether there is a mask of the keys.
  /// - Throws: when there are no heads, or the rate is not in [0, 1).
  public init(
    heads: Int, isCausal: Bool = false, rate: Float = 0, stream: Int = 0,
    masksQueries: Bool = false, masksKeys: Bool = false
  ) throws {
    guard (1...1 << 16).contains(heads) else {
      throw WaneError(Self.name, "heads must be in 1..\(1 << 16), got \(heads)")
    }
    guard rate >= 0, rate < 1 else {
      throw WaneError(Self.name, "dropout must be in [0, 1), got \(rate)")
    }
    self.heads = heads
    self.isCausal = isCausal
    self.rate = rate
    self.stream = stream
    masks = (masksQueries, masksKeys)
  }

  public init(_ attributes: Attributes) throws {
    try self.init(
      heads: attributes.int("heads"), isCausal: attributes.bool("causal"),
      rate: attributes.float("rate"), stream: attributes.int("stream"),
      masksQueries: attributes.flag("query_mask") ?? false,
      masksKeys: attributes.flag("key_mask") ?? false)
  }

  /// Masks stand in them only where there are any.
  public var attributes: [String: Attribute] {
    var result: [String: Attribute] = [
      "heads": .int(heads), "causal": .bool(isCausal), "rate": .float(rate), "stream": .int(stream),
    ]
    if masks.queries { result["query_mask"] = .bool(true) }
    if masks.keys { result["key_mask"] = .bool(true) }
    return result
  }

  /// The same with other heads.
  ///
  /// - Throws: when there are none.
  public func with(heads: Int) throws -> Attention {
    try Attention(
      heads: heads, isCausal: isCausal, rate: rate, stream: stream, masksQueries: masks.queries,
      masksKeys: masks.keys)
  }

  /// The same with masks, or without.
  ///
  /// - Parameters:
  ///   - masksQueries: whether there is a mask of the queries.
  ///   - masksKeys: whether there is a mask of the keys.
  /// - Returns: the operation.
  /// - Throws: nothing that is not thrown when it is made.
  public func with(masksQueries: Bool, masksKeys: Bool) throws -> Attention {
    try Attention(
      heads: heads, isCausal: isCausal, rate: rate, stream: stream, masksQueries: masksQueries,
      masksKeys: masksKeys)
  }

  /// The same without dropout.
  func withoutDropout() throws -> Attention {
    try Attention(
      heads: heads, isCausal: isCausal, masksQueries: masks.queries, masksKeys: masks.keys)
  }

  /// How many masks there are.
  fileprivate var maskCount: Int { (masks.queries ? 1 : 0) + (masks.keys ? 1 : 0) }

  /// Where the masks are, when the first of them would be at `first`.
  func maskPlaces(from first: Int) -> (queries: Int?, keys: Int?) {
    (
      masks.queries ? first : nil,
      masks.keys ? first + (masks.queries ? 1 : 0) : nil
    )
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3 + maskCount...3 + maskCount)
    for input in inputs[..<3] {
      try require(input, .f32)
      guard input.isBatched, input.dimensions.count == 2, input.dimensions.allSatisfy({ $0 > 0 }),
        input.channels % heads == 0
      else {
        throw WaneError(
          Self.name,
          "takes sequences [steps, channels] whose channels divide into \(heads) heads, "
            + "got \(input)")
      }
    }
    let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
    guard queries.channels == keys.channels, keys.dimensions[0] == values.dimensions[0] else {
      throw WaneError(
        Self.name, "queries \(queries), keys \(keys) and values \(values) do not fit together")
    }
    let places = maskPlaces(from: 3)
    for (place, sequence) in [(places.queries, queries), (places.keys, keys)] {
      guard let place, inputs[place] != .batched([sequence.dimensions[0]]) else { continue }
      throw WaneError(Self.name, "mask \(inputs[place]) does not fit \(sequence)")
    }
    return [
      .batched([queries.dimensions[0], values.channels]),
      .batched([heads, queries.dimensions[0], keys.dimensions[0]]),
    ]
  }

  /// The two products.
  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(
      inputs[0].dimensions[0], inputs[1].dimensions[0],
      inputs[1].channels.addingClamped(inputs[2].channels))
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    let results = try context.add(
      all: AttentionGradient(self),
      [gradient] + context.inputs[..<3] + [context.outputs[1]] + context.inputs[3...])
    return results.map { $0 } + [Value?](repeating: nil, count: maskCount)
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let heads = try AttentionHeads(
      self, Self.name, Array(context.inputTypes), batch: context.batch, mode: context.mode)
    let queries = try context.input(0).floats
    let keys = try context.input(1).floats
    let values = try context.input(2).floats
    let masks = try AttentionMasks(maskPlaces(from: 3), context)
    let y = context.output().floats
    let isSaved = context.isUsed(1)
    var scratch = ScratchFloats()
    // The weights of one head, unless they are kept, and what dropout leaves of them.
    let weights =
      try isSaved
      ? .memory(context.output(1).floats) : scratch.reserve(heads.queries, heads.keys)
    let dropped = try heads.drops ? scratch.reserve(heads.queries, heads.keys) : weights
    context.reserveScratch(scratch.byteCount)
    let score = try heads.score()
    let combine = try heads.combine()
    return { run in
      let weights = weights.pointer(run)
      for head in 0..<heads.count {
        let at = heads.offsets(head)
        let own = weights + (isSaved ? head * heads.weightCount : 0)
        score.run(queries + at.query, keys + at.key, own, run)
        heads.normalize(own, head, masks)
        let used = heads.drops ? dropped.pointer(run) : own
        if heads.drops { heads.drop(own, used, head, run) }
        combine.run(used, values + at.value, y + at.result, run)
      }
    }
  }
}

/// The gradients of an attention: `dy, queries, keys, values, weights, masks -> dqueries,
/// dkeys, dvalues`.
public struct AttentionGradient: Operation {
  public static let name = "attention_gradient"
  let attention: Attention

  init(_ attention: Attention) { self.attention = attention }

  public init(_ attributes: Attributes) throws { attention = try Attention(attributes) }

  public var attributes: [String: Attribute] { attention.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 5 + attention.maskCount...5 + attention.maskCount)
    return Array(inputs[1...3])
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(2, attention.work(Array(inputs[1...3]), outputs))
  }

  /// The weights are made of queries and keys once more.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let masks = Array(context.inputs[5...])
    let gradients = try context.secondGradients(
      dy: context.inputs[0], operands: Array(context.inputs[1...3]), results: [0, 1, 2]
    ) { [attention] formula, operands in try attention.value(&formula, operands, masks) }
    return gradients + [Value?](repeating: nil, count: 1 + masks.count)
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let heads = try AttentionHeads(
      attention, Self.name, Array(context.inputTypes[1...3]), batch: context.batch,
      mode: context.mode)
    let dy = try context.input(0).floats
    let queries = try context.input(1).floats
    let keys = try context.input(2).floats
    let values = try context.input(3).floats
    let weights = try context.input(4).floats
    let masks = try AttentionMasks(attention.maskPlaces(from: 5), context)
    let dqueries = context.output(0).floats
    let dkeys = context.isUsed(1) ? context.output(1).floats : nil
    let dvalues = context.isUsed(2) ? context.output(2).floats : nil
    var scratch = ScratchFloats()
    let dscores = try scratch.reserve(heads.queries, heads.keys)
    let dropped = try scratch.reserve(heads.queries, heads.keys)
    context.reserveScratch(scratch.byteCount)
    let toValues = try heads.gradientOfValues()
    let toWeights = try heads.gradientOfWeights()
    let toQueries = try heads.gradientOfQueries()
    let toKeys = try heads.gradientOfKeys()
    return { run in
      let dscores = dscores.pointer(run)
      let dropped = dropped.pointer(run)
      for head in 0..<heads.count {
        let at = heads.offsets(head)
        let own = weights + head * heads.weightCount
        if let dvalues {
          if heads.drops { heads.drop(own, dropped, head, run) }
          toValues.run(heads.drops ? dropped : own, dy + at.result, dvalues + at.value, run)
        }
        toWeights.run(dy + at.result, values + at.value, dscores, run)
        if heads.drops { heads.drop(dscores, dscores, head, run) }
        wane_softmax_grad_f32(own, dscores, dscores, heads.queries, heads.keys)
        heads.hide(dscores, head, masks, as: 0)
        toQueries.run(dscores, keys + at.key, dqueries + at.query, run)
        if let dkeys { toKeys.run(dscores, queries + at.query, dkeys + at.key, run) }
      }
    }
  }
}

/// The masks of an attention.
private struct AttentionMasks {
  let queries, keys: UnsafePointer<Float>?

  init(_ places: (queries: Int?, keys: Int?), _ context: LoweringContext) throws {
    queries = try places.queries.map { UnsafePointer(try context.input($0).floats) }
    keys = try places.keys.map { UnsafePointer(try context.input($0).floats) }
  }

  var areThere: Bool { queries != nil || keys != nil }
}

/// The heads of all samples, one after the other, and their products.
private struct AttentionHeads {
  /// Heads of all samples.
  let count: Int
  /// Positions of queries and of keys.
  let queries, keys: Int
  /// Whether weights are dropped.
  let drops: Bool
  private let attention: Attention
  private let operation: String
  private let heads: Int
  /// The size of a head's keys and of its values.
  private let keySize, valueSize: Int

  init(
    _ attention: Attention, _ operation: String, _ types: [ValueType], batch: Int,
    mode: ProgramMode
  ) throws {
    self.attention = attention
    self.operation = operation
    heads = attention.heads
    count = batch * heads
    queries = types[0].dimensions[0]
    keys = types[1].dimensions[0]
    keySize = types[1].channels / heads
    valueSize = types[2].channels / heads
    drops = mode == .training && attention.rate > 0
  }

  /// Weights of one head.
  var weightCount: Int { queries * keys }

  /// Where the parts of a head begin.
  func offsets(_ head: Int) -> (query: Int, key: Int, value: Int, result: Int) {
    let (sample, place) = (head / heads, head % heads)
    let (keyRow, valueRow) = (heads * keySize, heads * valueSize)
    return (
      sample * queries * keyRow + place * keySize, sample * keys * keyRow + place * keySize,
      sample * keys * valueRow + place * valueSize, sample * queries * valueRow + place * valueSize
    )
  }

  private var scale: Float { 1 / Float(keySize).squareRoot() }

  func score() throws -> Multiplication {
    try Multiplication(
      operation, m: queries, n: keys, k: keySize, transposesB: true, scale: scale,
      aStep: heads * keySize, bStep: heads * keySize)
  }

  func combine() throws -> Multiplication {
    try Multiplication(
      operation, m: queries, n: valueSize, k: keys, bStep: heads * valueSize,
      cStep: heads * valueSize)
  }

  func gradientOfValues() throws -> Multiplication {
    try Multiplication(
      operation, m: keys, n: valueSize, k: queries, transposesA: true, bStep: heads * valueSize,
      cStep: heads * valueSize)
  }

  func gradientOfWeights() throws -> Multiplication {
    try Multiplication(
      operation, m: queries, n: keys, k: valueSize, transposesB: true, aStep: heads * valueSize,
      bStep: heads * valueSize)
  }

  func gradientOfQueries() throws -> Multiplication {
    try Multiplication(
      operation, m: queries, n: keySize, k: keys, scale: scale, bStep: heads * keySize,
      cStep: heads * keySize)
  }

  func gradientOfKeys() throws -> Multiplication {
    try Multiplication(
      operation, m: keys, n: keySize, k: queries, transposesA: true, scale: scale,
      bStep: heads * keySize, cStep: heads * keySize)
  }

  /// Makes weights of scores.
  func normalize(_ scores: UnsafeMutablePointer<Float>, _ head: Int, _ masks: AttentionMasks) {
    if masks.areThere {
      hide(scores, head, masks, as: Attention.leastScore)
      return wane_softmax_f32(scores, scores, queries, keys)
    }
    guard attention.isCausal else { return wane_softmax_f32(scores, scores, queries, keys) }
    for query in 0..<queries {
      let row = scores + query * keys
      let visible = min(query + 1, keys)
      wane_softmax_f32(row, row, 1, visible)
      wane_fill_f32(0, row + visible, keys - visible)
    }
  }

  /// Puts a number at all positions of a head that are masked, when there are masks.
  func hide(
    _ scores: UnsafeMutablePointer<Float>, _ head: Int, _ masks: AttentionMasks, as number: Float
  ) {
    guard masks.areThere else { return }
    let sample = head / heads
    for query in 0..<queries {
      let row = scores + query * keys
      let visible = attention.isCausal ? min(query + 1, keys) : keys
      if let mask = masks.queries, mask[sample * queries + query] == 0 {
        wane_fill_f32(number, row, keys)
        continue
      }
      wane_fill_f32(number, row + visible, keys - visible)
      guard let mask = masks.keys else { continue }
      for key in 0..<visible where mask[sample * keys + key] == 0 { row[key] = number }
    }
  }

  /// Drops weights, or gradients of weights, the same ones in every call for a head.
  func drop(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ head: Int,
    _ run: borrowing RunState
  ) {
    let stream = UInt64(truncatingIfNeeded: attention.stream) &* 0x1_0000_0000 &+ run.step
    let first = UInt64(run.firstSample * heads + head) &* UInt64(weightCount)
    wane_dropout_f32(x, attention.rate, run.seed, stream, first, y, weightCount)
  }
}
