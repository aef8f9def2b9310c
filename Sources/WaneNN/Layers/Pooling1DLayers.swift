import WaneGraph
import WaneTensor

/// Max pooling of sequences `[N, L, C]`, as of images of one row.
public struct MaxPool1DLayer: Layer {
  public static let kind = "max_pool1d"
  public let name: String?
  let window: Window2D

  /// Creates a max pooling; the window's height is 1.
  public init(_ window: Window2D, name: String? = nil) {
    self.window = window
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.onRow(Self.kind, inputs[0]) { try $0.add(MaxPool2D(window), [$1]) }
  }
}

/// Average pooling of sequences `[N, L, C]`; padding does not count.
public struct AveragePool1DLayer: Layer {
  public static let kind = "avg_pool1d"
  public let name: String?
  let window: Window2D

  /// Creates an average pooling; the window's height is 1.
  public init(_ window: Window2D, name: String? = nil) {
    self.window = window
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.onRow(Self.kind, inputs[0]) { try $0.add(AveragePool2D(window), [$1]) }
  }
}
