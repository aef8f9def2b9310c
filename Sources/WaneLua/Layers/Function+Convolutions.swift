import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The convolutions besides `nn.conv2d`.
  static let convolutions: [Function] = [
    depthwiseConv2D, separableConv2D, conv1D, conv2DTranspose,
  ]

  private static let depthwiseConv2D = Function(
    "depthwise_conv2d", "Convolution of every channel by itself.",
    signature: "depthwise_conv2d { kernel_size, ... } -> Layer",
    options: [
      .kernelSize(at: 1), .strides(default: "1"), .padding, .dilation, .depthMultiplier,
      .activation(), Option("use_bias", "boolean", default: "true", "adds a number a channel"),
      .layerName,
    ],
    example: #"wane.nn.depthwise_conv2d { 3, padding = "same" }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try DepthwiseConv2DLayer(
          window: options.window("kernel_size", strides: [1, 1]),
          depthMultiplier: options.integer("depth_multiplier", atLeast: 1, default: 1),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }

  private static let separableConv2D = Function(
    "separable_conv2d", "A depthwise convolution, then one of single pixels.",
    signature: "separable_conv2d { filters, kernel_size, ... } -> Layer",
    options: [
      .filters, .kernelSize(at: 2), .strides(default: "1"), .padding, .dilation, .depthMultiplier,
      .activation(), .usesBias, .layerName,
    ],
    example: #"wane.nn.separable_conv2d { 32, 3, activation = "relu" }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try SeparableConv2DLayer(
          filters: options.required("filters", options.integer("filters")),
          window: options.window("kernel_size", strides: [1, 1]),
          depthMultiplier: options.integer("depth_multiplier", atLeast: 1, default: 1),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }

  private static let conv1D = Function(
    "conv1d", "One-dimensional convolution of sequences [length, channels].",
    signature: "conv1d { filters, kernel_size, ... } -> Layer",
    options: [
      .filters, Option("kernel_size", "integer", at: 2, "length of the window"),
      Option("strides", "integer", default: "1", "steps between windows"),
      Option(
        "padding", oneOf: Padding.allCases.map(\.rawValue), default: "valid",
        "valid: windows lie inside; same: zeros around, so that with stride 1 the length stays; "
          + "causal: the same zeros, all of them before"),
      Option("dilation", "integer", default: "1", "distance between elements of the window"),
      Option(
        "groups", "integer", default: "1", "channels are cut into groups convolved by themselves"),
      .activation(), .usesBias, .layerName,
    ],
    example: #"wane.nn.conv1d { 16, 3, padding = "causal", dilation = 2 }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try Conv1DLayer(
          filters: options.required("filters", options.integer("filters")),
          window: options.rowWindow("kernel_size", strides: 1),
          groups: options.integer("groups", atLeast: 1, default: 1),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }

  private static let conv2DTranspose = Function(
    "conv2d_transpose", "Transposed convolution: a larger image from a smaller one.",
    signature: "conv2d_transpose { filters, kernel_size, ... } -> Layer",
    options: [
      .filters, .kernelSize(at: 2), .strides(default: "1"),
      Option(
        "padding", oneOf: ["valid", "same"], default: "valid",
        "valid: whole windows; same: the size of the image times the strides"),
      .dilation, .activation(), .usesBias, .layerName,
    ],
    example: #"wane.nn.conv2d_transpose { 8, 3, strides = 2, padding = "same" }"#
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try Conv2DTransposeLayer(
          filters: options.required("filters", options.integer("filters")),
          window: options.window("kernel_size", strides: [1, 1]),
          activation: options.activation("activation"),
          usesBias: options.boolean("use_bias", default: true), name: options.string("name"))))
  }
}

extension Option {
  fileprivate static let filters = Option("filters", "integer", at: 1, "channels of the result")

  fileprivate static func kernelSize(at position: Int) -> Option {
    Option("kernel_size", "integer or pair", at: position, "height and width of the window")
  }

  fileprivate static let dilation = Option(
    "dilation", "integer or pair", default: "1", "distance between elements of the window")

  fileprivate static let depthMultiplier = Option(
    "depth_multiplier", "integer", default: "1", "results of each channel")

  fileprivate static let usesBias = Option(
    "use_bias", "boolean", default: "true", "adds a number a filter")
}
