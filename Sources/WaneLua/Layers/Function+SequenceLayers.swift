import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The layers of sequences, for `wane.nn`.
  static let sequenceLayers: [Function] = [
    .embedding, .masking, .simpleRNN, .lstm, .gru, .bidirectional, .multiHeadAttention,
  ]

  private static let embedding = Function(
    "embedding", "A vector for each whole number: rows of a table that is learned.",
    signature: "embedding { input_dim, output_dim } -> Layer",
    options: [
      Option("input_dim", "integer", at: 1, "rows of the table; numbers are 0 to one less"),
      Option("output_dim", "integer", at: 2, "numbers in a row"),
      Option(
        "mask_zero", "boolean", default: "false",
        "0 stands for padding: later layers, losses and metrics pass over its steps"),
      .layerName,
    ],
    example: #"y = wane.nn.embedding { 1000, 16 } (wane.nn.input { 20, dtype = "i32" })"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try EmbeddingLayer(
          inputs: options.required("input_dim", options.integer("input_dim")),
          outputs: options.required("output_dim", options.integer("output_dim")),
          masksZero: options.boolean("mask_zero", default: false), name: options.string("name"))))
  }

  private static let masking = Function(
    "masking",
    "Steps of a sequence all of whose numbers have a value are padding: later layers, losses and "
      + "metrics pass over them.",
    signature: "masking { mask_value } -> Layer",
    options: [
      Option("mask_value", "number", default: "0", at: 1, "what padding consists of"), .layerName,
    ],
    example: "h = wane.nn.lstm { 32 } (wane.nn.masking { -1 } (wane.nn.input { 20, 8 }))"
  ) { context in
    let options = try context.options(1)
    let value = Float(try options.number("mask_value", default: 0))
    return context.results(
      LayerBox(try MaskingLayer(value: value, name: options.string("name"))))
  }

  private static let simpleRNN = Function(
    "simple_rnn", "Fully connected recurrence over sequences: h = activation(x W + h U + b).",
    signature: "simple_rnn { units, ... } -> Layer, called with x or { x, state }",
    options: Option.recurrent + [.recurrentActivation("activation", "tanh", "applied to the state")]
      + Option.recurrentEnd,
    example: "wane.nn.simple_rnn { 32 }"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try SimpleRNNLayer(
          options.recurrent(), activation: options.recurrentActivation("activation") ?? .tanh,
          name: options.string("name"))))
  }

  private static let lstm = Function(
    "lstm", "Long short-term memory over sequences [steps, channels].",
    signature: "lstm { units, ... } -> Layer, called with x or { x, state, cell }",
    options: Option.recurrent + [
      .recurrentActivation(
        "activation", "tanh", "applied to the contents of the cells and to the result"),
      .recurrentActivation("recurrent_activation", "sigmoid", "applied to the gates"),
      Option(
        "unit_forget_bias", "boolean", default: "true", "the bias of the forget gate starts at one"
      ),
    ] + Option.recurrentEnd,
    example: """
      y, state, cell = wane.nn.lstm { 64, return_state = true } (wane.nn.input { 20, 8 })
      """
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try LSTMLayer(
          options.recurrent(), activation: options.recurrentActivation("activation") ?? .tanh,
          gateActivation: options.recurrentActivation("recurrent_activation") ?? .sigmoid,
          usesUnitForgetBias: options.boolean("unit_forget_bias", default: true),
          name: options.string("name"))))
  }

  private static let gru = Function(
    "gru", "Gated recurrent units over sequences.",
    signature: "gru { units, ... } -> Layer, called with x or { x, state }",
    options: Option.recurrent + [
      .recurrentActivation("activation", "tanh", "applied to the candidate for the state"),
      .recurrentActivation("recurrent_activation", "sigmoid", "applied to the gates"),
      Option(
        "reset_after", "boolean", default: "true",
        "the reset gate is applied after the product with the state, as cuDNN does it; false: before, "
          + "as Cho et al. (2014) do it, with one bias"),
    ] + Option.recurrentEnd,
    example: "wane.nn.gru { 64 }"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try GRULayer(
          options.recurrent(), activation: options.recurrentActivation("activation") ?? .tanh,
          gateActivation: options.recurrentActivation("recurrent_activation") ?? .sigmoid,
          resetsAfter: options.boolean("reset_after", default: true), name: options.string("name")))
    )
  }

  private static let bidirectional = Function(
    "bidirectional", "A recurrent layer in both directions (Schuster and Paliwal, 1997).",
    signature:
      "bidirectional { layer, ... } -> Layer, called with x or { x, forward states..., backward "
      + "states... }",
    options: [
      Option("layer", "Layer", at: 1, "simple_rnn, lstm or gru"),
      Option(
        "merge_mode", oneOf: MergeMode.allCases.map(\.rawValue), default: "concat",
        "what becomes of the two results: side by side, added, multiplied, averaged; none: both are "
          + "results"),
      .layerName,
    ],
    example: "wane.nn.bidirectional { wane.nn.lstm { 32 } }"
  ) { context in
    let options = try context.options(1)
    let box = try options.required(
      "layer", options.object("layer", as: LayerBox.self, called: "Layer"))
    guard let layer = box.layer as? any RecurrentLayer else {
      throw options.bad("layer", "simple_rnn, lstm or gru expected, got \(box.kind)")
    }
    let mode = try options.choice("merge_mode").flatMap(MergeMode.init(rawValue:)) ?? .concat
    return context.results(
      LayerBox(try BidirectionalLayer(layer, mergeMode: mode, name: options.string("name"))))
  }

  private static let multiHeadAttention = Function(
    "multi_head_attention", "Attention over sequences (Vaswani et al., 2017).",
    signature:
      "multi_head_attention { num_heads, key_dim, ... } -> Layer, called with x, { query, value } "
      + "or { query, value, key }",
    options: [
      Option("num_heads", "integer", at: 1, "how many heads look at the sequence"),
      Option("key_dim", "integer", at: 2, "numbers of a head's queries and keys"),
      Option("value_dim", "integer", default: "key_dim", "numbers of a head's values"),
      Option("output_dim", "integer", default: "the query's", "channels of the result"),
      Option(
        "use_causal_mask", "boolean", default: "false",
        "a position attends to itself and earlier ones only"),
      Option(
        "dropout", "number in [0, 1)", default: "0", "the part of the weights that is dropped"),
      Option("use_bias", "boolean", default: "true", "the projections add a number to each result"),
      .layerName,
    ],
    example: "y = wane.nn.multi_head_attention { 4, 16 } (wane.nn.input { 20, 64 })"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try MultiHeadAttentionLayer(
          heads: options.required("num_heads", options.integer("num_heads")),
          keySize: options.required("key_dim", options.integer("key_dim")),
          valueSize: options.integer("value_dim"), outputs: options.integer("output_dim"),
          isCausal: options.boolean("use_causal_mask", default: false),
          dropout: Float(options.number("dropout", default: 0)),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }
}

