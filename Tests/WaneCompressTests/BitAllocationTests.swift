import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct BitAllocationTests {
  /// Random costs that rise and losses that mostly fall with bits.
  static func layers(_ count: Int, seed: Int) -> [[LayerAllocation<Int>.Choice]] {
    var random = Fixture.Random(seed)
    return (0..<count).map { _ in
      let size = 10 + 90 * abs(Double(random.unit()))
      return (2...6).map { bits in
        LayerAllocation<Int>.Choice(
          setting: bits, cost: size * Double(bits) + abs(Double(random.unit())),
          loss: abs(Double(random.unit())) / Double(1 << bits))
      }
    }
  }

  /// For every budget, the front has what trying all ways finds.
  @Test(arguments: [1, 2, 3])
  func theFrontHasTheBestWayForEveryBudget(seed: Int) {
    let layers = Self.layers(5, seed: seed)
    let front = LayerAllocation(layers).front
    var all = [(cost: 0.0, loss: 0.0)]
    for choices in layers {
      all = all.flatMap { way in choices.map { (way.cost + $0.cost, way.loss + $0.loss) } }
    }
    for way in stride(from: 0, to: all.count, by: 37).map({ all[$0] }) {
      let best = all.filter { $0.cost <= way.cost }.map(\.loss).min() ?? 0
      let found = front.filter { $0.cost <= way.cost + 1e-9 }.map(\.loss).min() ?? .infinity
      #expect(abs(found - best) < 1e-12)
    }
    for assignment in front {
      let chosen = zip(layers, assignment.settings).compactMap { choices, bits in
        choices.first { $0.setting == bits }
      }
      #expect(abs(chosen.reduce(0) { $0 + $1.cost } - assignment.cost) < 1e-9)
      #expect(abs(chosen.reduce(0) { $0 + $1.loss } - assignment.loss) < 1e-9)
    }
    #expect(zip(front, front.dropFirst()).allSatisfy { $0.cost > $1.cost && $0.loss < $1.loss })
  }

  @Test func aSmallFrontIsNearAsGoodAsTheWholeOne() {
    let layers = Self.layers(12, seed: 9)
    let (whole, small) = (LayerAllocation(layers).front, LayerAllocation(layers, limit: 256).front)
    #expect(small.count <= 256)
    #expect(small.last?.cost == whole.last?.cost)
    for way in small {
      let best = whole.filter { $0.cost <= way.cost }.map(\.loss).min() ?? 0
      #expect(way.loss <= 1.1 * best)
    }
  }

  @Test func noLayersHaveOneWay() {
    #expect(LayerAllocation<Int>([]).front.map(\.settings) == [[]])
  }

  /// Sensitivity is the mean relative entropy of the answers.
  @Test func lossesAreRelativeEntropies() throws {
    let model = try Fixture.trained()
    let data = try Fixture.data(64)
    let sensitivity = try BitSensitivity(model, on: data, "test", Fixture.context())
    let kernel = try #require(model.parameters["dense/kernel"])
    let layer = try #require(model.weightedLayers().first { $0.kernel == "dense/kernel" })
    #expect(try sensitivity.loss(with: kernel) < 1e-6)
    var last = Double.infinity
    for bits in [2, 3, 4, 8] {
      let rounded = try kernel.quantized(bits: bits, .usual, layer)
      var changed = model
      try changed.set(rounded)
      func answers(_ model: Graph) throws -> [Float] {
        try InferenceSession(model.feeding(.u8, operation: "test"), pool: Fixture.pool())
          .run([data.inputs])[0].array(Float.self)
      }
      var expected = 0.0
      for (p, q) in zip(try answers(model), try answers(changed)) where p > 0 {
        expected += Double(p) * log(Double(p) / max(Double(q), 1e-12))
      }
      let loss = try sensitivity.loss(with: rounded)
      #expect(abs(loss - expected / 64) < 1e-6)
      #expect(loss < last)
      last = loss
    }
  }

  static func mixed(_ goal: Goal?, epochs: Double = 0) throws -> PassResult {
    let pass = MixedPrecision(
      try Quantization(bits: 8), goal: goal, fileBytes: { try bytes($0) })
    return try pass.apply(
      to: Fixture.trained(),
      Fixture.context(
        epochs: epochs, data: Fixture.data(), validation: Fixture.data(256, seed: 77)))
  }

  /// Bytes of weights in memory, which stand for those of a file here.
  static func bytes(_ model: Graph) throws -> Int {
    model.parameters.reduce(0) { $0 + $1.byteCount }
  }

  @Test func aBudgetOfBytesIsMetAndUsed() throws {
    func bytes(bits: Int) throws -> Int {
      let context = try Fixture.context(data: Fixture.data())
      return try Self.bytes(Quantization(bits: bits)(Fixture.trained(), context).model)
    }
    let (least, most) = (try bytes(bits: 1), try bytes(bits: 8))
    for share in [0.3, 0.6] {
      let budget = Double(least) + share * Double(most - least)
      let result = try Self.mixed(Goal(target: Target([.bytes: budget]), maxDrop: nil))
      let bytes = Double(try Self.bytes(result.model))
      #expect(bytes <= budget)
      #expect(bytes > 0.85 * budget)
      #expect(Set(result.report.layers.compactMap { $0["bits"]?.after }).count > 1)
      #expect(!result.report.trials.isEmpty)
    }
    let message = Fixture.message {
      _ = try Self.mixed(Goal(target: Target([.bytes: 100]), maxDrop: nil))
    }
    #expect(
      message.hasPrefix(
        "quantize: bits does not reach at most 100 bytes; the best reached is \(least) bytes"))
    #expect(message.hasSuffix("with bits 1"))
  }

  @Test func aDropIsKeptWithFewBits() throws {
    let result = try Self.mixed(Goal(target: nil, maxDrop: 0.01))
    let validation = try Fixture.data(256, seed: 77)
    func accuracy(_ model: Graph) throws -> Double {
      try Evaluation(model, on: validation, pool: Fixture.pool()).accuracy ?? 0
    }
    #expect(try accuracy(result.model) >= accuracy(Fixture.trained()) - 0.01)
    let int8 = try Quantization(bits: 8)(Fixture.trained(), Fixture.context(data: Fixture.data()))
    #expect(try Self.bytes(result.model) < Self.bytes(int8.model) * 3 / 4)
  }

  @Test func weightsDecideWhereThereAreNoSamples() throws {
    let pass = MixedPrecision(
      try Quantization(bits: 8, activations: .floats), fileBytes: { try Self.bytes($0) })
    let model = try Fixture.trained()
    let result = try pass.apply(to: model, Fixture.context())
    var noise = 0.0
    for layer in result.report.layers {
      let name = "\(layer.layer)/kernel"
      let pairs = zip(try Fixture.values(model, name), try Fixture.values(result.model, name))
      let sums = pairs.reduce((0.0, 0.0)) { sums, pair in
        (sums.0 + Double((pair.0 - pair.1) * (pair.0 - pair.1)), sums.1 + Double(pair.0 * pair.0))
      }
      noise += sums.0 / sums.1
    }
    #expect(result.report.layers.count == 4)
    #expect(noise <= MixedPrecision.usualNoise && noise > MixedPrecision.usualNoise / 8)
  }

  /// A grid of one bit has no zero for pinned weights, and no zero point.
  @Test func aBitIsLeftOutWhereItDoesNotFit() throws {
    func least(_ bits: Int, _ weights: WeightFormat, _ model: Graph) throws -> Double? {
      let context = try Fixture.context(data: Fixture.data())
      let quantization = try Quantization(bits: bits, weights: weights)
      let budget = try Self.bytes(quantization(model, context).model)
      let pass = try MixedPrecision(
        quantization, goal: Goal(target: Target([.bytes: Double(budget)]), maxDrop: nil),
        fileBytes: { try Self.bytes($0) })
      let result = try pass.apply(to: model, context)
      return result.report.layers.compactMap { $0["bits"]?.after }.min()
    }
    let model = try Fixture.trained()
    let sparse = try Pruning(sparsity: 0.5)(model, Fixture.context()).model
    #expect(try least(1, .usual, model) == 1)
    #expect(try least(2, .usual, sparse) == 2)
    #expect(try least(2, WeightFormat(isSymmetric: false), model) == 2)
  }

  @Test func bitsAreChosenByThemselves() throws {
    let result = try Self.mixed(nil)
    let bits = result.report.layers.compactMap { $0["bits"]?.after }
    #expect(bits.count == 4)
    #expect(bits.contains { $0 < 8 })
    // Losses of layers add up, more or less; activations are rounded besides.
    let data = try Fixture.data()
    let sensitivity = try BitSensitivity(Fixture.trained(), on: data, "test", Fixture.context())
    let answers = try InferenceSession(
      result.model.feeding(.u8, operation: "test"), pool: Fixture.pool()
    ).run([data.inputs])
    #expect(sensitivity.loss(answers) < 5 * MixedPrecision.usualLoss)
  }
}
