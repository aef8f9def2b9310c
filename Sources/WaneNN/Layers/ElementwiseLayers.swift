import WaneGraph
import WaneTensor

/// An activation as a layer of its own.
public struct ActivationLayer: Layer {
  public static let kind = "activation"
  public let name: String?
  public let kind: String
  private let operation: (any WaneGraph.Operation)?

  /// Creates an activation layer.
  public init(_ activation: ActivationName, name: String? = nil) {
    operation = activation.operation
    kind = Self.kind
    self.name = name
  }

  /// Creates a layer that is called what its function is.
  ///
  /// - Parameters:
  ///   - operation: what it computes.
  ///   - kind: what it is called when it has no name.
  ///   - name: what it is called.
  public init(_ operation: any WaneGraph.Operation, kind: String, name: String? = nil) {
    self.operation = operation
    self.kind = kind
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    guard let operation else { return inputs[0] }
    return try builder.add(operation, inputs)
  }
}

/// A rectifier with learned slopes below zero (He et al., 2015).
///
/// Parameter `alpha`, zeros, of a sample's extents, 1 on the axes that share their slopes.
public struct PReLULayer: Layer {
  public static let kind = "prelu"
  public let name: String?
  let sharedAxes: [Int]

  /// Creates a rectifier.
  ///
  /// - Parameters:
  ///   - sharedAxes: the axes of a sample that share their slopes, from 0.
  ///   - name: what the layer is called.
  public init(sharedAxes: [Int] = [], name: String? = nil) {
    self.sharedAxes = sharedAxes
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    var slopes = builder.type(inputs[0]).dimensions
    // What follows a shared axis repeats along it; slopes repeat over leading axes only.
    guard sharedAxes.sorted() == Array(0..<sharedAxes.count), sharedAxes.count <= slopes.count
    else {
      throw WaneError(
        Self.kind,
        "only the first axes of a sample can share slopes, and \(builder.type(inputs[0])) has "
          + "\(slopes.count) of them")
    }
    for axis in sharedAxes { slopes[axis] = 1 }
    return try builder.add(PReLU(), [inputs[0], builder.parameter("alpha", slopes, .zeros)])
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

/// Sets whole channels to zero in training.
public struct SpatialDropoutLayer: Layer {
  public static let kind = "spatial_dropout"
  public let name: String?
  private let rate: Float
  private let rank: Int

  /// Creates a dropout.
  ///
  /// - Parameters:
  ///   - rate: the part of the channels that is dropped.
  ///   - rank: 2 for images, 1 for sequences.
  ///   - name: what the layer is called.
  /// - Throws: when the rate is not in [0, 1).
  public init(rate: Float, rank: Int, name: String? = nil) throws {
    _ = try SpatialDropout(rate: rate, stream: 0)
    self.rate = rate
    self.rank = rank
    self.name = name
  }

  /// `spatial_dropout2d` or `spatial_dropout1d`.
  public var kind: String { "spatial_dropout\(rank)d" }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let type = builder.type(inputs[0])
    guard type.dimensions.count == rank + 1 else {
      let wanted = rank == 2 ? "images [height, width, channels]" : "sequences [length, channels]"
      throw WaneError(kind, "takes \(wanted), got \(type)")
    }
    return try builder.add(SpatialDropout(rate: rate, stream: builder.ordinal), inputs)
  }
}

/// Adds normally distributed noise in training.
public struct GaussianNoiseLayer: Layer {
  public static let kind = "gaussian_noise"
  public let name: String?
  private let deviation: Float

  /// Creates a source of noise.
  ///
  /// - Throws: when the standard deviation is negative.
  public init(deviation: Float, name: String? = nil) throws {
    _ = try GaussianNoise(deviation: deviation, stream: 0)
    self.deviation = deviation
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(GaussianNoise(deviation: deviation, stream: builder.ordinal), inputs)
  }
}