extension Option {
  /// What all recurrent layers take.
  fileprivate static let recurrent = [
    Option("units", "integer", at: 1, "the size of the state"),
    Option(
      "return_sequences", "boolean", default: "false",
      "the state after every step, instead of that after the last"),
    Option(
      "return_state", "boolean", default: "false",
      "the last state, and of an lstm the last contents of its cells, are results, too"),
    Option(
      "go_backwards", "boolean", default: "false", "from the last step to the first, in that order"),
    Option("use_bias", "boolean", default: "true", "adds a number to each sum"),
  ]

  fileprivate static let recurrentEnd = [
    Option(
      "dropout", "number in [0, 1)", default: "0",
      "the part of the channels of x that training drops, the same at all steps"),
    Option(
      "recurrent_dropout", "number in [0, 1)", default: "0",
      "the part of the state that training drops in products, the same at all steps, another for each "
        + "gate"),
    Option(
      "zero_output_for_mask", "boolean", default: "false",
      "results at steps that are masked are zero, instead of those of the step before"),
    .layerName,
  ]

  fileprivate static func recurrentActivation(
    _ name: String, _ usual: String, _ text: String
  ) -> Option {
    Option(name, oneOf: RecurrentActivation.allCases.map(\.rawValue), default: usual, text)
  }
}

extension Options {
  fileprivate func recurrent() throws -> RecurrentOptions {
    var result = RecurrentOptions(
      units: try required("units", integer("units")),
      returnsSequences: try boolean("return_sequences", default: false),
      goesBackwards: try boolean("go_backwards", default: false),
      usesBias: try boolean("use_bias", default: true))
    result.returnsState = try boolean("return_state", default: false)
    result.zeroesMasked = try boolean("zero_output_for_mask", default: false)
    result.dropout = try fraction("dropout")
    result.recurrentDropout = try fraction("recurrent_dropout")
    return result
  }

  private func fraction(_ name: String) throws -> Float {
    let value = Float(try number(name, default: 0))
    guard value >= 0, value < 1 else { throw bad(name, "must be in [0, 1), got \(value)") }
    return value
  }

  fileprivate func recurrentActivation(_ name: String) throws -> RecurrentActivation? {
    try choice(name).flatMap(RecurrentActivation.init(rawValue:))
  }
}
