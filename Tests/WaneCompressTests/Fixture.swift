import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

/// Small models and data that tests share.
enum Fixture {
  /// Numbers that depend on a seed alone.
  struct Random {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678 }

    mutating func bits() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }

    mutating func below(_ count: Int) -> Int { Int(bits() >> 33) % count }

    /// In -1...1.
    mutating func unit() -> Float { Float(Int64(bits() >> 40)) / Float(1 << 23) - 1 }

    /// Roughly normal, which is how weights are distributed.
    mutating func normal() -> Float { (0..<6).reduce(0) { sum, _ in sum + unit() } / 1.4 }

    mutating func tensor(_ dimensions: [Int]) throws -> Tensor {
      let shape = try Shape(dimensions)
      return try Tensor((0..<shape.count).map { _ in unit() }, shape)
    }
  }

  static func pool(_ count: Int = 1) throws -> WorkerPool { try WorkerPool(count: count) }

  static func window(_ size: Int, stride: Int = 1, _ padding: Padding = .valid) throws -> Window2D {
    try Window2D("test", size: [size, size], strides: [stride, stride], padding: padding)
  }

  /// Images of 8x8 bytes in four classes: which quarter is bright.
  static func data(_ count: Int = 256, seed: Int = 1) throws -> Dataset {
    var random = Random(seed)
    var images: [UInt8] = []
    var labels: [Int32] = []
    for _ in 0..<count {
      let label = random.below(4)
      labels.append(Int32(label))
      for y in 0..<8 {
        for x in 0..<8 {
          let isBright = (y / 4) * 2 + x / 4 == label
          images.append(UInt8((isBright ? 90 : 0) + random.below(160)))
        }
      }
    }
    return try Dataset(
      inputs: Tensor(images, Shape([count, 8, 8, 1])), labels: Tensor(labels), name: "quarters")
  }

  /// The mission's network in small: two convolutions with pooling, two dense layers.
  static func cnn(
    filters: (Int, Int) = (6, 8), units: Int = 12, normalizes: Bool = false, seed: UInt64 = 1
  ) throws -> Graph {
    var layers: [any Layer] = [try InputLayer([8, 8, 1])]
    layers.append(
      try Conv2DLayer(
        filters: filters.0, window: window(3), activation: normalizes ? nil : .relu))
    if normalizes { layers += [try BatchNormLayer(), ActivationLayer(.relu)] }
    layers.append(MaxPool2DLayer(try window(2, stride: 2)))
    layers.append(try Conv2DLayer(filters: filters.1, window: window(2), activation: .relu))
    layers += [
      FlattenLayer(), try DenseLayer(units: units, activation: .relu),
      try DenseLayer(units: 4, activation: .softmax),
    ]
    return try ModelBuilder.sequential(layers, seed: seed)
  }

  /// The small network after some training on `data()`; the usual ones are trained once.
  static func trained(normalizes: Bool = false, epochs: Double = 20) throws -> Graph {
    guard epochs == 20 else { return try training(normalizes: normalizes, epochs: epochs) }
    return try (normalizes ? usualNormalized : usual).get()
  }

  private static let usual = Result { try training(normalizes: false, epochs: 20) }
  private static let usualNormalized = Result { try training(normalizes: true, epochs: 20) }

  private static func training(normalizes: Bool, epochs: Double) throws -> Graph {
    let run = try TrainingRun(
      cnn(normalizes: normalizes), data: data(),
      options: TrainingOptions(optimizer: .adam(learningRate: 0.01), batchSize: 32),
      epochs: epochs, pool: pool())
    try run.train(epochs: epochs)
    return try run.trainedModel()
  }

  static func context(
    epochs: Double = 0, learningRate: Float? = nil, data: Dataset? = nil,
    calibration: Dataset? = nil,
    validation: Dataset? = nil, teacher: Graph? = nil, poll: @escaping () throws -> Void = {}
  ) throws -> CompressionContext {
    CompressionContext(
      pool: try pool(), data: data, calibration: calibration, validation: validation,
      fineTuning: FineTuning(
        epochs: epochs, batchSize: 32, learningRate: learningRate, seed: 3,
        teacher: try teacher.map { try Distillation(teacher: $0) }),
      poll: poll)
  }

  static func accuracy(_ model: Graph) throws -> Double {
    try Evaluation(model, on: data(512, seed: 99), pool: pool()).accuracy ?? 0
  }

  /// What a model gives for random inputs.
  static func outputs(_ model: Graph, samples: Int = 3, seed: Int = 5) throws -> [Float] {
    var random = Random(seed)
    let inputs = try model.inputs.map { input in
      try random.tensor([samples] + model.type(of: input).dimensions)
    }
    return try InferenceSession(model, pool: pool()).run(inputs)[0].array(Float.self)
  }

  static func values(_ model: Graph, _ name: String) throws -> [Float] {
    try model.parameters[name]?.decoded().array(Float.self) ?? []
  }

  static func zeros(_ model: Graph, _ name: String) throws -> Int {
    try values(model, name).reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
  }

  /// The model with every parameter random: means, variances and scales positive.
  static func randomized(_ model: Graph, seed: Int) throws -> Graph {
    var random = Random(seed)
    var result = model
    for parameter in model.parameters {
      let isPositive = parameter.name.hasSuffix("variance") || parameter.name.hasSuffix("gamma")
      let values = (0..<parameter.shape.count).map { _ in
        isPositive ? 0.5 + abs(random.unit()) : random.unit()
      }
      try result.set(parameter.replacing(.dense(Tensor(values, parameter.shape))))
    }
    return result
  }

  /// What an error says.
  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }
}
