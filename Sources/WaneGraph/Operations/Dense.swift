import COneDNN
import WaneTensor

/// A fully connected layer: `y = x W + b`, over the last axis.
///
/// Operands: rows `[N, ..., I]`, weights `[I, O]`, and a bias `[O]` if any.
public struct Dense: Operation {
  public static let name = "dense"
  /// Whether `max(0, y)` is applied; set by the fusion pass.
  public let isReLUFused: Bool

  /// Creates a fully connected layer.
  public init(isReLUFused: Bool = false) { self.isReLUFused = isReLUFused }

  public init(_ attributes: Attributes) throws { isReLUFused = try attributes.bool("relu") }

  public var attributes: [String: Attribute] { ["relu": .bool(isReLUFused)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...3)
    for input in inputs { try require(input, .f32) }
    let row = inputs[0].dimensions
    let weights = inputs[1].dimensions
    guard inputs[0].isBatched, let width = row.last else {
      throw WaneError(Self.name, "takes rows, got \(inputs[0])")
    }
    guard !inputs[1].isBatched, weights.count == 2, weights[0] == width, weights[1] > 0 else {
      throw WaneError(Self.name, "weights \(Shape.text(weights)) do not fit rows of \(width)")
    }
    guard inputs.count == 2 || inputs[2] == .fixed([weights[1]]) else {
      throw WaneError(Self.name, "bias \(inputs[2]) does not fit \(weights[1]) units")
    }
    return [.batched(row.dropLast() + [weights[1]])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(rows(inputs[0]), inputs[1].sampleCount)
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard var gradient = context.outputGradients[0] else {
      return context.inputs.map { _ in nil }
    }
    if isReLUFused {
      gradient = try context.add(ActivationGradient(.relu), [gradient, context.outputs[0]])
    }
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    if context.needs(1) || (context.inputs.count == 3 && context.needs(2)) {
      let results = try context.add(all: DenseWeightGradient(), [context.inputs[0], gradient])
      gradients[1] = results[0]
      if context.inputs.count == 3 { gradients[2] = results[1] }
    }
    if context.needs(0) {
      gradients[0] = try context.add(DenseInputGradient(), [gradient, context.inputs[1]])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let hasBias = context.inputTypes.count == 3
    var shape = denseShape(context.batch * rows(context.inputTypes[0]), context.inputTypes[1])
    var flags = (hasBias ? UInt32(WANE_DNN_BIAS) : 0) | (isReLUFused ? UInt32(WANE_DNN_RELU) : 0)
    flags |= context.precision.flag
    if !context.isConstant(1) { flags |= UInt32(WANE_DNN_PLAIN_WEIGHTS) }
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_dense_forward_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.roundsToBF16 = kernel.roundsToBF16
    context.reserveScratch(kernel.scratchBytes)
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(try context.input(0).floats)
    arguments.weights = try context.weights(of: kernel, input: 1)
    if hasBias { arguments.bias = UnsafePointer(try context.input(2).floats) }
    arguments.dst = context.output().floats
    return kernel.kernel(arguments)
  }
}

/// The gradient of a dense layer with respect to its rows: `dy, W -> dx`.
public struct DenseInputGradient: Operation {
  public static let name = "dense_input_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [.batched(inputs[0].dimensions.dropLast() + [inputs[1].dimensions[0]])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(rows(inputs[0]), inputs[1].sampleCount)
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [
      context.needs(0) ? try context.add(Dense(), [g, context.inputs[1]]) : nil,
      context.needs(1) ? try context.add(RowProduct(), [g, context.inputs[0]]) : nil,
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = denseShape(context.batch * rows(context.inputTypes[0]), context.inputTypes[1])
    let flags = UInt32(WANE_DNN_PLAIN_WEIGHTS) | context.precision.flag
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_dense_backward_data_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.roundsToBF16 = kernel.roundsToBF16
    context.reserveScratch(kernel.scratchBytes)
    var arguments = wane_dnn_arguments()
    arguments.diff_dst = UnsafePointer(try context.input(0).floats)
    arguments.weights = UnsafeRawPointer(try context.input(1).pointer)
    arguments.diff_src = context.output().floats
    return kernel.kernel(arguments)
  }
}

/// The gradients of a dense layer with respect to weights and bias: `x, dy -> dW, db`, summed over the
/// samples at hand.
public struct DenseWeightGradient: Operation {
  public static let name = "dense_weight_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [.fixed([inputs[0].channels, inputs[1].channels]), .fixed([inputs[1].channels])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(rows(inputs[0]), outputs[0].sampleCount)
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let (x, dy) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if let g = context.outputGradients[0] {
      if context.needs(0) { gradients[0] = try context.add(DenseInputGradient(), [dy, g]) }
      if context.needs(1) { gradients[1] = try context.add(Dense(), [x, g]) }
    }
    // Every sample adds its dy to the bias.
    if let g = context.outputGradients[1], context.needs(1) {
      let type = context.graph.type(of: dy)
      let rows = try context.add(BroadcastTo(type.dimensions), [g, dy])
      gradients[1] = try gradients[1].map { try context.add(Add(), [$0, rows]) } ?? rows
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = denseShape(
      context.batch * rows(context.inputTypes[0]),
      .fixed([context.inputTypes[0].channels, context.inputTypes[1].channels]))
    let flags = (context.isUsed(1) ? UInt32(WANE_DNN_BIAS) : 0) | context.precision.flag
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_dense_backward_weights_create(&shape, flags, WANE_DNN_AUTO, $0)
    }
    context.roundsToBF16 = kernel.roundsToBF16
    context.reserveScratch(kernel.scratchBytes)
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(try context.input(0).floats)
    arguments.diff_dst = UnsafePointer(try context.input(1).floats)
    arguments.diff_weights = context.output(0).floats
    if context.isUsed(1) { arguments.diff_bias = context.output(1).floats }
    return kernel.kernel(arguments)
  }
}

/// Rows a sample; 1 for those of a scalar's extents.
private func rows(_ type: ValueType) -> Int {
  type.dimensions.dropLast().reduce(1) { product, extent in
    let (result, overflow) = product.multipliedReportingOverflow(by: extent)
    return overflow ? .max : result
  }
}

private func denseShape(_ batch: Int, _ weights: ValueType) -> wane_dnn_dense {
  wane_dnn_dense(
    batch: Int64(batch), inputs: Int64(weights.dimensions[0]),
    outputs: Int64(weights.dimensions[1]))
}
