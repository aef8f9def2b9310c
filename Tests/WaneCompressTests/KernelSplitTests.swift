import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Kernels in rows of smaller ones, against plain sums, and layers of any geometry.
@Suite struct KernelSplitTests {
  /// A convolution of random geometry between two others, so that what it gives is seen through an
  /// activation.
  struct Geometry: CustomStringConvertible {
    let window: Window2D
    let (inputs, outputs): (Int, Int)
    let usesBias: Bool
    let activation: ActivationName?

    init(_ random: inout Fixture.Random) throws {
      let isDilated = random.below(3) == 0
      func pair(_ highest: Int) -> [Int] { (0..<2).map { _ in 1 + random.below(highest) } }
      window = try Window2D(
        "test", size: pair(4), strides: isDilated ? [1, 1] : pair(2),
        dilation: isDilated ? pair(2) : [1, 1], padding: Padding.allCases[random.below(3)])
      (inputs, outputs) = (6 + random.below(6), 6 + random.below(6))
      usesBias = random.below(2) == 0
      activation = random.below(2) == 0 ? .relu : nil
    }

    var count: Int { window.size.reduce(1, *) * inputs * outputs }
    var description: String { "\(window) \(inputs) \(outputs) \(usesBias) \(activation as Any)" }

    func model(_ kernel: [Float]) throws -> Graph {
      let layers: [any Layer] = try [
        InputLayer([9, 10, inputs]),
        Conv2DLayer(
          filters: outputs, window: window, activation: activation, usesBias: usesBias,
          name: "layer"),
      ]
      var model = try Fixture.randomized(ModelBuilder.sequential(layers), seed: count)
      let old = try #require(model.parameters["layer/kernel"])
      try model.set(old.replacing(.dense(Tensor(kernel, old.shape))))
      return model
    }
  }

