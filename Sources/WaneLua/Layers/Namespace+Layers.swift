import WaneGraph
import WaneNN
import WaneTensor

extension Namespace {
  /// `wane.nn`.
  static let layers = Namespace(
    "nn", "Layers, and models made of them.",
    functions: [
      .sequential, .functionalModel, .inputLayer, .conv2d, .pool("max_pool2d", "maximum"),
      .pool("avg_pool2d", "average"), .dense, .flatten, .activationLayer, .dropout, .batchNorm,
      .add, .rescaling, .lambda, .luaLayer, .parameter,
    ] + Function.convolutions + Function.resizings + Function.activations
      + Function.normalizations + Function.mergings + Function.sequenceLayers)
}

extension Function {
  fileprivate static let inputLayer = Function(
    "input", "Where a model is fed: the extents of one sample.",
    signature: "input { extents... } -> symbolic value",
    options: [
      Option(
        "dtype", oneOf: InputLayer.dtypes.map(\.description), default: "f32",
        "the type of its elements; whole numbers are for embeddings"),
      Option.layerName,
    ],
    example: "x = wane.nn.input { 28, 28, 1 }"
  ) { context in
    let table = try context.table(1)
    let options = try Options(
      LuaTable(fields: table.fields), of: "input", context.function.options)
    let extents = try table.elements.map { element in
      guard case .integer(let extent) = element, extent > 0 else {
        throw context.argumentError(
          1, "positive whole numbers expected, got \(element.shortDescription)")
      }
      return extent
    }
    let dtype = try options.choice("dtype").flatMap(DType.init(name:)) ?? .f32
    let layer = try InputLayer(extents, dtype: dtype, name: options.string("name"))
    return context.results(SymbolBox(try SymbolicValue(layer, [], identity: LayerIdentity())))
  }

  fileprivate static let conv2d = Function(
    "conv2d", "Two-dimensional convolution, channels last.",
    signature: "conv2d { filters, kernel_size, ... } -> Layer",
    options: [
      Option("filters", "integer", at: 1, "channels of the result"),
      Option("kernel_size", "integer or pair", at: 2, "height and width of the window"),
      .strides(default: "1"), .padding,
      Option(
        "dilation", "integer or pair", default: "1", "distance between elements of the window"),
      Option(
        "groups", "integer", default: "1", "channels are cut into groups convolved by themselves"),
      .activation(), Option("use_bias", "boolean", default: "true", "adds a number a filter"),
      .layerName,
    ],
    example: #"wane.nn.conv2d { 32, 3, activation = "relu" }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try Conv2DLayer(
          filters: options.required("filters", options.integer("filters")),
          window: options.window("kernel_size", strides: [1, 1]),
          groups: options.integer("groups", atLeast: 1, default: 1),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }

  fileprivate static func pool(_ name: String, _ what: String) -> Function {
    Function(
      name, "The \(what) over windows of each channel.",
      signature: "\(name) { pool_size, ... } -> Layer",
      options: [
        Option(
          "pool_size", "integer or pair", default: "2", at: 1, "height and width of the window"),
        .strides(default: "pool_size"), .padding, .layerName,
      ],
      example: "wane.nn.\(name) { 2 }"
    ) { context in
      let options = try context.options(1)
      let window = try options.window("pool_size", default: [2, 2])
      let name = try options.string("name")
      return context.results(
        LayerBox(
          what == "maximum"
            ? MaxPool2DLayer(window, name: name) : AveragePool2DLayer(window, name: name)))
    }
  }

  fileprivate static let dense = Function(
    "dense", "A fully connected layer: y = x W + b.",
    signature: "dense { units, ... } -> Layer",
    options: [
      Option("units", "integer", at: 1, "numbers of the result"), .activation(),
      Option("use_bias", "boolean", default: "true", "adds a number a unit"), .layerName,
    ],
    example: #"wane.nn.dense { 10, activation = "softmax" }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try DenseLayer(
          units: options.required("units", options.integer("units")),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }

  fileprivate static let flatten = Function(
    "flatten", "All elements of a sample in one row.", signature: "flatten {} -> Layer",
    options: [.layerName], example: "wane.nn.flatten {}"
  ) { context in
    context.results(LayerBox(FlattenLayer(name: try context.options(1).string("name"))))
  }

  fileprivate static let activationLayer = Function(
    "activation", "An activation as a layer of its own.",
    signature: "activation { kind } -> Layer",
    options: [
      Option("kind", oneOf: ActivationName.allCases.map(\.rawValue), at: 1, "the function"),
      .layerName,
    ],
    example: #"wane.nn.activation { "relu" }"#
  ) { context in
    let options = try context.options(1)
    let kind = try options.required("kind", options.activation("kind"))
    return context.results(LayerBox(ActivationLayer(kind, name: try options.string("name"))))
  }

  fileprivate static let dropout = Function(
    "dropout", "Sets a random part of the values to zero in training.",
    signature: "dropout { rate } -> Layer",
    options: [Option("rate", "number in [0, 1)", at: 1, "the part that is dropped"), .layerName],
    example: "wane.nn.dropout { 0.5 }"
  ) { context in
    let options = try context.options(1)
    let rate = try options.required("rate", options.number("rate"))
    return context.results(
      LayerBox(try DropoutLayer(rate: Float(rate), name: options.string("name"))))
  }

  fileprivate static let batchNorm = Function(
    "batch_norm", "Batch normalization over the last axis (Ioffe and Szegedy, 2015).",
    signature: "batch_norm { ... } -> Layer",
    options: [
      Option(
        "momentum", "number in [0, 1)", default: "0.99", "what stays of the moving statistics"),
      Option("epsilon", "number", default: "0.001", "keeps the root away from zero"), .layerName,
    ],
    example: "wane.nn.batch_norm {}"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try BatchNormLayer(
          momentum: Float(options.number("momentum", default: 0.99)),
          epsilon: Float(options.number("epsilon", default: 1e-3)), name: options.string("name"))))
  }

  fileprivate static let rescaling = Function(
    "rescaling", "y = x * scale + offset.", signature: "rescaling { scale, offset } -> Layer",
    options: [
      Option("scale", "number", at: 1, "the factor"),
      Option("offset", "number", default: "0", at: 2, "the term"), .layerName,
    ],
    example: "wane.nn.rescaling { 2, -1 }"
  ) { context in
    let options = try context.options(1)
    let scale = try options.required("scale", options.number("scale"))
    let offset = try options.number("offset", default: 0)
    guard scale.isFinite, offset.isFinite else {
      throw options.bad("scale", "finite numbers expected, got \(scale) and \(offset)")
    }
    return context.results(
      LayerBox(
        RescalingLayer(
          scale: Float(scale), offset: Float(offset), name: try options.string("name"))))
  }

  fileprivate static let add = Function(
    "add", "The sum of symbolic values of one shape; with none, a layer to be called with them.",
    signature: "add { x, y, ... } -> symbolic value",
    options: [.layerName],
    example: "y = wane.nn.add { x, y }"
  ) { context in
    let table = context.isNone(1) ? LuaTable() : try context.table(1)
    let options = try Options(LuaTable(fields: table.fields), of: "add", context.function.options)
    let layer = AddLayer(name: try options.string("name"))
    guard !table.elements.isEmpty else { return context.results(LayerBox(layer)) }
    guard let symbols = LuaTable(table.elements).symbols else {
      throw context.argumentError(1, "a list of symbolic values expected")
    }
    return context.results(
      SymbolBox(try SymbolicValue(layer, symbols, identity: LayerIdentity())))
  }
}
