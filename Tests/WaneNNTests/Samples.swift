import CKernels
import Testing
import WaneGraph
import WaneNN
import WaneTensor

/// Models and data for the tests, decided by a seed alone.
enum Samples {
  static func floats(_ dimensions: [Int], seed: UInt64, low: Float = 0, high: Float = 1) throws
    -> Tensor
  {
    var values = [Float](repeating: 0, count: dimensions.reduce(1, *))
    wane_random_uniform_f32(seed, 1, 0, &values, values.count)
    return try Tensor(values.map { low + (high - low) * $0 }, Shape(dimensions))
  }

  static func classes(_ count: Int, of limit: Int, seed: UInt64) throws -> Tensor {
    var values = [UInt32](repeating: 0, count: count)
    wane_random_u32(seed, 2, 0, &values, count)
    return try Tensor(values.map { Int32($0 % UInt32(limit)) })
  }

  /// Images of 8 x 8 x 2 with classes 0..<4.
  static func images(_ count: Int, seed: UInt64 = 1) throws -> Dataset {
    try Dataset(
      inputs: floats([count, 8, 8, 2], seed: seed), labels: classes(count, of: 4, seed: seed))
  }

  static func window(_ size: Int, stride: Int = 1, _ padding: Padding = .valid) throws -> Window2D {
    try Window2D("test", size: [size, size], strides: [stride, stride], padding: padding)
  }

  /// A small network of every kind of layer that training treats in a special way.
  static func network(batchNorm: Bool = false, dropout: Float = 0, seed: UInt64 = 1) throws -> Graph
  {
    var layers: [any Layer] = [
      try InputLayer([8, 8, 2]),
      try Conv2DLayer(
        filters: 5, window: window(3), activation: batchNorm ? nil : .relu, name: "conv"),
    ]
    if batchNorm {
      layers.append(try BatchNormLayer(momentum: 0.8, name: "norm"))
      layers.append(ActivationLayer(.relu))
    }
    layers.append(MaxPool2DLayer(try window(2, stride: 2)))
    if dropout > 0 { layers.append(try DropoutLayer(rate: dropout)) }
    layers += [
      FlattenLayer(), try DenseLayer(units: 6, activation: .tanh, name: "hidden"),
      try DenseLayer(units: 4, activation: .softmax, name: "output"),
    ]
    return try ModelBuilder.sequential(layers, seed: seed)
  }

  /// All parameters' values, in order.
  static func values(_ model: Graph) throws -> [Float] {
    try model.parameters.flatMap { try $0.decoded().array(Float.self) }
  }

  static func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }
}
