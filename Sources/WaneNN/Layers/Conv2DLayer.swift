import WaneGraph
import WaneTensor

/// Two-dimensional convolution: image `[N, H, W, C]` to `[N, H', W', filters]`.
///
/// Kernel `[KH, KW, C / groups, filters]`, Glorot uniform; bias `[filters]`, zero.
public struct Conv2DLayer: Layer {
  public static let kind = "conv2d"
  public let name: String?
  let filters: Int
  let window: Window2D
  let groups: Int
  let activation: ActivationName?
  let usesBias: Bool

  /// Creates a convolution.
  ///
  /// - Throws: when the number of filters or groups is not positive, or they do not divide.
  public init(
    filters: Int, window: Window2D, groups: Int = 1, activation: ActivationName? = nil,
    usesBias: Bool = true, name: String? = nil
  ) throws {
    guard filters > 0, groups > 0, filters % groups == 0 else {
      throw WaneError(
        "conv2d", "filters must be a positive multiple of groups, got \(filters) and \(groups)")
    }
    self.filters = filters
    self.window = window
    self.groups = groups
    self.activation = activation
    self.usesBias = usesBias
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let image = builder.type(inputs[0])
    guard image.dimensions.count == 3 else {
      throw WaneError("conv2d", "takes images [height, width, channels], got \(image)")
    }
    guard image.channels % groups == 0 else {
      throw WaneError("conv2d", "\(image.channels) channels do not divide into \(groups) groups")
    }
    var operands = inputs
    operands.append(
      try builder.parameter(
        "kernel", window.size + [image.channels / groups, filters], .glorotUniform))
    if usesBias { operands.append(try builder.parameter("bias", [filters], .zeros)) }
    let result = try builder.add(Conv2D(window, groups: groups), operands)
    return try builder.activate(result, activation)
  }
}
