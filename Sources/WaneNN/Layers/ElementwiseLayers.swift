import WaneGraph
import WaneTensor

/// An activation as a layer of its own.
public struct ActivationLayer: StepwiseLayer {
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
public struct PReLULayer: StepwiseLayer {
  public static let kind = "prelu"
  public let name: String?
  let sharedAxes: [Int]

  /// Creates a rectifier.
  ///
  /// - Parameters:
  ///   - sharedAxes: the axes of a sample that share their slopes, from 0, or from -1 backwards.
  ///   - name: what the layer is called.
  public init(sharedAxes: [Int] = [], name: String? = nil) {
    self.sharedAxes = sharedAxes
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let shared = try builder.axes(sharedAxes, of: inputs[0], kind: Self.kind)
    var slopes = builder.type(inputs[0]).dimensions
    for axis in shared { slopes[axis] = 1 }
    let alpha = try builder.parameter("alpha", slopes, .zeros)
    // Slopes repeat over leading axes only.
    let order = shared + slopes.indices.filter { !shared.contains($0) }
    guard order != Array(slopes.indices) else {
      return try builder.add(PReLU(), [inputs[0], alpha])
    }
    let turned = try builder.transpose(inputs[0], order)
    let leading = try builder.add(Reshape(order.map { slopes[$0] }), [alpha])
    let result = try builder.add(PReLU(), [turned, leading])
    return try builder.transpose(result, LayerBuilder.inverse(order))
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

  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] { [try builder.mask(ofAny: inputs)] }
}

/// Sets a random part of the values to zero in training.
public struct DropoutLayer: StepwiseLayer {
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
public struct RescalingLayer: StepwiseLayer {
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
public struct SpatialDropoutLayer: StepwiseLayer {
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
public struct GaussianNoiseLayer: StepwiseLayer {
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
