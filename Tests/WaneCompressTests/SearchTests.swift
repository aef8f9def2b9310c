import Testing
import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

@Suite("Searching for a strength")
struct SearchTests {
  @Test("bisection finds the first and the last place, and asks rarely")
  func bisection() throws {
    for count in [1, 2, 3, 7, 64, 129] {
      for edge in 0...count {
        var asked = Set<Int>()
        func ask(_ place: Int) -> Bool {
          #expect(asked.insert(place).inserted, "asked twice about \(place)")
          return place >= edge
        }
        #expect(Bisection.first(count, where: ask) == (edge < count ? edge : nil))
        #expect(Double(asked.count) <= Double(count).binaryLogarithm + 2)
        asked = []
        let last = Bisection.last(count) { place in
          #expect(asked.insert(place).inserted)
          return place < edge
        }
        #expect(last == (edge > 0 ? edge - 1 : nil))
      }
    }
    #expect(Bisection.first(0) { _ in true } == nil)
  }

  @Test("settings go from weak to strong")
  func knobs() {
    #expect(Knob.sparsity.values == Knob.sparsity.values.sorted())
    #expect(Set(Knob.sparsity.values).count == 128)
    #expect(Knob.sparsity.values.last == 0.995)
    #expect(Knob.ratio.values == Knob.ratio.values.sorted())
    for knob in [Knob.clusters, .energy, .bits] {
      #expect(knob.values == knob.values.sorted(by: >))
    }
  }

  @Test("targets and goals know what meets them")
  func goals() throws {
    let target = try Target([.bytes: 1000, .macs: 50])
    #expect(target.excess([.bytes: 500, .macs: 50]) == 1)
    #expect(target.excess([.bytes: 1500, .macs: 50]) == 1.5)
    #expect(target.excess([.bytes: 10]) == .infinity)
    let goal = try Goal(target: target, maxDrop: 0.01)
    #expect(goal.isMet([.bytes: 1, .macs: 1], drop: 0.01))
    #expect(!goal.isMet([.bytes: 1, .macs: 1], drop: 0.02))
    #expect(!goal.isMet([.bytes: 1, .macs: 1], drop: nil))
    #expect(!goal.isMet([.bytes: 1, .macs: 51], drop: 0))
    #expect(goal.text == "at most 1000 bytes, 50 MACs within 1.00 points of accuracy")
    #expect(throws: WaneError.self) { try Target([:]) }
    #expect(throws: WaneError.self) { try Target([.bytes: -1]) }
    #expect(throws: WaneError.self) { try Target([.latency: .nan]) }
    #expect(throws: WaneError.self) { try Goal(target: nil, maxDrop: nil) }
    #expect(throws: WaneError.self) { try Goal(target: nil, maxDrop: 1) }
  }

  /// A pass that takes a known number of bytes off, and more in a long run than in a short one.
  private struct FakePass: ModelPass {
    static let verb = "fake"
    let strength: Double

    func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
      var graph = Graph()
      let extra = context.fineTuning.epochs >= 4 ? 3.0 : 0
      let count = Int(1000 - 10 * strength + extra)
      _ = try graph.add(
        parameter: Parameter("p", Tensor([Float](repeating: 0, count: count))), layer: "l")
      var report = Report(Self.verb, options: [])
      report.layers = [.init(layer: "l", action: "\(context.fineTuning.epochs)", numbers: [])]
      return PassResult(graph, report)
    }
  }

  private func search(_ goal: Goal, trialEpochs: Double? = nil) throws -> StrengthSearch {
    try StrengthSearch(
      "fake", Knob("strength", (0..<100).map(Double.init)), goal: goal, trialEpochs: trialEpochs,
      fileBytes: { $0.parameters.reduce(0) { $0 + $1.shape.count } }
    ) { FakePass(strength: $0) }
  }

  @Test("the weakest setting that meets a target is run with all of the training")
  func target() throws {
    let context = CompressionContext(
      pool: try WorkerPool(count: 1), fineTuning: FineTuning(epochs: 4))
    let result = try search(Goal(target: Target([.bytes: 500]), maxDrop: nil))
      .apply(to: Graph(), context)
    // Setting 50 has 500 bytes after a trial and 503 after the long run: 51 is the weakest.
    #expect(result.model.parameters.reduce(0) { $0 + $1.shape.count } == 493)
    #expect(result.report.layers.first?.action == "4.0")
    let trials = result.report.trials
    #expect(trials.last?.value == 51)
    #expect(trials.last?.epochs == 4)
    #expect(trials.filter { $0.epochs == 1 }.count <= 9)
    #expect(trials.allSatisfy { $0.option == "strength" && $0.accuracy == nil })
  }

  @Test("a target out of reach is an error that says what was reached")
  func unreachable() throws {
    let context = CompressionContext(pool: try WorkerPool(count: 1))
    let error = #expect(throws: WaneError.self) {
      try search(Goal(target: Target([.bytes: 5]), maxDrop: nil)).apply(to: Graph(), context)
    }
    #expect(
      error?.description
        == "fake: strength does not reach at most 5 bytes; the best reached is 10 bytes, "
        + "with strength 99")
    #expect(throws: WaneError.self) {
      try search(Goal(target: nil, maxDrop: 0.1)).apply(to: Graph(), context)
    }
    #expect(throws: WaneError.self) {
      try search(Goal(target: nil, maxDrop: 0.1), trialEpochs: -1)
    }
  }
}

extension Double {
  /// The logarithm to base 2 of a power of two or less, rounded up.
  fileprivate var binaryLogarithm: Double {
    var (power, exponent) = (1.0, 0.0)
    while power < self { (power, exponent) = (power * 2, exponent + 1) }
    return exponent
  }
}
