import COneDNN
import WaneTensor

/// Two-dimensional convolution (cross-correlation), channels last.
///
/// Operands: image `[N, H, W, C]`, kernel `[KH, KW, C / groups, O]`, and a bias `[O]` if any.
public struct Conv2D: Operation {
  public static let name = "conv2d"
  /// The window; its size is that of the kernel.
  public let window: Window2D
  /// Channels are cut into this many groups, each convolved by itself.
  public let groups: Int
  /// Applied to the result; set by the fusion pass.
  public let isReLUFused: Bool

  /// Creates a convolution.
  public init(_ window: Window2D, groups: Int = 1, isReLUFused: Bool = false) {
    self.window = window
    self.groups = groups
    self.isReLUFused = isReLUFused
  }

  public init(_ attributes: Attributes) throws {
    self.init(
      try Window2D(attributes), groups: try attributes.int("groups", in: 1...65535),
      isReLUFused: try attributes.bool("relu"))
  }

  public var attributes: [String: Attribute] {
    var attributes = window.attributes
    attributes["groups"] = .int(groups)
    attributes["relu"] = .bool(isReLUFused)
    return attributes
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...3)
    for input in inputs { try require(input, .f32) }
    let image = inputs[0].dimensions
    let kernel = inputs[1].dimensions
    let output = try window.output(Self.name, image)
    guard inputs[0].isBatched, !inputs[1].isBatched else {
      throw WaneError(
        Self.name, "takes images and one kernel for all, got \(inputs[0]), \(inputs[1])")
    }
    guard groups > 0, kernel.count == 4, Array(kernel[0..<2]) == window.size,
      image[2] % groups == 0, kernel[2] == image[2] / groups, kernel[3] % groups == 0, kernel[3] > 0
    else {
      throw WaneError(
        Self.name,
        "kernel \(Shape.text(kernel)) with \(groups) groups does not fit image \(Shape.text(image))"
      )
    }
    guard inputs.count == 2 || inputs[2] == .fixed([kernel[3]]) else {
      throw WaneError(
        Self.name, "bias \(inputs[2]) does not fit \(kernel[3]) filters")
    }
    return [.batched(output + [kernel[3]])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(outputs[0].sampleCount, inputs[1].dimensions[0..<3].reduce(1, *))
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard var gradient = context.outputGradients[0] else {
      return context.inputs.map { _ in nil }
    }
    if isReLUFused {
      gradient = try context.add(ActivationGradient(.relu), [gradient, context.outputs[0]])
    }
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    let image = context.graph.type(of: context.inputs[0])
    if context.needs(1) || (context.inputs.count == 3 && context.needs(2)) {
      let backward = Conv2DWeightGradient(window, groups: groups)
      let results = try context.add(all: backward, [context.inputs[0], gradient])
      gradients[1] = results[0]
      if context.inputs.count == 3 { gradients[2] = results[1] }
    }
    if context.needs(0) {
      let backward = Conv2DInputGradient(window, groups: groups, image: image.dimensions)
      gradients[0] = try context.add(backward, [gradient, context.inputs[1]])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let hasBias = context.inputTypes.count == 3
    var shape = try window.convolution(
      batch: context.batch, image: context.inputTypes[0].dimensions,
      filters: context.output().shape[3], groups: groups)
    var flags = (hasBias ? UInt32(WANE_DNN_BIAS) : 0) | (isReLUFused ? UInt32(WANE_DNN_RELU) : 0)
    flags |= context.precision.flag
    if !context.isConstant(1) { flags |= UInt32(WANE_DNN_PLAIN_WEIGHTS) }
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_convolution_forward_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.reserveScratch(kernel.scratchBytes)
    context.roundsToBF16 = kernel.roundsToBF16
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(try context.input(0).floats)
    arguments.weights = try context.weights(of: kernel, input: 1)
    if hasBias { arguments.bias = UnsafePointer(try context.input(2).floats) }
    arguments.dst = context.output().floats
    return kernel.kernel(arguments)
  }
}

/// The gradient of a convolution with respect to its image: `dy, kernel -> dx`.
public struct Conv2DInputGradient: Operation {
  public static let name = "conv2d_input_gradient"
  let window: Window2D
  let groups: Int
  let image: [Int]

  init(_ window: Window2D, groups: Int, image: [Int]) {
    self.window = window
    self.groups = groups
    self.image = image
  }

  public init(_ attributes: Attributes) throws {
    window = try Window2D(attributes)
    groups = try attributes.int("groups", in: 1...65535)
    image = try attributes.ints("image", count: 3)
  }

