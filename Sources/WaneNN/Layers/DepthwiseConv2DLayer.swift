import WaneGraph
import WaneTensor

/// Depthwise convolution: every channel by itself, `depthMultiplier` results for each.
///
/// Image `[N, H, W, C]` to `[N, H', W', C * depthMultiplier]`. Kernel
/// `[KH, KW, 1, C * depthMultiplier]`, the results of one channel side by side (the bytes of Keras's
/// `[KH, KW, C, depthMultiplier]`), Glorot uniform; bias zero.
public struct DepthwiseConv2DLayer: Layer {
  public static let kind = "depthwise_conv2d"
  public let name: String?
  let window: Window2D
  let depthMultiplier: Int
  let activation: ActivationName?
  let usesBias: Bool

  /// Creates a depthwise convolution.
  ///
  /// - Throws: when the multiplier is not positive.
  public init(
    window: Window2D, depthMultiplier: Int = 1, activation: ActivationName? = nil,
    usesBias: Bool = true, name: String? = nil
  ) throws {
    guard (1...65535).contains(depthMultiplier) else {
      throw WaneError(
        "depthwise_conv2d", "depth_multiplier must be in 1..65535, got \(depthMultiplier)")
    }
    self.window = window
    self.depthMultiplier = depthMultiplier
    self.activation = activation
    self.usesBias = usesBias
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let result = try builder.depthwise(
      inputs[0], window, depthMultiplier, kernel: "kernel", usesBias: usesBias)
    return try builder.activate(result, activation)
  }
}

/// A depthwise convolution followed by one of a single pixel: Keras's `SeparableConv2D`.
///
/// Parameters `depthwise_kernel` `[KH, KW, 1, C * depthMultiplier]`, `pointwise_kernel`
/// `[1, 1, C * depthMultiplier, filters]`, both Glorot uniform, and `bias` `[filters]`, zero.
public struct SeparableConv2DLayer: Layer {
  public static let kind = "separable_conv2d"
  public let name: String?
  let filters: Int
  let window: Window2D
  let depthMultiplier: Int
  let activation: ActivationName?
  let usesBias: Bool

  /// Creates a separable convolution.
  ///
  /// - Throws: when the number of filters or the multiplier is not positive.
  public init(
    filters: Int, window: Window2D, depthMultiplier: Int = 1, activation: ActivationName? = nil,
    usesBias: Bool = true, name: String? = nil
  ) throws {
    guard filters > 0 else {
      throw WaneError("separable_conv2d", "filters must be positive, got \(filters)")
    }
    guard (1...65535).contains(depthMultiplier) else {
      throw WaneError(
        "separable_conv2d", "depth_multiplier must be in 1..65535, got \(depthMultiplier)")
    }
    self.filters = filters
    self.window = window
    self.depthMultiplier = depthMultiplier
    self.activation = activation
    self.usesBias = usesBias
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let channels = try builder.depthwise(
      inputs[0], window, depthMultiplier, kernel: "depthwise_kernel", usesBias: false,
      part: "depthwise")
    var operands = [
      channels,
      try builder.parameter(
        "pointwise_kernel", [1, 1, builder.type(channels).channels, filters], .glorotUniform),
    ]
    if usesBias { operands.append(try builder.parameter("bias", [filters], .zeros)) }
    let pixel = try Window2D(Self.kind, size: [1, 1], strides: [1, 1])
    return try builder.activate(builder.add(Conv2D(pixel), operands), activation)
  }
}

extension LayerBuilder {
  /// Appends a depthwise convolution and its parameters.
  fileprivate mutating func depthwise(
    _ input: Value, _ window: Window2D, _ multiplier: Int, kernel: String, usesBias: Bool,
    part: String? = nil
  ) throws -> Value {
    let image = type(input)
    guard image.dimensions.count == 3 else {
      throw WaneError("depthwise", "takes images [height, width, channels], got \(image)")
    }
    guard (1...65535).contains(image.channels) else {
      throw WaneError("depthwise", "takes 1 to 65535 channels, got \(image)")
    }
    let filters = image.channels * multiplier
    // Glorot's limit with the fans of Keras's kernel [KH, KW, C, multiplier].
    let fans = window.size[0] * window.size[1] * (image.channels + multiplier)
    let limit = (6 / Float(max(fans, 1))).squareRoot()
    var operands = [
      input,
      try parameter(kernel, window.size + [1, filters], .uniform(limit: limit), part: part),
    ]
    if usesBias { operands.append(try parameter("bias", [filters], .zeros)) }
    return try add(Conv2D(window, groups: image.channels), operands, part: part)
  }
}
