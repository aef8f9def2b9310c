import Testing
import WaneGraph
import WaneNN
import WaneTensor

@Suite struct ModelBuilderTests {
  private static func input(_ dimensions: Int...) throws -> InputLayer {
    try InputLayer(dimensions)
  }

  private static func symbol(_ layer: any Layer, _ inputs: [SymbolicValue] = []) throws
    -> SymbolicValue
  {
    try SymbolicValue(layer, inputs, identity: LayerIdentity())
  }

  /// What is built, and what is said about it.
  static let refused: [(String, @Sendable () throws -> Void)] = [
    (
      "sequential: the first layer must be an input, such as nn.input { 28, 28, 1 }",
      { _ = try ModelBuilder.sequential([]) }
    ),
    (
      "sequential: the first layer must be an input, such as nn.input { 28, 28, 1 }",
      { _ = try ModelBuilder.sequential([FlattenLayer(), input(3)]) }
    ),
    (
      "sequential: layer 2 is an input; only the first may be one",
      { _ = try ModelBuilder.sequential([input(3), input(3)]) }
    ),
    (
      "sequential: layer 2 (add) does not take one value",
      { _ = try ModelBuilder.sequential([input(3), AddLayer()]) }
    ),
    (
      "in layer 'dense': dense: takes rows, got N",
      { _ = try ModelBuilder.sequential([input(), DenseLayer(units: 2)]) }
    ),
    (
      "in layer 'conv2d': conv2d: takes images [height, width, channels], got Nx9",
      {
        _ = try ModelBuilder.sequential([
          input(9), Conv2DLayer(filters: 2, window: Samples.window(3)),
        ])
      }
    ),
    (
      "in layer 'c': conv2d: image 2x2x1 is smaller than the window 3x3",
      {
        _ = try ModelBuilder.sequential([
          input(2, 2, 1), Conv2DLayer(filters: 2, window: Samples.window(3), name: "c"),
        ])
      }
    ),
    (
      "in layer 'conv2d': conv2d: 3 channels do not divide into 2 groups",
      {
        _ = try ModelBuilder.sequential([
          input(5, 5, 3), Conv2DLayer(filters: 2, window: Samples.window(3), groups: 2),
        ])
      }
    ),
    (
      "in layer 'max_pool2d_1': max_pool2d: image 1x1x1 is smaller than the window 2x2",
      {
        let pool = MaxPool2DLayer(try Samples.window(2, stride: 2))
        _ = try ModelBuilder.sequential([input(2, 2, 1), pool, pool])
      }
    ),
    (
      "in layer 'avg_pool2d': avg_pool2d: takes images [height, width, channels], got Nx4",
      { _ = try ModelBuilder.sequential([input(4), AveragePool2DLayer(Samples.window(2))]) }
    ),
    (
      "in layer 'max_pool2d': max_pool2d: windows are not dilated, got dilation [2, 2]",
      {
        let window = try Window2D("pool", size: [2, 2], strides: [1, 1], dilation: [2, 2])
        _ = try ModelBuilder.sequential([input(4, 4, 1), MaxPool2DLayer(window)])
      }
    ),
    (
      "in layer 'big': shape: too many elements in 1099511627776x1099511627776",
      {
        _ = try ModelBuilder.sequential([
          input(1 << 40), DenseLayer(units: 1 << 40, name: "big"),
        ])
      }
    ),
    (
      "dense: there are two layers called 'a'",
      {
        _ = try ModelBuilder.sequential([
          input(3), DenseLayer(units: 2, name: "a"), DenseLayer(units: 2, name: "a"),
        ])
      }
    ),
    (
      "dense: a layer cannot be called ''",
      { _ = try ModelBuilder.sequential([input(3), DenseLayer(units: 2, name: "")]) }
    ),
    (
      "dense: a layer cannot be called 'a#mask'",
      { _ = try ModelBuilder.sequential([input(3), DenseLayer(units: 2, name: "a#mask")]) }
    ),
    ("input: extents must be positive, got 3x0", { _ = try input(3, 0) }),
    ("input: extents must be positive, got -1", { _ = try input(-1) }),
    ("dense: units must be positive, got 0", { _ = try DenseLayer(units: 0) }),
    (
      "conv2d: filters must be a positive multiple of groups, got 3 and 2",
      { _ = try Conv2DLayer(filters: 3, window: Samples.window(1), groups: 2) }
    ),
    (
      "conv2d: filters must be a positive multiple of groups, got 3 and 0",
      { _ = try Conv2DLayer(filters: 3, window: Samples.window(1), groups: 0) }
    ),
    (
      "conv2d: size must be two numbers of at least 1, got [0, 3]",
      { _ = try Window2D("conv2d", size: [0, 3], strides: [1, 1]) }
    ),
    (
      "conv2d: strides must be two numbers of at least 1, got [1]",
      { _ = try Window2D("conv2d", size: [3, 3], strides: [1]) }
    ),
    (
      "conv2d: strides [2, 2] and dilation [2, 1] cannot both be greater than 1",
      { _ = try Window2D("conv2d", size: [3, 3], strides: [2, 2], dilation: [2, 1]) }
    ),
    ("dropout: rate must be in [0, 1), got 1.0", { _ = try DropoutLayer(rate: 1) }),
    ("dropout: rate must be in [0, 1), got nan", { _ = try DropoutLayer(rate: .nan) }),
    (
      "batch_norm: momentum must be in [0, 1), got 1.0", { _ = try BatchNormLayer(momentum: 1) }
    ),
    (
      "batch_norm: epsilon must be positive, got 0.0", { _ = try BatchNormLayer(epsilon: 0) }
    ),
    ("add: takes at least 2 values, got 1", { _ = try symbol(AddLayer(), [symbol(input(3))]) }),
    ("flatten: takes 1 values, got 0", { _ = try symbol(FlattenLayer()) }),
    (
      "in layer 'add': add: shapes Nx3 and Nx4 differ",
      {
        let (a, b) = (try symbol(input(3)), try symbol(input(4)))
        _ = try ModelBuilder.functional(inputs: [a, b], outputs: [symbol(AddLayer(), [a, b])])
      }
    ),
    (
      "model: needs at least one input and one output",
      { _ = try ModelBuilder.functional(inputs: [symbol(input(3))], outputs: []) }
    ),
    (
      "model: inputs must be made by nn.input",
      {
        let x = try symbol(FlattenLayer(), [symbol(input(3))])
        _ = try ModelBuilder.functional(inputs: [x], outputs: [x])
      }
    ),
    (
      "model: an input is listed twice",
      {
        let x = try symbol(input(3))
        _ = try ModelBuilder.functional(inputs: [x, x], outputs: [x])
      }
    ),
    (
      "model: an output depends on an input that is not listed",
      {
        let (a, b) = (try symbol(input(3)), try symbol(input(3)))
        _ = try ModelBuilder.functional(inputs: [a], outputs: [symbol(AddLayer(), [a, b])])
      }
    ),
    (
      "in layer 'shared': shared: is shared between inputs that want kernel 3x2 and 4x2",
      {
        let (a, b) = (try symbol(input(3)), try symbol(input(4)))
        let (layer, identity) = (try DenseLayer(units: 2, name: "shared"), LayerIdentity())
        let outputs = try [a, b].map { try SymbolicValue(layer, [$0], identity: identity) }
        _ = try ModelBuilder.functional(inputs: [a, b], outputs: outputs)
      }
    ),
  ]

