import WaneGraph
import WaneTensor

/// Max pooling of images.
public struct MaxPool2DLayer: Layer {
  public static let kind = "max_pool2d"
  public let name: String?
  let window: Window2D

  /// Creates a max pooling.
  public init(_ window: Window2D, name: String? = nil) {
    self.window = window
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(MaxPool2D(window), inputs)
  }
}

/// Average pooling of images; padding does not count.
public struct AveragePool2DLayer: Layer {
  public static let kind = "avg_pool2d"
  public let name: String?
  let window: Window2D

  /// Creates an average pooling.
  public init(_ window: Window2D, name: String? = nil) {
    self.window = window
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(AveragePool2D(window), inputs)
  }
}
