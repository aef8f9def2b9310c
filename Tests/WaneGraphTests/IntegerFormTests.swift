import Testing
import WaneTensor

@testable import WaneGraph

@Suite struct IntegerFormTests {
  /// A parameter on an integer grid, with its codes.
  private static func weights(
    _ name: String, _ dimensions: [Int], bits: Int = 8, perChannel: Bool, _ sampler: inout Sampler
  ) throws -> (parameter: Parameter, codes: [Int], scales: [Float]) {
    let shape = try Shape(dimensions)
    let highest = WeightGrid.highest(bits: bits)
    let codes = sampler.integers(shape.count, below: 2 * highest + 1).map { $0 - highest }
    let scales = sampler.floats(perChannel ? shape[shape.rank - 1] : 1, in: 0.002...0.02)
    let grid = try WeightGrid(bits: bits, scales: scales, axis: perChannel ? shape.rank - 1 : nil)
    let packed = try PackedCodes(codes.map { UInt8($0 + highest) }, bits: bits)
    return (
      try Parameter(name, .integer(codes: packed, grid: grid), shape: shape), codes, scales
    )
  }

  /// quantize - conv - relu - quantize - pool - flatten - dense, the shape of most quantized networks.
  private struct Network {
    var graph = Graph()
    let expected: [Float]
    let input: Tensor
    let lastStep: Float

    init(
      _ name: String, window convolution: Window2D, bits: Int = 8, perChannel: Bool, bytes: Bool,
      batch: Int, zero: Int = 0
    ) throws {
      var sampler = Sampler(name)
      let image = [7, 6, 3]
      let grid =
        bytes
        ? try ActivationGrid(scale: 1 / 255, zero: 0)
        : try ActivationGrid(scale: 0.02, zero: zero)
      let middle = try ActivationGrid(scale: 0.05, zero: 7)
      var x = try graph.add(
        one: Input(index: 0, type: .batched(image, bytes ? .u8 : .f32)), [])
      if bytes { x = try graph.add(one: Rescale(scale: 1 / 255), [x]) }
      x = try graph.add(one: Quantize(grid), [x])
      let kernel = try weights(
        "conv/kernel", convolution.size + [3, 5], bits: bits, perChannel: perChannel, &sampler)
      let bias = sampler.floats(5, in: -0.5...0.5)
      x = try graph.add(
        one: Conv2D(convolution),
        [
          x, graph.add(parameter: kernel.parameter, layer: "conv"),
          graph.add(parameter: Parameter("conv/bias", Tensor(bias)), layer: "conv"),
        ], layer: "conv")
      x = try graph.add(one: Activation(.relu), [x])
      x = try graph.add(one: Quantize(middle), [x])
      x = try graph.add(MaxPool2D(window([2, 2], strides: [2, 2])), [x])[0]
      let flat = graph.type(of: x).sampleCount
      x = try graph.add(one: Reshape([flat]), [x])
      let matrix = try weights(
        "dense/kernel", [flat, 4], bits: bits, perChannel: perChannel, &sampler)
      x = try graph.add(
        one: Dense(), [x, graph.add(parameter: matrix.parameter, layer: "dense")], layer: "dense")
      graph.outputs = [x]

      input =
        try bytes ? sampler.bytes([batch] + image) : sampler.tensor([batch] + image, in: -2...3)
      let codes =
        bytes
        ? input.array(UInt8.self)
        : Naive.codes(Block(input), scale: 0.02, zero: zero, low: 0, high: 255).map { UInt8($0) }
      let first = IntegerReference.Layer(
        codes: kernel.codes, scales: kernel.scales, bias: bias, input: grid, isReLU: true)
      let (sums, dimensions) = IntegerReference.convolution(
        codes, image, convolution, filters: 5, first)
      let convolved = sums.enumerated().map { first.code($1, $0 % 5, on: middle) }
      let pooled = Naive.pooling(
        Block([batch] + dimensions, convolved.map(Double.init)),
        window([2, 2], strides: [2, 2]), Naive.maximum
      ).values.map { UInt8($0) }
      let second = IntegerReference.Layer(
        codes: matrix.codes, scales: matrix.scales, bias: nil, input: middle, isReLU: false)
      expected = IntegerReference.dense(pooled, inputs: flat, units: 4, second).enumerated().map {
        second.value($1, $0 % 4)
      }
      // What one step of the middle grid in every value could change at the very most.
      lastStep = middle.scale * Float(WeightGrid.highest(bits: bits)) * (matrix.scales.max() ?? 0)
    }
  }

  static let forms: [(String, Window2D, Int, Bool, Bool, Int, Int)] = [
    ("valid", window([3, 3]), 8, true, false, 2, 128),
    ("same", window([3, 3], .same), 8, true, false, 3, 60),
    ("one scale", window([3, 2]), 8, false, false, 1, 0),
    ("strides, same", window([3, 3], strides: [2, 2], .same), 8, true, false, 2, 255),
    ("dilation", window([2, 2], dilation: [2, 2]), 8, true, false, 2, 31),
    ("1x1", window([1, 1]), 8, true, false, 2, 17),
    ("4 bits", window([3, 3]), 4, true, false, 5, 100),
    ("2 bits", window([3, 3], .same), 2, false, false, 2, 100),
    ("bytes", window([3, 3]), 8, true, true, 2, 0),
    ("bytes, same", window([3, 3], .same), 8, true, true, 70, 0),
  ]

