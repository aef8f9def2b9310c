import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// Normalizations besides `nn.batch_norm`, and what disturbs training on purpose besides
  /// `nn.dropout`.
  static let normalizations: [Function] = [
    layerNorm, groupNorm, rmsNorm, normalization, spatialDropout(rank: 2), spatialDropout(rank: 1),
    gaussianNoise,
  ]

  private static let layerNorm = Function(
    "layer_norm", "Layer normalization over the last axis or others (Ba, Kiros and Hinton, 2016).",
    signature: "layer_norm { ... } -> Layer",
    options: [.normalizedAxes, .epsilon("0.001"), .scaled, .centered, .layerName],
    example: "wane.nn.layer_norm { axis = { -2, -1 } }"
  ) { context in
    let options = try context.options(1)
    return context.results(LayerBox(try options.sampleNorm(.layer)))
  }

  private static let groupNorm = Function(
    "group_norm", "Normalization of groups of channels of each sample (Wu and He, 2018).",
    signature: "group_norm { groups, ... } -> Layer",
    options: [
      Option(
        "groups", "integer", default: "32", at: 1, "how many; -1 for every channel by itself"),
      .epsilon("0.001"), .scaled, .centered, .layerName,
    ],
    example: "wane.nn.group_norm { 8 }"
  ) { context in
    let options = try context.options(1)
    let groups = try options.integer("groups", default: 32)
    guard groups > 0 || groups == -1 else {
      throw options.bad("groups", "must be positive, or -1, got \(groups)")
    }
    return context.results(LayerBox(try options.sampleNorm(.group(groups))))
  }

  private static let rmsNorm = Function(
    "rms_norm",
    "Division by the root mean square over the last axis or others (Zhang and Sennrich, 2019).",
    signature: "rms_norm { ... } -> Layer",
    options: [.normalizedAxes, .epsilon("0.000001"), .layerName],
    example: "wane.nn.rms_norm {}"
  ) { context in
    let options = try context.options(1)
    return context.results(LayerBox(try options.sampleNorm(.rootMeanSquare)))
  }

  private static let normalization = Function(
    "normalization",
    "(x - mean) / sqrt(variance), with statistics given or learned by layer:adapt(data).",
    signature: "normalization { ... } -> Layer",
    options: [
      Option("mean", "number or list", default: "learned", "a number a channel, or one for all"),
      Option(
        "variance", "number or list", default: "learned", "a number a channel, or one for all"),
      .layerName,
    ],
    example: "wane.nn.normalization {}:adapt(train)"
  ) { context in
    let options = try context.options(1)
    let mean = try options.numbers("mean")
    let variance = try options.numbers("variance")
    let name = try options.string("name")
    guard mean != nil || variance != nil else {
      return context.results(LayerBox(NormalizationLayer(name: name)))
    }
    let statistics = try NormalizationLayer.Statistics(
      mean: options.required("mean", mean).map { Float($0) },
      variance: options.required("variance", variance).map { Float($0) })
    return context.results(LayerBox(NormalizationLayer(statistics, name: name)))
  }

  private static func spatialDropout(rank: Int) -> Function {
    let name = "spatial_dropout\(rank)d"
    return Function(
      name,
      "Sets random channels of \(rank == 2 ? "images" : "sequences") to zero in training.",
      signature: "\(name) { rate } -> Layer",
      options: [Option("rate", "number in [0, 1)", at: 1, "the part that is dropped"), .layerName],
      example: "wane.nn.\(name) { 0.2 }"
    ) { context in
      let options = try context.options(1)
      let rate = try options.required("rate", options.number("rate"))
      return context.results(
        LayerBox(
          try SpatialDropoutLayer(rate: Float(rate), rank: rank, name: options.string("name"))))
    }
  }

  private static let gaussianNoise = Function(
    "gaussian_noise", "Adds normally distributed noise in training.",
    signature: "gaussian_noise { stddev } -> Layer",
    options: [Option("stddev", "number", at: 1, "the noise's standard deviation"), .layerName],
    example: "wane.nn.gaussian_noise { 0.1 }"
  ) { context in
    let options = try context.options(1)
    let deviation = try options.required("stddev", options.number("stddev"))
    return context.results(
      LayerBox(try GaussianNoiseLayer(deviation: Float(deviation), name: options.string("name"))))
  }

  /// `layer:adapt(data)`.
  static let adapt = Function(
    "adapt", "Learns the statistics of a normalization layer from data, and returns the layer.",
    signature: "adapt(data) -> Layer",
    example: "wane.nn.normalization {}:adapt(train)",
    method: { (box: LayerBox, context) in
      guard let layer = box.layer as? NormalizationLayer else {
        throw context.argumentError(1, "a normalization layer expected, got a \(box.kind) layer")
      }
      let samples =
        try context.objectIfAny(2, as: DatasetBox.self)?.dataset.columns[0]
        ?? .tensor(context.tensor(2))
      return context.results(LayerBox(try layer.adapted(to: samples)))
    })
}

extension Options {
  fileprivate func sampleNorm(_ kind: SampleNormKind) throws -> SampleNormLayer {
    let epsilon = try number("epsilon")
    if let epsilon, !(epsilon > 0 && Float(epsilon).isFinite) {
      throw bad("epsilon", "must be positive, got \(epsilon)")
    }
    return try SampleNormLayer(
      kind, epsilon: epsilon.map { Float($0) }, isScaled: boolean("scale", default: true),
      isShifted: boolean("center", default: true), axes: sampleAxes("axis") ?? [-1],
      name: string("name"))
  }
}

extension Option {
  fileprivate static func epsilon(_ usual: String) -> Option {
    Option("epsilon", "number", default: usual, "keeps the root away from zero")
  }

  fileprivate static let normalizedAxes = Option(
    "axis", "integer or list", default: "-1",
    "the axes that are normalized together, the batch counting as 1, or from -1 backwards")

  fileprivate static let scaled = Option(
    "scale", "boolean", default: "true",
    "whether there is a factor a channel, or an element of the axes")

  fileprivate static let centered = Option(
    "center", "boolean", default: "true",
    "whether there is a term a channel, or an element of the axes")
}
