import WaneGraph
import WaneTensor

/// Attention of several heads over sequences (Vaswani et al., 2017), with Keras's parameters.
///
/// Takes `x`, or query and value, or query, value and key: `[N, T, C]`. Kernels of query and key
/// `[C, heads * key size]`, of value `[C, heads * value size]`, of the output
/// `[heads * value size, outputs]`, Glorot uniform as Keras counts their fans; biases zero.
public struct MultiHeadAttentionLayer: Layer {
  public static let kind = "multi_head_attention"
  public let name: String?
  let heads: Int
  let keySize: Int
  let valueSize: Int
  let outputs: Int?
  let isCausal: Bool
  let dropout: Float
  let usesBias: Bool

  /// Creates an attention layer.
  ///
  /// - Parameters:
  ///   - heads: how many there are.
  ///   - keySize: numbers of a head's queries and keys.
  ///   - valueSize: numbers of a head's values; as many as of its keys by default.
  ///   - outputs: channels of the result; those of the query by default.
  ///   - isCausal: whether a position attends to itself and earlier ones only.
  ///   - dropout: the fraction of weights that training sets to zero.
  ///   - usesBias: whether the four projections add a number to each result.
  ///   - name: what the layer is called.
  /// - Throws: when a size is not positive or dropout not in [0, 1).
  public init(
    heads: Int, keySize: Int, valueSize: Int? = nil, outputs: Int? = nil, isCausal: Bool = false,
    dropout: Float = 0, usesBias: Bool = true, name: String? = nil
  ) throws {
    let sizes = [heads, keySize, valueSize ?? keySize, outputs ?? 1]
    guard sizes.allSatisfy((1...1 << 16).contains) else {
      throw WaneError(
        Self.kind,
        "num_heads, key_dim, value_dim and output_dim must be in 1..\(1 << 16), got \(sizes)")
    }
    _ = try Attention(heads: heads, rate: dropout)
    self.heads = heads
    self.keySize = keySize
    self.valueSize = valueSize ?? keySize
    self.outputs = outputs
    self.isCausal = isCausal
    self.dropout = dropout
    self.usesBias = usesBias
    self.name = name
  }

  public var inputCount: ClosedRange<Int> { 1...3 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    for input in inputs where builder.type(input).dimensions.count != 2 {
      throw WaneError(
        Self.kind, "takes sequences [steps, channels], got \(builder.type(input))")
    }
    let query = inputs[0]
    let value = inputs.count > 1 ? inputs[1] : query
    let key = inputs.count > 2 ? inputs[2] : value
    let masks = try self.masks(&builder, query: query, value: value, key: key)
    let attention = try Attention(
      heads: heads, isCausal: isCausal, rate: dropout, stream: builder.ordinal,
      masksQueries: masks.query != nil, masksKeys: masks.key != nil)
    let operands = [
      try project(&builder, query, "query", keySize), try project(&builder, key, "key", keySize),
      try project(&builder, value, "value", valueSize),
    ]
    let seen = try builder.addAll(
      attention, operands + [masks.query, masks.key].compactMap { $0 })[0]
    let outputs = outputs ?? builder.type(query).channels
    // Keras's kernel is [heads, value size, outputs].
    let fans = heads * (valueSize + outputs)
    return try dense(&builder, seen, "attention_output", outputs, fans: fans)
  }

  /// The masks of what looks and of what is looked at; the latter is that of the values, and of the keys
  /// where these are others.
  private func masks(
    _ builder: inout LayerBuilder, query: Value, value: Value, key: Value
  ) throws -> (query: Value?, key: Value?) {
    let (ofValue, ofKey) = (builder.mask(of: value), key == value ? nil : builder.mask(of: key))
    guard let ofValue, let ofKey else { return (builder.mask(of: query), ofValue ?? ofKey) }
    let both = try builder.add(Binary(.multiply), [ofValue, ofKey], part: "mask")
    return (builder.mask(of: query), both)
  }

  /// That of the query.
  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] { [builder.mask(of: inputs[0])] }

  /// What the heads see of a sequence; Keras's kernel is [channels, heads, size].
  private func project(
    _ builder: inout LayerBuilder, _ input: Value, _ part: String, _ size: Int
  ) throws -> Value {
    let fans = builder.type(input).channels * (heads + size)
    return try dense(&builder, input, part, heads * size, fans: fans)
  }

  private func dense(
    _ builder: inout LayerBuilder, _ input: Value, _ part: String, _ units: Int, fans: Int
  ) throws -> Value {
    let limit = (6 / Float(fans)).squareRoot()
    let channels = builder.type(input).channels
    var operands = [input]
    operands.append(
      try builder.parameter(
        "\(part)/kernel", [channels, units], .uniform(limit: limit), part: part))
    if usesBias {
      operands.append(try builder.parameter("\(part)/bias", [units], .zeros, part: part))
    }
    return try builder.add(Dense(), operands, part: part)
  }
}
