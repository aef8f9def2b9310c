import CKernels
import WaneTensor

/// The maximum over windows of each channel.
///
/// The second result, where each maximum was found, is for the gradient and is made only when used.
public struct MaxPool2D: Operation {
  public static let name = "max_pool2d"
  /// The window.
  public let window: Window2D

  /// Creates a max pooling.
  public init(_ window: Window2D) { self.window = window }

  public init(_ attributes: Attributes) throws { window = try Window2D(attributes) }

  public var attributes: [String: Attribute] { window.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0].dtype == .f32 || inputs[0].dtype == .u8 else {
      throw WaneError(Self.name, "takes f32 or u8 values, got \(inputs[0])")
    }
    let output = try pooled(Self.name, window, inputs[0])
    // The index of a maximum within its window takes two bytes.
    return [output, .batched(output.dimensions + [2], .u8)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let image = context.graph.type(of: context.inputs[0]).dimensions
    let backward = MaxPool2DGradient(window, image: image)
    return [try context.add(backward, [gradient, context.outputs[1]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.pooling(Self.name, context.batch, context.inputTypes[0].dimensions)
    let x = try context.input(0)
    let y = context.output()
    if context.inputTypes[0].dtype == .u8 {
      return { [x = x.bytes, y = y.bytes] _ in wane_max_pool_u8(&shape, x, y) }
    }
    let index = context.isUsed(1) ? context.output(1).indices : nil
    return { [x = x.floats, y = y.floats] _ in wane_max_pool_f32(&shape, x, y, index) }
  }
}

/// The gradient of max pooling: `dy, index -> dx`.
public struct MaxPool2DGradient: Operation {
  public static let name = "max_pool2d_gradient"
  let window: Window2D
  let image: [Int]

  init(_ window: Window2D, image: [Int]) {
    self.window = window
    self.image = image
  }

  public init(_ attributes: Attributes) throws {
    window = try Window2D(attributes)
    image = try attributes.ints("image", count: 3)
  }

  public var attributes: [String: Attribute] {
    window.attributes.merging(["image": .ints(image)]) { $1 }
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [.batched(image)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(MaxPool2DSelection(window), [g, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.pooling(Self.name, context.batch, image)
    let dy = try context.input(0).floats
    let index = try context.input(1).indices
    let dx = context.output().floats
    return { _ in wane_max_pool_grad_f32(&shape, index, dy, dx) }
  }
}

/// The elements where a max pooling found its maxima: `x, index -> y`.
///
/// With the maxima held where they are, max pooling is this; it stands in gradients of gradients.
public struct MaxPool2DSelection: Operation {
  public static let name = "max_pool2d_selection"
  let window: Window2D

  init(_ window: Window2D) { self.window = window }

  public init(_ attributes: Attributes) throws { window = try Window2D(attributes) }

  public var attributes: [String: Attribute] { window.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    return [try pooled(Self.name, window, inputs[0])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let image = context.graph.type(of: context.inputs[0]).dimensions
    return [try context.add(MaxPool2DGradient(window, image: image), [g, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.pooling(Self.name, context.batch, context.inputTypes[0].dimensions)
    let x = try context.input(0).floats
    let index = try context.input(1).indices
    let y = context.output().floats
    return { _ in wane_max_pool_selection_f32(&shape, index, x, y) }
  }
}

/// The average over windows of each channel; padding does not count.
public struct AveragePool2D: Operation {
  public static let name = "avg_pool2d"
  /// The window.
  public let window: Window2D

  /// Creates an average pooling.
  public init(_ window: Window2D) { self.window = window }

  public init(_ attributes: Attributes) throws { window = try Window2D(attributes) }

  public var attributes: [String: Attribute] { window.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0].dtype == .f32 || inputs[0].dtype == .u8 else {
      throw WaneError(Self.name, "takes f32 or u8 values, got \(inputs[0])")
    }
    return [try pooled(Self.name, window, inputs[0])]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let image = context.graph.type(of: context.inputs[0]).dimensions
    return [try context.add(AveragePool2DGradient(window, image: image), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.pooling(Self.name, context.batch, context.inputTypes[0].dimensions)
    let x = try context.input(0)
    let y = context.output()
    if context.inputTypes[0].dtype == .u8 {
      return { [x = x.bytes, y = y.bytes] _ in wane_average_pool_u8(&shape, x, y) }
    }
    return { [x = x.floats, y = y.floats] _ in wane_average_pool_f32(&shape, x, y) }
  }
}

/// The gradient of average pooling: `dy -> dx`.
public struct AveragePool2DGradient: Operation {
  public static let name = "avg_pool2d_gradient"
  let window: Window2D
  let image: [Int]

  init(_ window: Window2D, image: [Int]) {
    self.window = window
    self.image = image
  }

  public init(_ attributes: Attributes) throws {
    window = try Window2D(attributes)
    image = try attributes.ints("image", count: 3)
  }

  public var attributes: [String: Attribute] {
    window.attributes.merging(["image": .ints(image)]) { $1 }
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return [.batched(image)]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil] }
    return [try context.add(AveragePool2D(window), [g])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try window.pooling(Self.name, context.batch, image)
    let dy = try context.input(0).floats
    let dx = context.output().floats
    return { _ in wane_average_pool_grad_f32(&shape, dy, dx) }
  }
}

private func pooled(_ operation: String, _ window: Window2D, _ input: ValueType) throws
  -> ValueType
{
  guard input.isBatched, input.dimensions.count == 3 else {
    throw WaneError(operation, "takes images [height, width, channels], got \(input)")
  }
  guard window.dilation == [1, 1] else {
    throw WaneError(operation, "windows are not dilated, got dilation \(window.dilation)")
  }
  let output = try window.output(operation, input.dimensions)
  return .batched(output + [input.channels], input.dtype)
}

extension Buffer {
  /// The elements as positions within a pooling window.
  fileprivate var indices: UnsafeMutablePointer<UInt16> {
    pointer.assumingMemoryBound(to: UInt16.self)
  }
}

extension Window2D {
  /// The shape of a pooling as the kernels want it.
  ///
  /// - Throws: when an extent is beyond what they can count.
  fileprivate func pooling(_ operation: String, _ batch: Int, _ image: [Int]) throws
    -> wane_pooling_shape
  {
    let vertical = extent(image[0], axis: 0)
    let horizontal = extent(image[1], axis: 1)
    guard ([batch] + image).allSatisfy({ $0 <= Int(Int32.max) }) else {
      throw WaneError(operation, "\(batch) images of \(Shape.text(image)) are too large")
    }
    var shape = wane_pooling_shape(
      batch: Int32(batch), height: Int32(image[0]), width: Int32(image[1]),
      channels: Int32(image[2]), kernel_height: Int32(size[0]), kernel_width: Int32(size[1]),
      stride_height: Int32(strides[0]), stride_width: Int32(strides[1]),
      pad_top: Int32(vertical.before), pad_left: Int32(horizontal.before),
      out_height: Int32(vertical.output), out_width: Int32(horizontal.output))
    guard wane_pooling_check(&shape) == 0 else {
      throw WaneError(
        operation, "window \(Shape.text(size)) over \(Shape.text(image)) is too large")
    }
    return shape
  }
}
