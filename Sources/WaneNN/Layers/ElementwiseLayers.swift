import WaneGraph
import WaneTensor

/// An activation as a layer of its own.
public struct ActivationLayer: Layer {
  public static let kind = "activation"
  public let name: String?
  let activation: ActivationName

  /// Creates an activation layer.
  public init(_ activation: ActivationName, name: String? = nil) {
    self.activation = activation
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.activate(inputs[0], activation)
  }
}

/// The sum of two or more values of one shape.
public struct AddLayer: Layer {
  public static let kind = "add"
  public let name: String?

  /// Creates a sum.
  public init(name: String? = nil) { self.name = name }

  public var inputCount: ClosedRange<Int> { 2...1024 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    var sum = inputs[0]
    for input in inputs[1...] { sum = try builder.add(Add(), [sum, input]) }
    return sum
  }
}

/// Sets a random part of the values to zero in training.
public struct DropoutLayer: Layer {
  public static let kind = "dropout"
  public let name: String?
  let rate: Float

  /// Creates a dropout.
  ///
  /// - Throws: when the rate is not in [0, 1).
  public init(rate: Float, name: String? = nil) throws {
    _ = try Dropout(rate: rate, stream: 0)
    self.rate = rate
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(Dropout(rate: rate, stream: builder.ordinal), inputs)
  }
}

/// `y = x * scale + offset`.
public struct RescalingLayer: Layer {
  public static let kind = "rescaling"
  public let name: String?
  let scale: Float
  let offset: Float

  /// Creates a rescaling.
  public init(scale: Float, offset: Float = 0, name: String? = nil) {
    self.scale = scale
    self.offset = offset
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(Rescale(scale: scale, offset: offset), inputs)
  }
}
