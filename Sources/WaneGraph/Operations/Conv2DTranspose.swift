import CKernels
import COneDNN
import WaneTensor

/// Transposed two-dimensional convolution: the gradient of a convolution with respect to its image, as
/// a layer of its own (Zeiler et al., 2010).
///
/// Operands: image `[N, H, W, C]`, kernel `[KH, KW, O, C]`, and a bias `[O]` if any. The result is the
/// image that the window, moved over it, would bring down to `[N, H, W, C]`; its size is Keras's:
/// `H * stride` when padded, `H * stride + max(reach - stride, 0)` when not.
public struct Conv2DTranspose: Operation {
  public static let name = "conv2d_transpose"
  /// The window, as it moves over the result.
  public let window: Window2D

  /// Creates a transposed convolution.
  public init(_ window: Window2D) { self.window = window }

  public init(_ attributes: Attributes) throws { window = try Window2D(attributes) }

  public var attributes: [String: Attribute] { window.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...3)
    for input in inputs { try require(input, .f32) }
    let image = inputs[0].dimensions
    let kernel = inputs[1].dimensions
    guard inputs[0].isBatched, image.count == 3,
      image.allSatisfy({ (1...Int(Int32.max)).contains($0) })
    else {
      throw WaneError(Self.name, "takes images [height, width, channels], got \(inputs[0])")
    }
    guard !inputs[1].isBatched, kernel.count == 4, Array(kernel[0..<2]) == window.size,
      kernel[3] == image[2], kernel[2] > 0
    else {
      throw WaneError(
        Self.name, "kernel \(Shape.text(kernel)) does not fit image \(Shape.text(image))")
    }
    guard inputs.count == 2 || inputs[2] == .fixed([kernel[2]]) else {
      throw WaneError(Self.name, "bias \(inputs[2]) does not fit \(kernel[2]) filters")
    }
    let extents = (0..<2).map { axis in
      let reach = (window.size[axis] - 1) * window.dilation[axis] + 1
      let stride = window.strides[axis]
      let grown = image[axis] * stride
      return window.padding == .valid ? grown + max(reach - stride, 0) : grown
    }
    return [.batched(extents + [kernel[2]])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(inputs[0].sampleCount, inputs[1].dimensions[0..<3].reduce(1, *))
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    if context.needs(0) {
      gradients[0] = try context.add(Conv2D(window), [gradient, context.inputs[1]])
    }
    if context.needs(1) {
      let backward = Conv2DWeightGradient(window, groups: 1)
      gradients[1] = try context.add(all: backward, [gradient, context.inputs[0]])[0]
    }
    if context.inputs.count == 3, context.needs(2) {
      gradients[2] = try context.add(ChannelSums(), [gradient])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let hasBias = context.inputTypes.count == 3
    let result = context.output().shape.dimensions
    var shape = try window.convolution(
      batch: context.batch, image: Array(result[1...]), filters: context.inputTypes[0].channels,
      groups: 1)
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_convolution_backward_data_create(
        &shape, UInt32(WANE_DNN_PLAIN_WEIGHTS), WANE_DNN_AUTO, $0)
    }
    context.reserveScratch(kernel.scratchBytes)
    var arguments = wane_dnn_arguments()
    arguments.diff_dst = UnsafePointer(try context.input(0).floats)
    arguments.weights = UnsafeRawPointer(try context.input(1).pointer)
    arguments.diff_src = context.output().floats
    let run = kernel.kernel(arguments)
    guard hasBias else { return run }
    let bias = try context.input(2).floats
    let y = context.output().floats
    let filters = result[3]
    let rows = context.output().count / max(filters, 1)
    return { state in
      run(state)
      wane_add_bias_f32(y, bias, y, rows, filters)
    }
  }
}

/// Sums over everything but the last axis, of the samples at hand: the gradient of a bias.
public struct ChannelSums: Operation {
  public static let name = "channel_sums"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return [.fixed([inputs[0].channels])]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil] }
    let extents = context.graph.type(of: context.inputs[0]).dimensions
    return [try context.add(BroadcastTo(extents), [g, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let channels = y.count
    let rows = x.count / max(channels, 1)
    return { [x = x.floats, y = y.floats] _ in wane_column_sum_f32(x, y, rows, channels) }
  }
}
