import Testing
import WaneGraph
import WaneTensor

@testable import WaneCompress

@Suite struct LayerAdaptiveMagnitudeTests {
  /// The definition, term by term.
  private static func reference(_ magnitudes: [Float]) -> [Double] {
    magnitudes.indices.map { u in
      let size = Double(magnitudes[u])
      var sum = 0.0
      for v in magnitudes.indices where magnitudes[v] >= 0 {
        let isLess = magnitudes[v] < magnitudes[u] || magnitudes[v] == magnitudes[u] && v < u
        if !isLess { sum += Double(magnitudes[v]) * Double(magnitudes[v]) }
      }
      return sum > 0 ? size * size / sum : 0
    }
  }

  @Test(arguments: 1...20)
  func scoresAreThoseOfTheDefinition(seed: Int) {
    var random = Fixture.Random(seed)
    // With ties and zeros.
    let magnitudes = (0..<1 + random.below(60)).map { _ in Float(random.below(12)) / 4 }
    for (score, wanted) in zip(
      LayerAdaptiveMagnitude.scores(magnitudes), Self.reference(magnitudes))
    {
      #expect(abs(Double(score) - wanted) < 1e-6)
    }
  }

  @Test func whatIsGoneOrNoNumberCountsNowhere() {
    let scores = LayerAdaptiveMagnitude.scores([3, -.infinity, 4, .nan, 0])
    #expect(scores[0] == 9.0 / 25)
    #expect(scores[1] == -.infinity)
    #expect(scores[2] == 1)
    #expect(scores[3].isNaN)
    #expect(scores[4] == 0)
    #expect(LayerAdaptiveMagnitude.scores([1, 3e38, .infinity]) == [0, 0, 1])
    #expect(LayerAdaptiveMagnitude.scores([1e-30, 1e-30]) == [0.5, 1])
    #expect(LayerAdaptiveMagnitude.scores([]) == [])
  }

  /// A layer whose weights are all small keeps its share, which magnitudes would take from it.
  @Test func scaleOfALayerDoesNotMatter() throws {
    let model = try Fixture.trained()
    let name = "dense/kernel"
    let kernel = try #require(model.parameters[name])
    var scaled = model
    let values = try kernel.decoded().array(Float.self).map { $0 / 1024 }
    try scaled.set(Parameter(name, Tensor(values, kernel.shape)))
    func zeros(_ model: Graph, _ criterion: PruningCriterion, _ unit: PruningUnit) throws -> Int {
      let pruned = try Pruning(sparsity: 0.5, unit: unit, criterion: criterion)(
        model, Fixture.context()
      ).model
      return try Fixture.zeros(pruned, name)
    }
    for unit in [PruningUnit.weight, .block(rows: 2, columns: 2)] {
      #expect(try zeros(scaled, .lamp, unit) == zeros(model, .lamp, unit))
      #expect(try zeros(scaled, .magnitude, unit) > zeros(model, .magnitude, unit))
    }
  }

  @Test func withinALayerItIsTheOrderOfMagnitudes() throws {
    let model = try Fixture.trained()
    let (a, b) = (
      try Pruning(sparsity: 0.7, criterion: .lamp, scope: .layer)(model, Fixture.context()).model,
      try Pruning(sparsity: 0.7, scope: .layer)(model, Fixture.context()).model
    )
    for name in PruningTests.kernels {
      #expect(try Fixture.values(a, name) == Fixture.values(b, name))
    }
  }

  /// Blocks against their energies.
  @Test func unitsAreJudgedByTheirEnergy() throws {
    let model = try Fixture.trained()
    let pruned = try Pruning(
      sparsity: 0.5, unit: .column, criterion: .lamp,
      selection: Selection(only: ["conv2d_1", "dense"]))(
        model, Fixture.context()
      ).model
    var energies: [(score: Double, name: String, column: Int)] = []
    for name in ["conv2d_1/kernel", "dense/kernel"] {
      let norms = try ChannelSharingTests.channels(model, name).map { column in
        Float(column.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
      }
      for (column, score) in Self.reference(norms).enumerated() {
        energies.append((score, name, column))
      }
    }
    energies.sort { $0.score < $1.score }
    for (place, unit) in energies.enumerated() {
      let column = try ChannelSharingTests.channels(pruned, unit.name)[unit.column]
      let isZero = column.allSatisfy { $0 == 0 }
      #expect(isZero == (place < energies.count / 2))
    }
  }

  @Test(arguments: PruningTests.schedules)
  func sparsityIsExactWithEverySchedule(schedule: PruningSchedule) throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let result = try Pruning(sparsity: 0.9, criterion: .lamp, schedule: schedule)(
      Fixture.trained(), context)
    #expect(try PruningTests.zeros(result.model) == Int((0.9 * 678).rounded()))
  }
}
