import WaneGraph
import WaneTensor

/// Transposed convolution: image `[N, H, W, C]` to a larger one of `filters` channels.
///
/// Kernel `[KH, KW, filters, C]`, Glorot uniform; bias `[filters]`, zero.
public struct Conv2DTransposeLayer: Layer {
  public static let kind = "conv2d_transpose"
  public let name: String?
  let filters: Int
  let window: Window2D
  let activation: ActivationName?
  let usesBias: Bool

  /// Creates a transposed convolution.
  ///
  /// - Throws: when the number of filters is not positive.
  public init(
    filters: Int, window: Window2D, activation: ActivationName? = nil, usesBias: Bool = true,
    name: String? = nil
  ) throws {
    guard filters > 0 else {
      throw WaneError(Self.kind, "filters must be positive, got \(filters)")
    }
    self.filters = filters
    self.window = window
    self.activation = activation
    self.usesBias = usesBias
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let channels = builder.type(inputs[0]).channels
    var operands = inputs
    operands.append(
      try builder.parameter("kernel", window.size + [filters, channels], .glorotUniform))
    if usesBias { operands.append(try builder.parameter("bias", [filters], .zeros)) }
    return try builder.activate(builder.add(Conv2DTranspose(window), operands), activation)
  }
}
