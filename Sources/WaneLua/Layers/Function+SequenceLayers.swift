import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The layers of sequences, for `wane.nn`.
  static let sequenceLayers: [Function] = [
    .embedding, .simpleRNN, .lstm, .gru, .bidirectional, .multiHeadAttention,
  ]

  private static let embedding = Function(
    "embedding", "A vector for each whole number: rows of a table that is learned.",
    signature: "embedding { input_dim, output_dim } -> Layer",
    options: [
      Option("input_dim", "integer", at: 1, "rows of the table; numbers are 0 to one less"),
      Option("output_dim", "integer", at: 2, "numbers in a row"), .layerName,
    ],
    example: #"y = wane.nn.embedding { 1000, 16 } (wane.nn.input { 20, dtype = "i32" })"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try EmbeddingLayer(
          inputs: options.required("input_dim", options.integer("input_dim")),
          outputs: options.required("output_dim", options.integer("output_dim")),
          name: options.string("name"))))
  }

  private static let simpleRNN = Function(
    "simple_rnn", "Fully connected recurrence over sequences: h = activation(x W + h U + b).",
    signature: "simple_rnn { units, ... } -> Layer",
    options: Option.recurrent + [
      Option(
        "activation", oneOf: RecurrentActivation.allCases.map(\.rawValue), default: "tanh",
        "applied to the state"),
      .layerName,
    ],
    example: "wane.nn.simple_rnn { 32 }"
  ) { context in
    let options = try context.options(1)
    let activation = try options.choice("activation").flatMap(RecurrentActivation.init(rawValue:))
    return context.results(
      LayerBox(
        try SimpleRNNLayer(
          options.recurrent(), activation: activation ?? .tanh, name: options.string("name"))))
  }

  private static let lstm = Function(
    "lstm", "Long short-term memory over sequences [steps, channels].",
    signature: "lstm { units, ... } -> Layer",
    options: Option.recurrent + [
      Option(
        "unit_forget_bias", "boolean", default: "true", "the bias of the forget gate starts at one"
      ),
      .layerName,
    ],
    example: "wane.nn.lstm { 64, return_sequences = true }"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try LSTMLayer(
          options.recurrent(),
          usesUnitForgetBias: options.boolean("unit_forget_bias", default: true),
          name: options.string("name"))))
  }

  private static let gru = Function(
    "gru", "Gated recurrent units over sequences, the reset gate applied after the product.",
    signature: "gru { units, ... } -> Layer", options: Option.recurrent + [.layerName],
    example: "wane.nn.gru { 64 }"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(try GRULayer(options.recurrent(), name: options.string("name"))))
  }

  private static let bidirectional = Function(
    "bidirectional", "A recurrent layer in both directions (Schuster and Paliwal, 1997).",
    signature: "bidirectional { layer, ... } -> Layer",
    options: [
      Option("layer", "Layer", at: 1, "simple_rnn, lstm or gru"),
      Option(
        "merge_mode", oneOf: MergeMode.allCases.map(\.rawValue), default: "concat",
        "what becomes of the two results: side by side, added, multiplied, averaged"),
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
      "go_backwards", "boolean", default: "false", "from the last step to the first, in that order"),
    Option("use_bias", "boolean", default: "true", "adds a number to each sum"),
  ]
}

extension Options {
  fileprivate func recurrent() throws -> RecurrentOptions {
    RecurrentOptions(
      units: try required("units", integer("units")),
      returnsSequences: try boolean("return_sequences", default: false),
      goesBackwards: try boolean("go_backwards", default: false),
      usesBias: try boolean("use_bias", default: true))
  }
}
