import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct QuantizationTests {
  static func quantize(_ model: Graph, _ bits: Int, epochs: Double = 0) throws -> PassResult {
    try Quantization(bits: bits).apply(
      to: model, Fixture.context(epochs: epochs, learningRate: 0.01, data: Fixture.data()))
  }

  static func operations(_ model: Graph) throws -> [String] {
    try model.feeding(.u8, operation: "test").inferenceForm().nodes
      .map { type(of: $0.operation).name }
      .filter { $0 != ParameterRead.name }
  }

  /// What is compiled computes on integers from the first byte to the last layer's sums.
  @Test(arguments: [2, 4, 8], [false, true])
  func nothingRunsOnFloatsButTheSoftmax(bits: Int, normalizes: Bool) throws {
    let model = try Self.quantize(Fixture.trained(normalizes: normalizes), bits).model
    let operations = try Self.operations(model)
    #expect(operations.filter { $0 == "integer_layer" }.count == 4)
    let rest = operations.filter { $0 != "integer_layer" }
    #expect(rest.allSatisfy { ["input", "max_pool2d", "reshape", "softmax"].contains($0) })
  }

  @Test func eightBitsCostNothing() throws {
    for normalizes in [false, true] {
      let model = try Fixture.trained(normalizes: normalizes)
      let int8 = try Self.quantize(model, 8).model
      #expect(try Fixture.accuracy(int8) >= Fixture.accuracy(model) - 0.01)
      let data = try Fixture.data(64, seed: 5)
      let (a, b) = (try Self.run(model, data), try Self.run(int8, data))
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 0.1 })
    }
  }

  static func run(_ model: Graph, _ data: Dataset) throws -> [Float] {
    try InferenceSession(model.feeding(.u8, operation: "test"), pool: Fixture.pool())
      .run([data.inputs])[0].array(Float.self)
  }

  /// What the training graph simulates is what the integers give, up to one step of an output grid.
  @Test func roundedFloatsAreTheIntegers() throws {
    let model = try Self.quantize(Fixture.trained(), 8).model
    let data = try Fixture.data(64, seed: 5)
    let rounded = try model.feeding(.u8, operation: "test")
    let program = try Program(
      rounded, batch: 64, mode: .inference, weights: WeightStore(rounded.parameters))
    try data.inputs.withBytes { source in
      if let base = source.baseAddress {
        program.inputs[0].pointer.copyMemory(from: base, byteCount: source.count)
      }
    }
    program.run()
    try program.check()
    let simulated = (0..<256).map { program.outputs[0].floats[$0] }
    let integers = try Self.run(model, data)
    #expect(zip(simulated, integers).allSatisfy { abs($0 - $1) < 0.02 })
  }

  @Test func bytesComeOnTheirOwnGrid() throws {
    let model = try Self.quantize(Fixture.trained(), 8).model
    let grid = try #require(
      model.nodes.lazy.compactMap { $0.operation as? Quantize }.first?.grid)
    #expect(grid.scale == Float(1) / 255)
    #expect(grid.zero == 0)
  }

  /// Every weight that shares a scale, found the slow way.
  @Test(arguments: [1, 2, 4, 8], [true, false])
  func groupsOfInputsHaveTheirOwnGrids(bits: Int, isSymmetric: Bool) throws {
    guard bits > 1 || isSymmetric else { return }
    let values = WeightSharingTests.normals(2 * 7 * 3, seed: bits)
    let kernel = try Tensor(values, Shape([2, 7, 3]))
    let grid = try WeightGrid.fitting(
      kernel, bits: bits, isSymmetric: isSymmetric, axis: 2, groupSize: 3)
    #expect(grid.scales.count == 3 * 3 && grid.groupSize == 3)
    let parameter = try Parameter(
      "w", .integer(codes: grid.codes(for: kernel), grid: grid), shape: kernel.shape)
    let decoded = try parameter.decoded().array(Float.self)
    for group in 0..<3 {
      for channel in 0..<3 {
        let members = values.indices.filter { $0 % 3 == channel && $0 / 3 % 7 / 3 == group }
        let own = try Tensor(members.map { values[$0] }, Shape([members.count, 1]))
        let alone = try WeightGrid.fitting(own, bits: bits, isSymmetric: isSymmetric, axis: nil)
        #expect(alone.scales[0] == grid.scales[group * 3 + channel])
        let rounded = alone.rounded(own.array(Float.self))
        if isSymmetric { #expect(members.map { decoded[$0] } == rounded) }
      }
    }
  }

  @Test func scalesOfDegenerateKernelsExist() throws {
    for values: [Float] in [
      [0, 0], [.leastNonzeroMagnitude, 0], [-1e-30, 1e-30], [.greatestFiniteMagnitude, 1],
    ] {
      let grid = try WeightGrid.fitting(Tensor(values, Shape([2, 1])), bits: 2, axis: 1)
      #expect(grid.scales.allSatisfy { $0 > 0 && $0.isFinite })
      for isSymmetric in [true, false] {
        _ = try WeightGrid.fitting(
          Tensor(values, Shape([2, 1])), bits: isSymmetric ? 1 : 4, isSymmetric: isSymmetric,
          axis: nil)
      }
    }
  }

  @Test(arguments: [2, 3, 4, 5, 6, 7, 8])
  func weightsHaveAsManyValuesAsBitsAllow(bits: Int) throws {
    for epochs in [0.0, 1] {
      let result = try Self.quantize(Fixture.trained(), bits, epochs: epochs)
      for layer in result.model.weightedLayers() {
        let kernel = try #require(result.model.parameters[layer.kernel])
        guard case .integer(let codes, let grid) = kernel.payload else {
          Issue.record("\(layer.path) is not on a grid")
          continue
        }
        #expect(codes.bits == bits)
        #expect(grid.axis == kernel.shape.rank - 1)
        #expect(codes.highest() <= 2 * grid.highest)
      }
      #expect(result.report.layers.allSatisfy { $0["bits"]?.after == Double(bits) })
    }
  }

  @Test func trainingMakesUpForRounding() throws {
    let model = try Fixture.trained()
    let rounded = try Self.quantize(model, 2).model
    let trained = try Self.quantize(model, 2, epochs: 20).model
    #expect(try Fixture.accuracy(trained) >= Fixture.accuracy(rounded))
    #expect(try Fixture.accuracy(trained) > 0.95)
  }

  @Test func bitsByLayer() throws {
    let result = try Quantization(bits: [("conv.*", 8), ("dense", 2)]).apply(
      to: Fixture.trained(), Fixture.context(calibration: Fixture.data()))
    func description(_ name: String) -> String? {
      result.model.parameters[name]?.encodingDescription
    }
    #expect(description("conv2d/kernel") == "int8 per channel")
    #expect(description("conv2d_1/kernel") == "int8 per channel")
    #expect(description("dense/kernel") == "int2 per channel")
    #expect(description("dense_1/kernel") == "f32")
    #expect(result.report.skipped == [.init("dense_1", "bits does not name it")])
    let operations = try Self.operations(result.model)
    #expect(operations.filter { $0 == "integer_layer" }.count == 3)
    #expect(operations.filter { $0 == "dense" }.count == 1)
  }

  @Test func pinnedZerosStay() throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let sparse = try Pruning(sparsity: 0.7)(Fixture.trained(), context).model
    for bits in [2, 8] {
      let result = try Quantization(bits: bits)(sparse, context).model
      for name in ["conv2d_1/kernel", "dense/kernel"] {
        #expect(result.parameters[name]?.isMasked == true)
        let (old, new) = (try Fixture.values(sparse, name), try Fixture.values(result, name))
        #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
        // Rounding makes more zeros; training is not to start from them.
        #expect(new.contains { $0 != 0 })
      }
    }
  }

  @Test func sharedValuesStayShared() throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let sparse = try Pruning(sparsity: 0.5)(Fixture.trained(), context).model
    let shared = try WeightSharing(clusters: 8)(sparse, context).model
    for bits in [2, 4, 8] {
      let result = try Quantization(bits: bits)(shared, context).model
      let kernel = try #require(result.parameters["dense/kernel"])
      #expect(kernel.isMasked)
      guard case .codebook(_, let table, let grid?) = kernel.payload else {
        Issue.record("no codebook on a grid")
        continue
      }
      #expect(table.size <= 8)
      #expect(table.values[0] == 0)
      #expect(grid.bits == bits)
      #expect(grid.rounded(table.values) == table.values)
      let (old, new) = (
        try Fixture.values(shared, "dense/kernel"), try kernel.decoded().array(Float.self)
      )
      #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
      #expect(try Self.operations(result).filter { $0 == "integer_layer" }.count == 4)
    }
  }

  @Test func fewerBitsReplaceMoreAndMoreChangeNothing() throws {
    let int4 = try Self.quantize(Fixture.trained(), 4).model
    let same = try Self.quantize(int4, 8).model
    #expect(same.parameters["dense/kernel"]?.encodingDescription == "int4 per channel")
    #expect(same.nodes.filter { $0.operation is Quantize }.count == 4)
    let fewer = try Self.quantize(int4, 2).model
    #expect(fewer.parameters["dense/kernel"]?.encodingDescription == "int2 per channel")
  }

  @Test func onlySelectedLayersSeeRoundedValues() throws {
    func apply(_ layer: any Layer, _ inputs: SymbolicValue...) throws -> SymbolicValue {
      try SymbolicValue(layer, inputs, identity: LayerIdentity())
    }
    let input = try apply(InputLayer([8, 8, 1]))
    let a = try apply(
      Conv2DLayer(
        filters: 4, window: Fixture.window(3, .same), activation: .relu, name: "a"), input)
    let b = try apply(Conv2DLayer(filters: 4, window: Fixture.window(3, .same), name: "b"), a)
    let c = try apply(Conv2DLayer(filters: 4, window: Fixture.window(1), name: "c"), a)
    let sum = try apply(AddLayer(name: "sum"), a, b, c)
    let output = try apply(DenseLayer(units: 4, name: "d"), apply(FlattenLayer(), sum))
    let model = try ModelBuilder.functional(inputs: [input], outputs: [output])
    let result = try Quantization(bits: 8, selection: Selection(only: ["b", "d"])).apply(
      to: model, Fixture.context(calibration: Fixture.data()))
    let rounding = result.model.nodes.filter { $0.operation is Quantize }
    #expect(rounding.map(\.layer) == ["a", "sum"])
    let whole = try Self.quantize(model, 8).model
    let data = try Fixture.data(32)
    let expected = try Self.run(model, data)
    for quantized in [result.model, whole] {
      let got = try Self.run(quantized, data)
      let span = expected.reduce(0) { max($0, abs($1)) }
      #expect(zip(got, expected).allSatisfy { abs($0 - $1) < 0.05 * span })
    }
  }

  @Test func groupedConvolutionsRunOnIntegers() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), Conv2DLayer(filters: 4, window: Fixture.window(3)),
      Conv2DLayer(filters: 4, window: Fixture.window(3), groups: 4), FlattenLayer(),
      DenseLayer(units: 4),
    ])
    let result = try Self.quantize(model, 8)
    #expect(result.report.skipped.isEmpty)
    #expect(try Self.operations(result.model).filter { $0 == "integer_layer" }.count == 3)
    let data = try Fixture.data(8)
    let expected = try Self.run(model, data)
    let span = expected.reduce(0) { max($0, abs($1)) }
    #expect(
      zip(try Self.run(result.model, data), expected).allSatisfy { abs($0 - $1) < 0.05 * span })
  }

  @Test(arguments: [GridTraining.Ranges.lsq, .pact])
  func rangesMoveInTrainingAndStayOnIntegers(ranges: GridTraining.Ranges) throws {
    let context = try Fixture.context(epochs: 2, learningRate: 0.01, data: Fixture.data())
    func grids(_ pass: Quantization) throws -> [ActivationGrid] {
      let model = try pass.apply(to: Fixture.trained(), context).model
      #expect(try Self.operations(model).filter { $0 == "integer_layer" }.count == 4)
      #expect(try Fixture.accuracy(model) > 0.9)
      return model.nodes.compactMap { ($0.operation as? Quantize)?.grid }
    }
    var pass = try Quantization(bits: 4, activations: .fixed(bits: 4))
    let fixed = try grids(pass)
    pass.grids.ranges = ranges
    let learned = try grids(pass)
    #expect(fixed.map(\.zero) == learned.map(\.zero))
    // Bytes stay bytes.
    #expect(fixed[0] == learned[0] && fixed[0].scale == 1 / 255)
    #expect(zip(fixed, learned).dropFirst().contains { abs($0.scale / $1.scale - 1) > 1e-3 })
  }

  @Test(arguments: [8, 2, 1])
  func normalizationsAreFoldedLate(bits: Int) throws {
    let model = try Fixture.trained(normalizes: true)
    #expect(model.nodes.contains { $0.operation is BatchNorm })
    var pass = try Quantization(bits: bits)
    pass.normalization = .foldedLate
    let context = try Fixture.context(epochs: 4, learningRate: 0.01, data: Fixture.data())
    let result = try pass.apply(to: model, context)
    #expect(!result.model.nodes.contains { $0.operation is BatchNorm })
    #expect(try Self.operations(result.model).filter { $0 == "integer_layer" }.count == 4)
    #expect(try Fixture.accuracy(result.model) > 0.9)
    // Three epochs before, one after.
    #expect(result.report.history.map(\.epoch) == [1, 2, 3, 4])
    #expect(result.report.layers.allSatisfy { !$0.measures.isEmpty })
    // Without training nothing waits.
    let plain = try pass.apply(to: model, Fixture.context(data: Fixture.data())).model
    #expect(!plain.nodes.contains { $0.operation is BatchNorm })
  }

  /// Units with next to no weights are what their biases are, on integers too.
  @Test(arguments: [true, false], [8, 4])
  func tinyWeightsLeaveRoomForBiases(isSymmetric: Bool, bits: Int) throws {
    var model = try Fixture.randomized(
      ModelBuilder.sequential([
        InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 4, activation: .relu),
        DenseLayer(units: 2),
      ]), seed: 3)
    let kernel = try #require(model.parameters["dense/kernel"])
    let weights = try kernel.decoded().array(Float.self).enumerated().map {
      $0 % 4 == 1 ? $1 * 1e-12 : $1
    }
    try model.set(kernel.replacing(.dense(Tensor(weights, kernel.shape))))
    let bias = try #require(model.parameters["dense/bias"])
    try model.set(bias.replacing(.dense(Tensor([0, 2, -0.1, 0.1] as [Float]))))
    let data = try Fixture.data(32, seed: 2)
    let format = try WeightFormat(isSymmetric: isSymmetric)
    let result = try Quantization(bits: bits, weights: format)(model, Fixture.context(data: data))
      .model
    // What the second unit gives, which reaches the outputs through weights of its own.
    func unit(_ model: Graph) throws -> [Float] {
      var probe = model
      let node = try #require(
        model.nodes.firstIndex {
          $0.operation is Dense && model.parameter($0.inputs[1])?.name == "dense/kernel"
        })
      probe.outputs = [Value(node: node)]
      return try Self.run(probe.pruned(), data).enumerated().compactMap {
        $0 % 4 == 1 ? $1 : nil
      }
    }
    #expect(try unit(result).allSatisfy { abs($0 - 2) < 1e-3 })
  }

  /// A factor of zero leaves no scale; the layer keeps its normalization and what it has learned.
  @Test func aNormalizationThatCannotBeFoldedStays() throws {
    var model = try Fixture.trained(normalizes: true)
    let norm = try #require(model.nodes.first { $0.operation is BatchNorm })
    var gamma = try #require(model.parameter(norm.inputs[1]))
    var factors = try gamma.decoded().array(Float.self)
    factors[0] = 0
    gamma.isTrainable = false
    try model.set(gamma.replacing(.dense(Tensor(factors))))
    model = try StatisticsEstimate(Fixture.context(data: Fixture.data()))(model)
    var pass = try Quantization(bits: 8)
    pass.normalization = .foldedLate
    let context = try Fixture.context(epochs: 1, learningRate: 1e-30, data: Fixture.data())
    let result = try pass.apply(to: model, context).model
    #expect(result.nodes.count { $0.operation is BatchNorm } == 1)
    let data = try Fixture.data(64, seed: 5)
    #expect(
      zip(try Self.run(result, data), try Self.run(model, data)).allSatisfy { abs($0 - $1) < 0.15 })
  }

  @Test func lateFoldingSaysWhatItNeeds() throws {
    let model = try Fixture.trained(normalizes: true)
    let context = try Fixture.context(epochs: 1, data: Fixture.data())
    var pass = try Quantization(bits: 4, weights: WeightFormat(sharing: .tensor))
    pass.normalization = .foldedLate
    #expect(
      Fixture.message { _ = try pass.apply(to: model, context) }
        == "quantize: batch_norm 'fold_late' needs grids that are balanced about zero, with a scale a "
        + "channel or group")
    pass = try Quantization(bits: 4)
    pass.normalization = .foldedLate
    pass.refinement.equalizes = true
    #expect(
      Fixture.message { _ = try pass.apply(to: model, context) }
        == "quantize: batch_norm 'fold_late' does not go with equalize or bias_correction")
  }

  @Test func scalesOfWeightsStayWhereThatIsWanted() throws {
    let context = try Fixture.context(epochs: 1, learningRate: 0.01, data: Fixture.data())
    var pass = try Quantization(bits: 4)
    pass.grids.learnsScales = false
    let trained = try pass.apply(to: Fixture.trained(), context).model
    let before = try pass.apply(to: Fixture.trained(), Fixture.context(data: Fixture.data())).model
    let (old, new) = (before.parameters["dense/kernel"], trained.parameters["dense/kernel"])
    #expect(old?.grid != nil && old?.grid == new?.grid)
    #expect(try old?.decoded().array(Float.self) != new?.decoded().array(Float.self))
  }

  @Test func dropoutStaysForTrainingAndVanishesAfterwards() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 16, activation: .relu),
      DropoutLayer(rate: 0.2), DenseLayer(units: 4, activation: .softmax),
    ])
    let result = try Self.quantize(model, 8, epochs: 3).model
    #expect(result.nodes.contains { $0.operation is Dropout })
    #expect(try Self.operations(result).filter { $0 == "integer_layer" }.count == 2)
  }

  @Test func rangesAreWhatObserversSay() {
    let values = (0..<10_000).map { Float($0) / 100 - 20 }
    func ends(_ kind: RangeObserverKind, _ batches: [[Float]]) -> (low: Float, high: Float) {
      var range = ObservedRange(kind)
      for batch in batches { batch.withUnsafeBufferPointer { range.observe($0) } }
      return range.ends(bits: 8)
    }
    let halves = [Array(values[..<3000]), Array(values[3000...])]
    #expect(ends(.minMax, halves) == (-20, 79.99))
    let (low, high) = ends(.percentile(99), halves)
    #expect(abs(low - -19) < 0.2)
    #expect(abs(high - 79) < 0.2)
    #expect(ends(.percentile(100), halves) == (-20, 79.99))
    let average = ends(.movingAverage(momentum: 0.75), [[-1, 1], [-5, 9]])
    #expect(average == (-2, 3))
    for kind in [RangeObserverKind.minMax, .percentile(99), .movingAverage(momentum: 0.5)] {
      #expect(ends(kind, []) == (0, 0))
      #expect(ends(kind, [[0, 0]]) == (0, 0))
    }
    // Widths grow by many doublings, and what is not a number is passed over.
    let wild = ends(.percentile(99.9), [[1e-20, 2e-20], [.nan, .infinity, 3e30], [-1e10]])
    #expect(wild.low.isFinite && wild.high.isFinite && wild.low <= wild.high)
  }

  @Test func wrongOptionsAreErrors() throws {
    for bits in [-1, 0, 9, 32] {
      #expect(
        Fixture.message { _ = try Quantization(bits: bits) }
          == "quantize: bits must be in 1..8, got \(bits)")
    }
    #expect(
      Fixture.message { _ = try Quantization(bits: [("dense", 9)]) }
        == "quantize: bits must be in 1..8, got 9")
    #expect(
      Fixture.message { _ = try Quantization(bits: 8, observer: .percentile(40)) }
        == "quantize: percentile must be in (50, 100] and momentum in [0, 1), got percentile 40.0")
    #expect(
      Fixture.message { _ = try Quantization(bits: 8)(Fixture.cnn(), Fixture.context()) }
        == "quantize: the ranges of activations are told from samples: give the option "
        + "'calibration' or 'data'")
  }
}