  @Test(arguments: refused.indices) func saysWhatIsWrong(_ index: Int) {
    let (message, body) = Self.refused[index]
    #expect(Samples.message(body) == message)
  }

  @Test func sharedLayersShareTheirParameters() throws {
    let (a, b) = (try Self.symbol(Self.input(3)), try Self.symbol(Self.input(3)))
    let (layer, identity) = (try DenseLayer(units: 2), LayerIdentity())
    let outputs = try [a, b].map { try SymbolicValue(layer, [$0], identity: identity) }
    let sum = try Self.symbol(AddLayer(), outputs)
    let model = try ModelBuilder.functional(inputs: [a, b], outputs: [sum])
    #expect(model.parameters.map(\.name) == ["dense/kernel", "dense/bias"])
    let summary = try Summary(model)
    #expect(summary.parameters == 8)
    #expect(summary.macs == 12)

    let x = try Samples.floats([4, 3], seed: 1)
    let y = try Samples.floats([4, 3], seed: 2)
    let session = try InferenceSession(model, pool: WorkerPool(count: 1))
    let (one, other) = (try session.run([x, y])[0], try session.run([y, x])[0])
    for (p, q) in zip(one.array(Float.self), other.array(Float.self)) { #expect(abs(p - q) < 1e-6) }
  }

  /// The same object in a chain twice is two layers.
  @Test func aChainDoesNotShare() throws {
    let layer = try DenseLayer(units: 3)
    let model = try ModelBuilder.sequential([Self.input(3), layer, layer])
    #expect(model.parameters.count == 4)
    #expect(model.parameters.map(\.name).contains("dense_1/kernel"))
  }

  @Test func namesAreFoundAroundThoseThatWereGiven() throws {
    let model = try ModelBuilder.sequential([
      Self.input(3), DenseLayer(units: 3, name: "dense_1"), DenseLayer(units: 3),
      DenseLayer(units: 3),
    ])
    #expect(Set(model.nodes.map(\.layer)) == ["input", "dense_1", "dense", "dense_2"])
  }

  @Test func aLongChainIsBuiltAndLetGo() throws {
    let x = try Self.symbol(Self.input(3))
    var y = x
    for _ in 0..<100_000 { y = try Self.symbol(ActivationLayer(.linear), [y]) }
    let model = try ModelBuilder.functional(inputs: [x], outputs: [y])
    #expect(model.nodes.count == 1)
  }

  @Test func valuesDoNotDependOnOtherLayers() throws {
    let small = try ModelBuilder.sequential(
      [Self.input(3), DenseLayer(units: 4, name: "a")], seed: 9)
    let large = try ModelBuilder.sequential(
      [Self.input(3), DenseLayer(units: 3, name: "b"), DenseLayer(units: 4, name: "a")], seed: 9)
    let other = try ModelBuilder.sequential(
      [Self.input(3), DenseLayer(units: 4, name: "a")], seed: 10)
    func kernel(_ model: Graph) throws -> [Float]? {
      try model.parameters["a/kernel"]?.decoded().array(Float.self)
    }
    #expect(try kernel(small) == kernel(large))
    #expect(try kernel(small) != kernel(other))
  }
}
