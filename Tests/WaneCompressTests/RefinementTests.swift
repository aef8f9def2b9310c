import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Bias correction, equalization and adaptive rounding.
@Suite struct RefinementTests {
  /// Every kind of link: convolution, depthwise, pooling, flattening, dense; leaky and plain rectifiers.
  static func chain() throws -> Graph {
    let window = try Fixture.window(3, .same)
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 3]), Conv2DLayer(filters: 6, window: window, activation: .relu),
      DepthwiseConv2DLayer(window: window, depthMultiplier: 2, activation: .relu),
      Conv2DLayer(filters: 8, window: Fixture.window(1)), ActivationLayer(.leakyReLU),
      MaxPool2DLayer(Fixture.window(2, stride: 2)),
      Conv2DLayer(filters: 6, window: window, groups: 2, activation: .relu),
      Conv2DLayer(filters: 4, window: Fixture.window(1), activation: .sigmoid),
      FlattenLayer(), DenseLayer(units: 8, activation: .relu), DenseLayer(units: 5),
    ])
    return try Fixture.randomized(model, seed: 3)
  }

  @Test func equalizationKeepsWhatTheModelComputes() throws {
    let model = try Self.chain()
    let (equal, pairs) = try Equalization.apply(to: model)
    // The convolution before the sigmoid makes a pair with the one before it, not with the one after.
    #expect(pairs.count == 5)
    #expect(!pairs.contains { $0.second == "dense" })
    let (before, after) = (try Fixture.outputs(model), try Fixture.outputs(equal))
    let span = before.reduce(0) { max($0, abs($1)) }
    #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 * span })
  }

  @Test func equalizedChannelsHaveLikeRanges() throws {
    let (equal, _) = try Equalization.apply(to: Self.chain())
    func ranges(_ name: String, _ channel: (Int) -> Int, _ count: Int) throws -> [Float] {
      var result = [Float](repeating: 0, count: count)
      for (index, value) in try Fixture.values(equal, name).enumerated() {
        result[channel(index)] = max(result[channel(index)], abs(value))
      }
      return result
    }
    // [3, 3, 3, 6] makes six channels; [3, 3, 1, 12] reads them, two results each.
    let made = try ranges("conv2d/kernel", { $0 % 6 }, 6)
    let read = try ranges("depthwise_conv2d/kernel", { $0 % 12 / 2 }, 6)
    #expect(zip(made, read).allSatisfy { abs($0 - $1) < 0.02 * $1 })
    // [1, 1, 12, 8] makes eight; [3, 3, 4, 6] in two groups reads them.
    let narrow = try ranges("conv2d_1/kernel", { $0 % 8 }, 8)
    let grouped = try ranges("conv2d_2/kernel", { $0 % 6 / 3 * 4 + $0 / 6 % 4 }, 8)
    #expect(zip(narrow, grouped).allSatisfy { abs($0 - $1) < 0.02 * $1 })
    let hidden = try ranges("dense/kernel", { $0 % 8 }, 8)
    let last = try ranges("dense_1/kernel", { $0 / 5 }, 8)
    #expect(zip(hidden, last).allSatisfy { abs($0 - $1) < 0.02 * $1 })
  }

  @Test func silentChannelsStayWhatTheyAre() throws {
    var model = try ModelBuilder.sequential([
      InputLayer([4]), DenseLayer(units: 2, activation: .relu), DenseLayer(units: 2),
    ])
    let name = "dense/kernel"
    try model.set(Parameter(name, Tensor([0, 1, 0, 2, 0, 3, 0, 4] as [Float], Shape([4, 2]))))
    let (equal, _) = try Equalization.apply(to: model)
    #expect(try Fixture.values(equal, name).allSatisfy(\.isFinite))
    let (before, after) = (try Fixture.outputs(model), try Fixture.outputs(equal))
    #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  /// Means of each channel of what a layer gives.
  static func means(_ model: Graph, _ kernel: String, _ data: Dataset) throws -> [Double] {
    var probe = model
    probe.outputs = try #require(model.outputs(ofLayersWith: [kernel]).first)
    let values = try InferenceSession(
      probe.pruned().feeding(.u8, operation: "test"), pool: Fixture.pool()
    ).run([data.inputs])[0]
    let channels = try #require(values.shape.dimensions.last)
    var sums = [Double](repeating: 0, count: channels)
    for (index, value) in values.array(Float.self).enumerated() {
      sums[index % channels] += Double(value)
    }
    return sums.map { $0 * Double(channels) / Double(values.count) }
  }

  @Test func correctedBiasesTakeTheMeanErrorBack() throws {
    let model = try Fixture.trained(normalizes: true)
    let data = try Fixture.data(128)
    let context = try Fixture.context(calibration: data)
    func quantize(_ corrects: Bool) throws -> Graph {
      var pass = try Quantization(bits: 2)
      pass.refinement.correctsBias = corrects
      return try pass.apply(to: model, context).model
    }
    let float = try model.pruned().foldingBatchNorm()
    let (plain, corrected) = (try quantize(false), try quantize(true))
    for kernel in ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel", "dense_1/kernel"] {
      func error(_ quantized: Graph) throws -> Double {
        zip(try Self.means(float, kernel, data), try Self.means(quantized, kernel, data))
          .reduce(0) { max($0, abs($1.0 - $1.1)) }
      }
      // The bias is rounded to the grid of the sums.
      #expect(try error(corrected) < 0.02 * error(plain) + 1e-3)
    }
  }

  @Test func layersWithoutABiasGetOneToCorrect() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]),
      Conv2DLayer(filters: 4, window: Fixture.window(3), activation: .relu, usesBias: false),
      FlattenLayer(), DenseLayer(units: 4, usesBias: false),
    ])
    var pass = try Quantization(bits: 2)
    pass.refinement.correctsBias = true
    let result = try pass.apply(to: model, Fixture.context(calibration: Fixture.data(64))).model
    #expect(result.parameters["conv2d/bias"]?.shape.dimensions == [4])
    #expect(try Fixture.values(result, "dense/bias").contains { $0 != 0 })
  }

  /// Every choice there is, for a few weights.
  @Test func choicesAreNearTheBestThereAre() throws {
    var random = Fixture.Random(5)
    var (nearest, found, best) = (0.0, 0.0, 0.0)
    for _ in 0..<10 {
      let (height, width) = (9, 2)
      // Rows that hang together, as neighbours in an image do.
      let rows = (0..<40).map { _ -> [Float] in
        let common = random.normal()
        return (0..<height).map { _ in common + 0.5 * random.normal() }
      }
      let weights = (0..<height * width).map { _ in random.normal() }
      let step: Float = 0.7
      let low = weights.map { ($0 / step).rounded(.down) * step }
      func product(_ column: (Int, Int) -> Float, _ other: (Int, Int) -> Float, _ i: Int, _ j: Int)
        -> Float
      {
        var sum: Float = 0
        for row in rows.indices { sum += column(row, i) * other(row, j) }
        return sum
      }
      func x(_ row: Int, _ column: Int) -> Float { rows[row][column] }
      func y(_ row: Int, _ column: Int) -> Float {
        var sum: Float = 0
        for k in 0..<height { sum += rows[row][k] * weights[k * width + column] }
        return sum
      }
      let problem = RoundingProblem(
        gram: (0..<height * height).map { product(x, x, $0 / height, $0 % height) },
        target: (0..<height * width).map { product(x, y, $0 / width, $0 % width) },
        low: low, step: low.map { _ in step }, height: height, width: width)
      let parts = zip(weights, low).map { ($0 - $1) / step }
      let choices = try problem.solve(from: parts, iterations: 300) {}
      #expect(choices.allSatisfy { $0 == 0 || $0 == 1 })
      // The error of a choice as it is seen at the output.
      func error(_ choices: [Float]) -> Double {
        (0..<width).reduce(0.0) { sum, column in
          rows.indices.reduce(sum) { sum, row in
            var value: Float = 0
            for k in 0..<height {
              let index = k * width + column
              value += rows[row][k] * (low[index] + step * choices[index])
            }
            let difference = Double(value - y(row, column))
            return sum + difference * difference
          }
        }
      }
      nearest += error(parts.map { $0 > 0.5 ? 1 : 0 })
      found += error(choices)
      // Columns are independent: the best of each, all else at its lower neighbour.
      let rest = error([Float](repeating: 0, count: height * width))
      for column in 0..<width {
        best -=
          (0..<1 << height).map { code in
            var choices = [Float](repeating: 0, count: height * width)
            for k in 0..<height { choices[k * width + column] = Float(code >> k & 1) }
            return rest - error(choices)
          }.max() ?? 0
      }
      best += rest
    }
    #expect(found < 0.4 * nearest)
    #expect(found < 1.1 * best)
  }

  @Test(arguments: [2, 4])
  func adaptiveRoundingKeepsWhatLayersGive(bits: Int) throws {
    let model = try Fixture.trained()
    let context = try Fixture.context(calibration: Fixture.data(128))
    func quantize(_ rounding: QuantizationRefinement.Rounding) throws -> PassResult {
      var pass = try Quantization(bits: bits)
      pass.refinement.rounding = rounding
      return try pass.apply(to: model, context)
    }
    let (nearest, adaptive) = (try quantize(.nearest), try quantize(.adaptive))
    for (before, after) in zip(nearest.report.layers, adaptive.report.layers) {
      let (a, b) = (try #require(before.measure("sqnr")), try #require(after.measure("sqnr")))
      #expect(b > a - 0.1, "\(after.layer): \(b) dB after \(a)")
    }
    // The same grids, weights at most one step from where they were.
    for name in ["conv2d_1/kernel", "dense/kernel"] {
      let grid = try #require(adaptive.model.parameters[name]?.grid)
      #expect(grid == nearest.model.parameters[name]?.grid)
      let (low, step) = grid.neighbours(
        of: try #require(model.parameters[name]).decoded(), isMasked: false)
      for (index, value) in try Fixture.values(adaptive.model, name).enumerated() {
        #expect(min(abs(value - low[index]), abs(value - low[index] - step[index])) < 1e-5)
      }
    }
  }

  @Test func adaptiveRoundingLeavesZerosAndSharedValues() throws {
    let context = try Fixture.context(calibration: Fixture.data(64))
    let sparse = try Pruning(sparsity: 0.7)(Fixture.trained(), context).model
    var pass = try Quantization(bits: 3)
    pass.refinement.rounding = .adaptive
    let result = try pass.apply(to: sparse, context).model
    let (old, new) = (
      try Fixture.values(sparse, "dense/kernel"), try Fixture.values(result, "dense/kernel")
    )
    #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
    let shared = try WeightSharing(clusters: 4)(Fixture.trained(), context).model
    let report = try pass.apply(to: shared, context).report
    #expect(report.skipped.count == 4)
    #expect(
      report.skipped[0]
        == .init("conv2d", "rounded to the nearest: its weights are shared or coarser"))
    #expect(
      Fixture.message {
        _ = try pass.apply(
          to: shared, Fixture.context(epochs: 1, data: Fixture.data(64)))
      } == "quantize: rounding 'adaptive' is for quantization without training: set epochs to 0")
  }

  /// Patches and their products are those of the layer, for every kind of window.
  @Test(arguments: [1, 2], [Padding.valid, .same])
  func patchesTimesKernelsAreWhatLayersGive(groups: Int, padding: Padding) throws {
    let window = try Window2D("test", size: [3, 2], strides: [2, 1], padding: padding)
    let model = try Fixture.randomized(
      ModelBuilder.sequential([
        InputLayer([7, 6, 4]),
        Conv2DLayer(filters: 6, window: window, groups: groups, usesBias: false),
      ]), seed: 2)
    let layer = model.weightedLayers()[0]
    let node = model.nodes[layer.nodes[0]]
    let kernel = try #require(model.parameters[layer.kernel])
    let rows = try #require(
      KernelRows(node, operand: model.type(of: node.inputs[0]), kernel: kernel.shape))
    var random = Fixture.Random(4)
    let image = try random.tensor([2, 7, 6, 4])
    let result = try InferenceSession(model, pool: Fixture.pool()).run([image])[0]
    let places = Array(stride(from: 0, to: rows.places, by: 2))
    let weights = try kernel.decoded().array(Float.self)
    for group in 0..<groups {
      let x = rows.rows(image, group: group, at: places)
      let wanted = rows.columns(result, group: group, at: places)
      for index in wanted.indices {
        let (row, column) = (index / rows.width, index % rows.width)
        var sum: Float = 0
        for k in 0..<rows.height {
          sum += x[row * rows.height + k] * weights[k * 6 + group * rows.width + column]
        }
        #expect(abs(sum - wanted[index]) < 1e-4)
      }
    }
  }

  /// Neighbours enclose each value that the grid reaches, for every kind of grid.
  @Test func neighboursEncloseValues() throws {
    let values = try Tensor([-0.9, -0.2, 0, 0.13, 0.4, 7] as [Float], Shape([3, 2]))
    let grids = try [
      WeightGrid(bits: 3, scales: [0.1, 0.3], axis: 1),
      WeightGrid(bits: 4, scales: [0.2, 0.1], zeros: [3, 9], axis: 1),
      WeightGrid(bits: 1, scales: [0.5, 0.25], axis: 1),
      WeightGrid(bits: 2, scales: [0.1, 0.2, 0.3, 0.4], axis: 1, groupSize: 2),
    ]
    for grid in grids {
      let (low, step) = grid.neighbours(of: values, isMasked: false)
      let nearest = try Parameter(
        "w", .integer(codes: grid.codes(for: values), grid: grid), shape: values.shape
      ).decoded().array(Float.self)
      for (index, value) in values.array(Float.self).enumerated() {
        let (below, above) = (low[index], low[index] + step[index])
        #expect(min(abs(nearest[index] - below), abs(nearest[index] - above)) < 1e-6)
        #expect(abs(value - nearest[index]) <= min(abs(value - below), abs(value - above)) + 1e-6)
      }
      #expect(grid.neighbours(of: values, isMasked: true).step[2] == 0)
    }
  }

  @Test func fidelityIsWhatItsFormulasSay() {
    let (a, b): ([Float], [Float]) = ([1, 2, -2], [1, 2, -1])
    var fidelity = Fidelity()
    a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { fidelity.add(a, $0) } }
    #expect(abs(fidelity.decibels - 9.542425) < 1e-5)
    #expect(abs(fidelity.cosine - 7 / 54.0.squareRoot()) < 1e-9)
    #expect(Fidelity().decibels == .infinity)
    #expect(Fidelity().cosine == 1)
  }
}