  @Test(arguments: forms) func isIntegerArithmeticBitForBit(
    _ name: String, _ window: Window2D, _ bits: Int, _ perChannel: Bool, _ bytes: Bool,
    _ batch: Int,
    _ zero: Int
  ) throws {
    let network = try Network(
      name, window: window, bits: bits, perChannel: perChannel, bytes: bytes, batch: batch,
      zero: zero)
    let form = try network.graph.inferenceForm()
    let names = form.nodes.map { type(of: $0.operation).name }
    #expect(names.filter { $0 == "integer_layer" }.count == 2)
    #expect(names.filter { $0 == "to_bytes" }.count == (bytes ? 0 : 1), "bytes are fed as they are")
    #expect(!names.contains("from_bytes") && !names.contains("quantize"))

    for threads in [1, 2] {
      let session = try InferenceSession(network.graph, pool: WorkerPool(count: threads), chunk: 16)
      let actual = try session.run([network.input])[0].array(Float.self)
      #expect(actual == network.expected)
    }

    // The simulation rounds after float sums, the integers after exact ones: now and then a value lands
    // on the neighbouring grid point, and no further.
    let training = try TrainingForm(network.graph)
    let runner = GraphRunner(
      inputs: [network.input],
      variables: Dictionary(uniqueKeysWithValues: training.variables.map { ($0.name, $0.initial) }))
    let simulated = try runner.run(training.graph, batch: batch)[0].array(Float.self)
    for (a, b) in zip(simulated, network.expected) {
      #expect(abs(a - b) <= max(network.lastStep, 1e-5 * abs(b)))
    }
  }

  /// A layer whose weights are floats stays in floats between integer ones; a sum of two branches too.
  @Test func floatsAndIntegersMix() throws {
    var sampler = Sampler("mixed")
    var graph = Graph()
    let first = try ActivationGrid(scale: 0.02, zero: 100)
    let second = try ActivationGrid(scale: 0.04, zero: 90)
    let x = try graph.add(one: Input(index: 0, type: .batched([6])), [])
    let q = try graph.add(one: Quantize(first), [x])
    let w = try Self.weights("a", [6, 6], perChannel: true, &sampler)
    let a = try graph.add(one: Dense(), [q, graph.add(parameter: w.parameter, layer: "a")])
    let qa = try graph.add(one: Quantize(second), [a])
    // The residual: a byte value that two readers want, one of them as floats.
    let sum = try graph.add(one: Add(), [q, qa])
    let floats = try sampler.tensor([6, 3])
    let d = try graph.add(
      one: Dense(), [sum, graph.add(parameter: Parameter("b", floats), layer: "b")])
    let qd = try graph.add(one: Quantize(second), [d])
    let v = try Self.weights("c", [3, 2], perChannel: false, &sampler)
    let y = try graph.add(one: Dense(), [qd, graph.add(parameter: v.parameter, layer: "c")])
    graph.outputs = [y, qa]
    let form = try graph.inferenceForm()
    let names = form.nodes.map { type(of: $0.operation).name }
    #expect(names.filter { $0 == "integer_layer" }.count == 2)
    #expect(names.filter { $0 == "dense" }.count == 1)
    #expect(names.filter { $0 == "from_bytes" }.count == 2)

    let input = try sampler.tensor([3, 6], in: -2...3)
    let actual = try InferenceSession(graph, pool: WorkerPool(count: 1)).run([input])

    let codes = Naive.codes(Block(input), scale: 0.02, zero: 100, low: 0, high: 255).map {
      UInt8($0)
    }
    let layer = IntegerReference.Layer(
      codes: w.codes, scales: w.scales, bias: nil, input: first, isReLU: false)
    let middle = IntegerReference.dense(codes, inputs: 6, units: 6, layer).enumerated().map {
      layer.code($1, $0 % 6, on: second)
    }
    let residual = zip(codes, middle).map {
      Double(Float(Int($0) - 100) * 0.02 + Float(Int($1) - 90) * 0.04)
    }
    #expect(actual[1].array(Float.self) == middle.map { Float(Int($0) - 90) * 0.04 })
    let dense = Naive.dense(Block([3, 6], residual), Block(floats), nil)
    let last = Naive.codes(dense, scale: 0.04, zero: 90, low: 0, high: 255).map { UInt8($0) }
    let output = IntegerReference.Layer(
      codes: v.codes, scales: v.scales, bias: nil, input: second, isReLU: false)
    let expected = IntegerReference.dense(last, inputs: 3, units: 2, output).enumerated().map {
      output.value($1, $0 % 2)
    }
    #expect(actual[0].array(Float.self) == expected)
  }