  public var attributes: [String: Attribute] {
    var attributes = window.attributes
    attributes["groups"] = .int(groups)
    attributes["image"] = .ints(image)
    return attributes
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [ValueType(dtype: .f32, isBatched: inputs[0].isBatched, dimensions: image)]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(inputs[0].sampleCount, inputs[1].dimensions[0..<3].reduce(1, *))
  }

  /// Bilinear: the adjoint in `dy` is the convolution itself.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let (dy, kernel) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) {
      gradients[0] = try context.add(Conv2D(window, groups: groups), [g, kernel])
    }
    if context.needs(1) {
      gradients[1] = try context.add(all: Conv2DWeightGradient(window, groups: groups), [g, dy])[0]
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.convolution(
      batch: context.batch, image: image, filters: context.inputTypes[0].channels, groups: groups)
    let flags = UInt32(WANE_DNN_PLAIN_WEIGHTS) | context.precision.flag
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_convolution_backward_data_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.reserveScratch(kernel.scratchBytes)
    context.roundsToBF16 = kernel.roundsToBF16
    var arguments = wane_dnn_arguments()
    arguments.diff_dst = UnsafePointer(try context.input(0).floats)
    arguments.weights = UnsafeRawPointer(try context.input(1).pointer)
    arguments.diff_src = context.output().floats
    return kernel.kernel(arguments)
  }
}

/// The gradients of a convolution with respect to kernel and bias: `x, dy -> dkernel, dbias`, summed
/// over the samples at hand.
public struct Conv2DWeightGradient: Operation {
  public static let name = "conv2d_weight_gradient"
  let window: Window2D
  let groups: Int

  init(_ window: Window2D, groups: Int) {
    self.window = window
    self.groups = groups
  }

  public init(_ attributes: Attributes) throws {
    window = try Window2D(attributes)
    groups = try attributes.int("groups", in: 1...65535)
  }

  public var attributes: [String: Attribute] {
    var attributes = window.attributes
    attributes["groups"] = .int(groups)
    return attributes
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let filters = inputs[1].channels
    return [
      .fixed(window.size + [inputs[0].channels / groups, filters]), .fixed([filters]),
    ]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(inputs[1].sampleCount, outputs[0].dimensions[0..<3].reduce(1, *))
  }

  /// Bilinear, too; every position adds its `dy` to the bias.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let (x, dy) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if let g = context.outputGradients[0] {
      if context.needs(0) {
        let image = context.graph.type(of: x).dimensions
        gradients[0] = try context.add(
          Conv2DInputGradient(window, groups: groups, image: image), [dy, g])
      }
      if context.needs(1) {
        gradients[1] = try context.add(Conv2D(window, groups: groups), [x, g])
      }
    }
    if let g = context.outputGradients[1], context.needs(1) {
      let extents = context.graph.type(of: dy).dimensions
      let spread = try context.add(BroadcastTo(extents), [g, dy])
      gradients[1] = try gradients[1].map { try context.add(Add(), [$0, spread]) } ?? spread
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.convolution(
      batch: context.batch, image: context.inputTypes[0].dimensions,
      filters: context.inputTypes[1].channels, groups: groups)
    let flags = (context.isUsed(1) ? UInt32(WANE_DNN_BIAS) : 0) | context.precision.flag
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_convolution_backward_weights_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.reserveScratch(kernel.scratchBytes)
    context.roundsToBF16 = kernel.roundsToBF16
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(try context.input(0).floats)
    arguments.diff_dst = UnsafePointer(try context.input(1).floats)
    arguments.diff_weights = context.output(0).floats
    if context.isUsed(1) { arguments.diff_bias = context.output(1).floats }
    return kernel.kernel(arguments)
  }
}

extension Window2D {
  /// The shape of a convolution as the oneDNN layer wants it.
  func convolution(batch: Int, image: [Int], filters: Int, groups: Int) throws
    -> wane_dnn_convolution
  {
    let vertical = extent(image[0], axis: 0)
    let horizontal = extent(image[1], axis: 1)
    return wane_dnn_convolution(
      batch: Int64(batch), height: Int64(image[0]), width: Int64(image[1]),
      in_channels: Int64(image[2]), out_channels: Int64(filters), kernel_h: Int64(size[0]),
      kernel_w: Int64(size[1]), stride_h: Int64(strides[0]), stride_w: Int64(strides[1]),
      dilation_h: Int64(dilation[0]), dilation_w: Int64(dilation[1]),
      pad_top: Int64(vertical.before), pad_left: Int64(horizontal.before),
      pad_bottom: Int64(vertical.after), pad_right: Int64(horizontal.after),
      groups: Int64(groups))
  }
}
