import WaneGraph
import WaneTensor

/// One-dimensional convolution: sequence `[N, L, C]` to `[N, L', filters]`.
///
/// It runs as the convolution of an image of one row. Kernel `[1, K, C / groups, filters]`, Glorot
/// uniform; bias `[filters]`, zero.
public struct Conv1DLayer: Layer {
  public static let kind = "conv1d"
  public let name: String?
  private let image: Conv2DLayer

  /// Creates a convolution.
  ///
  /// - Parameters:
  ///   - filters: channels of the result.
  ///   - window: the window; its height, vertical stride and dilation are 1.
  ///   - groups: channels are cut into groups convolved by themselves.
  ///   - activation: applied to the result.
  ///   - usesBias: whether a number a filter is added.
  ///   - name: what the layer is called.
  /// - Throws: when the number of filters or groups is not positive, or they do not divide.
  public init(
    filters: Int, window: Window2D, groups: Int = 1, activation: ActivationName? = nil,
    usesBias: Bool = true, name: String? = nil
  ) throws {
    image = try Conv2DLayer(
      filters: filters, window: window, groups: groups, activation: activation,
      usesBias: usesBias, name: name)
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.onRow(Self.kind, inputs[0]) { builder, row in try image.build(&builder, [row]) }
  }
}

extension LayerBuilder {
  /// Lays a sequence `[L, C]` out as an image of one row, and the image that `body` makes of it as a
  /// sequence again.
  mutating func onRow(
    _ kind: String, _ sequence: Value,
    _ body: (inout LayerBuilder, Value) throws -> Value
  ) throws -> Value {
    let type = type(sequence)
    guard type.dimensions.count == 2 else {
      throw WaneError(kind, "takes sequences [length, channels], got \(type)")
    }
    let row = try add(Reshape([1] + type.dimensions), [sequence])
    let result = try body(&self, row)
    return try add(Reshape(Array(self.type(result).dimensions.dropFirst())), [result])
  }
}