  /// A codebook on an integer grid is executed in integers too.
  @Test func codebooksOnAGridAreIntegers() throws {
    var sampler = Sampler("codebook")
    let grid = try ActivationGrid(scale: 0.03, zero: 128)
    let weightGrid = try WeightGrid(bits: 8, scales: [0.01], axis: nil)
    let indices = sampler.integers(40, below: 4).map { UInt8($0) }
    let centroids: [Float] = [-0.5, 0, 0.31, 1.27]
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([8])), [])
    let q = try graph.add(one: Quantize(grid), [x])
    let parameter = try Parameter(
      "w",
      .codebook(
        indices: PackedCodes(indices, bits: 2), centroids: CentroidTable(centroids),
        grid: weightGrid),
      shape: Shape([8, 5]))
    graph.outputs = [
      try graph.add(one: Dense(), [q, graph.add(parameter: parameter, layer: "d")])
    ]
    let input = try sampler.tensor([2, 8], in: -4...4)
    let actual = try InferenceSession(graph, pool: WorkerPool(count: 1)).run([input])[0]
    let codes = indices.map { [-50, 0, 31, 127][Int($0)] }
    let layer = IntegerReference.Layer(
      codes: codes, scales: [0.01], bias: nil, input: grid, isReLU: false)
    let bytes = Naive.codes(Block(input), scale: 0.03, zero: 128, low: 0, high: 255).map {
      UInt8($0)
    }
    let expected = IntegerReference.dense(bytes, inputs: 8, units: 5, layer).map {
      layer.value($0, 0)
    }
    #expect(actual.array(Float.self) == expected)
  }

  /// A damaged file can have centroids far off their grid.
  @Test func centroidsBeyondTheGridAreClamped() throws {
    let grid = try WeightGrid(bits: 8, scales: [.leastNormalMagnitude], axis: nil)
    let parameter = try Parameter(
      "w",
      .codebook(
        indices: PackedCodes([0, 1, 2], bits: 2),
        centroids: CentroidTable([.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0]),
        grid: grid), shape: Shape([3]))
    #expect(try parameter.integerForm()?.codes == [127, -127, 0])
  }

  /// So are codebooks of channels, by the scale of each.
  @Test func codebooksOfChannelsAreIntegers() throws {
    let table = try CentroidTable([-0.5, 0.2, 0, 1.5, 3, -9], size: 2, axis: 1)
    let scales: [Float] = [0.1, 0.5, 0.25]
    for (axis, expected) in [(1, [-5, 3, 12, 2, 0, -36]), (nil, [-5, 15, 30, 2, 0, -90])] {
      let grid = try WeightGrid(
        bits: 8, scales: axis == nil ? [0.1] : scales, axis: axis)
      let parameter = try Parameter(
        "w",
        .codebook(indices: PackedCodes([0, 1, 0, 1, 0, 1], bits: 1), centroids: table, grid: grid),
        shape: Shape([2, 3]))
      let (codes, found) = try #require(try parameter.integerForm())
      #expect(codes.map(Int.init) == expected)
      #expect(found == grid.scales)
      #expect(parameter.isOnIntegerGrid)
    }
    // Tables of another axis than the units' have no scale for each unit.
    let rows = try Parameter(
      "w",
      .codebook(
        indices: PackedCodes([0, 1, 0, 1], bits: 1),
        centroids: CentroidTable([1, 2, 3, 4], size: 2, axis: 0),
        grid: WeightGrid(bits: 4, scales: [1, 2], axis: 0)), shape: Shape([2, 2]))
    #expect(!rows.isOnIntegerGrid)
  }

  @Test func activationGridsCoverTheirRange() throws {
    #expect(try ActivationGrid(covering: 0, 1).scale == 1 / 255)
    let grid = try ActivationGrid(covering: -1, 2, bits: 4)
    #expect(grid.zero == 5 && grid.highest == 15)
    #expect(try ActivationGrid(covering: 3, 5).zero == 0)
    #expect(try ActivationGrid(covering: -5, -3).zero == 255)
    #expect(try ActivationGrid(covering: 0, 0) == ActivationGrid(scale: 1, zero: 0))
    #expect(try ActivationGrid(covering: -300 * .leastNonzeroMagnitude, 0).zero <= 255)
    let widest = Float.greatestFiniteMagnitude
    #expect(try ActivationGrid(covering: -widest, widest).zero == 128)
    for (low, high) in [(-Float.infinity, 0), (0, .infinity), (.nan, 1), (0, .nan)]
      as [(Float, Float)]
    {
      #expect(throws: WaneError.self) { try ActivationGrid(covering: low, high) }
    }
    for bits in [-70, -1, 0, 9, 64, 1000] {
      #expect(throws: WaneError.self) { try ActivationGrid(covering: 0, 1, bits: bits) }
      #expect(throws: WaneError.self) { try ActivationGrid(scale: 1, zero: 0, bits: bits) }
      #expect(throws: WaneError.self) { try WeightGrid(bits: bits, scales: [1], axis: nil) }
    }
  }
}