  /// A kernel that one form gives at low ranks: one for a single axis of ranks, else inputs and outputs.
  static func kernel(
    _ form: Decomposition, _ geometry: Geometry, _ random: inout Fixture.Random
  ) -> [Float] {
    let (size, c, o) = (geometry.window.size, geometry.inputs, geometry.outputs)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in random.unit() } }
    switch form {
    case .svd, .auto:
      return LowRankTests.product(
        numbers(size[0] * size[1] * c * 2), numbers(2 * o), size[0] * size[1] * c, 2, o)
    case .spatial:
      let matrix = LowRankTests.product(
        numbers(size[0] * c), numbers(size[1] * o), size[0] * c, 1, size[1] * o)
      return MatrixSplit.swapped(matrix, size[0], c, size[1], o)
    case .tucker:
      return composed(
        numbers(c * 2), numbers(size[0] * size[1] * 2 * 2), numbers(2 * o), size[0] * size[1],
        (c, 2, 2, o))
    }
  }

  /// `W[i, c, o] = sum A[c, p] G[i, p, q] B[q, o]`, as it is written.
  static func composed(
    _ a: [Float], _ core: [Float], _ b: [Float], _ places: Int,
    _ n: (c: Int, p: Int, q: Int, o: Int)
  ) -> [Float] {
    var result = [Float](repeating: 0, count: places * n.c * n.o)
    for i in 0..<places {
      for c in 0..<n.c {
        for o in 0..<n.o {
          for p in 0..<n.p {
            for q in 0..<n.q {
              result[(i * n.c + c) * n.o + o] +=
                a[c * n.p + p] * core[(i * n.p + p) * n.q + q] * b[q * n.o + o]
            }
          }
        }
      }
    }
    return result
  }

  static func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
  }

  @Test(arguments: [Decomposition.svd, .spatial, .tucker, .auto])
  func whatHasLowRanksIsSplitWithoutLoss(_ form: Decomposition) throws {
    var split = 0
    for seed in 0..<40 {
      var random = Fixture.Random(seed + 1)
      let geometry = try Geometry(&random)
      let model = try geometry.model(Self.kernel(form, geometry, &random))
      let (small, report) = try LowRank(.energy(1 - 1e-7), decomposition: form)(
        model, Fixture.context())
      guard let row = report.layers.first else {
        let reason = try #require(report.skipped.first?.reason)
        #expect(reason.contains("no fewer weights") || reason.contains("operations"), "\(geometry)")
        continue
      }
      split += 1
      #expect(small.work == Int(try #require(row["macs"]?.after)), "\(geometry)")
      #expect(small.work < model.work, "\(geometry)")
      let kernels = small.parameters.filter { $0.name.hasSuffix("kernel") }
      #expect(
        kernels.reduce(0) { $0 + $1.shape.count } == Int(try #require(row["weights"]?.after)))
      #expect(abs(try #require(row["energy"]?.after) - 1) < 1e-6, "\(geometry)")
      let (expected, got) = (try Fixture.outputs(model), try Fixture.outputs(small))
      let scale = expected.reduce(1) { max($0, abs($1)) }
      #expect(
        zip(expected, got).allSatisfy { abs($0 - $1) < 2e-3 * scale }, "\(form) \(geometry)")
    }
    #expect(split >= 15)
  }

  /// What a way says it keeps is what its kernel keeps, and its kernels make the kernel that it amounts to.
  @Test(arguments: [Decomposition.svd, .spatial, .tucker])
  func energiesAreTrue(_ form: Decomposition) throws {
    var random = Fixture.Random(7)
    let (height, width, c, o) = (3, 2, 5, 4)
    let values = (0..<height * width * c * o).map { _ in random.unit() }
    let whole = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    let model = try ModelBuilder.sequential([
      InputLayer([6, 6, c]),
      Conv2DLayer(
        filters: o, window: Window2D("test", size: [height, width], strides: [1, 1])),
    ])
    let layer = try #require(model.weightedLayers().first)
    let geometry = KernelGeometry(
      layer, try #require(model.parameters[layer.kernel]), in: model)
    let split: any KernelDecomposition =
      form == .tucker
      ? try TuckerSplit(values, geometry, poll: {})
      : try MatrixSplit(values, geometry, isSpatial: form == .spatial, poll: {})
    #expect(split.ways.count == (form == .svd ? 4 : form == .spatial ? 8 : 20))
    for way in split.ways {
      let near = try split.approximation(way)
      let lost = Self.distance(near, values)
      #expect(abs(lost - (1 - way.energy) * whole) < 1e-4 * whole, "\(way)")
      let (kernels, energy) = try split.kernels(way, poll: {})
      #expect(kernels.reduce(0) { $0 + $1.values.count } == way.weights)
      #expect(kernels.allSatisfy { $0.shape.reduce(1, *) == $0.values.count })
      let product: [Float]
      switch form {
      case .svd, .auto:
        product = LowRankTests.product(
          kernels[0].values, kernels[1].values, height * width * c, way.ranks[0], o)
      case .spatial:
        product = spatialProduct(kernels, (height, width, c, o), rank: way.ranks[0])
      case .tucker:
        product = Self.composed(
          kernels[0].values, kernels[1].values, kernels[2].values, height * width,
          (c, way.ranks[0], way.ranks[1], o))
      }
      let missed = Self.distance(product, values)
      #expect(abs(missed - (1 - energy) * whole) < 1e-4 * whole, "\(way)")
      // Improving the ranks in turns never loses.
      #expect(energy >= way.energy - 1e-6, "\(way)")
    }
    #expect(abs((split.ways.last?.energy ?? 0) - 1) < 1e-6)
  }

  private func spatialProduct(
    _ kernels: [SplitKernel], _ n: (height: Int, width: Int, c: Int, o: Int), rank: Int
  ) -> [Float] {
    var result: [Float] = []
    for i in 0..<n.height {
      for j in 0..<n.width {
        for c in 0..<n.c {
          for o in 0..<n.o {
            result.append(
              (0..<rank).reduce(0) { sum, k in
                sum + kernels[0].values[(i * n.c + c) * rank + k]
                  * kernels[1].values[(j * rank + k) * n.o + o]
              })
          }
        }
      }
    }
    return result
  }

  @Test func layersThatSeeOnePlaceHaveOneForm() throws {
    let model = try ModelBuilder.sequential([
      InputLayer([6, 6, 12]), Conv2DLayer(filters: 12, window: Fixture.window(1)),
      FlattenLayer(), DenseLayer(units: 8),
    ])
    for form in Decomposition.allCases {
      let (small, report) = try LowRank(.ratio(0.5), decomposition: form)(
        model, Fixture.context())
      #expect(report.layers.map(\.action) == ["split in two", "split in two"], "\(form)")
      #expect(small.parameters["conv2d/reduce/kernel"]?.shape.dimensions == [1, 1, 12, 3])
    }
  }

  @Test func autoTakesTheCheapest() throws {
    let model = try Fixture.cnn(filters: (16, 16))
    func work(_ form: Decomposition) throws -> Int {
      try LowRank(.energy(0.7), decomposition: form)(model, Fixture.context()).model.work
    }
    let least = try [Decomposition.svd, .spatial, .tucker].map(work).min()
    #expect(try work(.auto) <= (least ?? 0))
  }

  // MARK: Budgets

  @Test(arguments: [true, false]) func budgetsAreKept(_ hasData: Bool) throws {
    let model = try Fixture.trained()
    let data = hasData ? try Fixture.data() : nil
    func split(_ budget: RankBudget) throws -> PassResult {
      try LowRank(.budget(budget), decomposition: .auto).apply(
        to: model, Fixture.context(data: data))
    }
    let half = try split(.macsRatio(2))
    #expect(2 * half.model.work <= model.work)
    #expect(half.report.options.contains { $0.name == "macs_ratio" })
    let count = model.parameters.reduce(0) { $0 + $1.shape.count }
    let few = try split(.parameters(count * 2 / 3)).model
    #expect(few.parameters.reduce(0) { $0 + $1.shape.count } <= count * 2 / 3)
    // What is small enough stays.
    let same = try split(.macs(model.work))
    #expect(same.model.work == model.work)
    #expect(same.report.skipped.allSatisfy { $0.reason == "stays whole within the target" })
    let message = Fixture.message { _ = try split(.macs(10)) }
    #expect(message.contains("the target of 10 MACs is out of reach: "), "\(message)")
  }

  /// By sensitivity the answers change less than with the same share of every layer.
  @Test func ranksAreChosenWhereTheyCostLeast() throws {
    let model = try Fixture.trained()
    let uniform = try LowRank(.ratio(0.3)).apply(to: model, Fixture.context()).model
    let chosen = try LowRank(.budget(.macs(uniform.work))).apply(
      to: model, Fixture.context(data: Fixture.data())
    ).model
    func loss(_ graph: Graph) throws -> Double {
      try Evaluation(graph, on: Fixture.data(512, seed: 99), pool: Fixture.pool()).loss
    }
    #expect(try loss(chosen) < loss(uniform))
  }

  @Test func wrongBudgetsAreRefused() {
    #expect(
      Fixture.message { _ = try LowRank(.budget(.macs(0))) }
        .contains("compress: target macs must be positive, got 0"))
    #expect(
      Fixture.message { _ = try LowRank(.budget(.macsRatio(.nan))) }
        .contains("compress: target macs_ratio must be at least 1, got nan"))
  }

  @Test func weightsThatAreNotFiniteStay() throws {
    var model = try Fixture.cnn()
    let old = try #require(model.parameters["dense/kernel"])
    try model.set(
      old.replacing(.dense(Tensor([Float](repeating: .nan, count: old.shape.count), old.shape))))
    let report = try LowRank(.ratio(0.5), decomposition: .auto)(model, Fixture.context()).report
    #expect(report.skipped.contains(.init("dense", "has weights that are not finite")))
  }
}
