import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The activations as layers of their own, besides `nn.activation`.
  static let activations: [Function] =
    [
      plain("relu", "max(0, x).", Activation(.relu)),
      plain("relu6", "min(max(0, x), 6).", Activation(.relu6)),
      plain("selu", "Scaled exponential unit (Klambauer et al., 2017).", Activation(.selu)),
      plain("sigmoid", "1 / (1 + exp(-x)).", Activation(.sigmoid)),
      plain("tanh", "Hyperbolic tangent.", Activation(.tanh)),
      plain("softmax", "exp(x) / sum(exp(x)) along the last axis.", Softmax()),
      plain("silu", "x * sigmoid(x), also called swish.", Activation(.silu)),
      plain("hard_swish", "x * hard_sigmoid(x) (Keras: hard_silu).", Activation(.hardSwish)),
      plain("hard_sigmoid", "x / 6 + 1 / 2 between 0 and 1.", Activation(.hardSigmoid)),
      plain("softplus", "log(1 + exp(x)).", Activation(.softplus)),
      plain("softsign", "x / (1 + |x|).", Activation(.softsign)),
      plain("mish", "x * tanh(softplus(x)) (Misra, 2019).", Activation(.mish)),
      gelu,
      sloped(
        .leakyReLU, "x above zero, negative_slope * x below.", "negative_slope", 0.3,
        "the slope below zero"),
      sloped(
        .elu, "x above zero, alpha * (exp(x) - 1) below.", "alpha", 1,
        "the distance to the limit below zero"),
      prelu,
    ]

  private static func plain(
    _ name: String, _ summary: String, _ operation: any WaneGraph.Operation
  ) -> Function {
    Function(
      name, summary, signature: "\(name) {} -> Layer", options: [.layerName],
      example: "wane.nn.\(name) {}"
    ) { context in
      let layerName = try context.options(1).string("name")
      return context.results(
        LayerBox(ActivationLayer(operation, kind: context.function.name, name: layerName)))
    }
  }

  private static let gelu = Function(
    "gelu", "x * P(Z < x) for a standard normal Z (Hendrycks and Gimpel, 2016).",
    signature: "gelu { ... } -> Layer",
    options: [
      Option("approximate", "boolean", default: "false", "by a hyperbolic tangent"), .layerName,
    ],
    example: "wane.nn.gelu {}"
  ) { context in
    let options = try context.options(1)
    let isApproximate = try options.boolean("approximate", default: false)
    return context.results(
      LayerBox(
        ActivationLayer(
          Activation(isApproximate ? .geluTanh : .gelu), kind: "gelu",
          name: try options.string("name"))))
  }

  private static func sloped(
    _ kind: ActivationKind, _ summary: String, _ option: String, _ usual: Double, _ text: String
  ) -> Function {
    Function(
      kind.rawValue, summary, signature: "\(kind.rawValue) { \(option) } -> Layer",
      options: [Option(option, "number", default: "\(usual)", at: 1, text), .layerName],
      example: "wane.nn.\(kind.rawValue) { \(usual) }"
    ) { context in
      let options = try context.options(1)
      let alpha = try options.number(option, default: usual)
      guard alpha >= 0, Float(alpha).isFinite else {
        throw options.bad(option, "must be at least 0, got \(alpha)")
      }
      return context.results(
        LayerBox(
          ActivationLayer(
            try Activation(kind, alpha: Float(alpha)), kind: kind.rawValue,
            name: try options.string("name"))))
    }
  }

  private static let prelu = Function(
    "prelu", "A rectifier that learns its slopes below zero (He et al., 2015).",
    signature: "prelu { ... } -> Layer",
    options: [
      Option(
        "shared_axes", "integer or list", default: "none",
        "axes that share their slopes, the batch counting as axis 1, or from -1 backwards: { 2, 3 } "
          + "for one a channel of an image"),
      .layerName,
    ],
    example: "wane.nn.prelu { shared_axes = { 2, 3 } }"
  ) { context in
    let options = try context.options(1)
    let axes = try options.sampleAxes("shared_axes") ?? []
    return context.results(
      LayerBox(PReLULayer(sharedAxes: axes, name: try options.string("name"))))
  }
}
