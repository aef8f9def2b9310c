import Testing
@testable import WaneCompress
import WaneTensor

@Suite("Exploring combinations")
struct ExplorationTests {
  @Test("times are read")
  func times() {
    #expect(TimeBudget.seconds("90") == 90)
    #expect(TimeBudget.seconds("90s") == 90)
    #expect(TimeBudget.seconds("10min") == 600)
    #expect(TimeBudget.seconds(" 1h 30min ") == 5400)
    #expect(TimeBudget.seconds("1h30min") == 5400)
    #expect(TimeBudget.seconds("0.5 h") == 1800)
    for text in ["", "min", "10 parsecs", "-5s", "0", "1e400s", "1.2.3s", "h1"] {
      #expect(TimeBudget.seconds(text) == nil, "\(text)")
    }
  }

  @Test("a budget knows what is left")
  func budget() {
    nonisolated(unsafe) var now = 100.0
    let budget = TimeBudget(seconds: 10) { now }
    now = 107
    #expect(budget.elapsed == 7)
    #expect(budget.remaining == 3)
  }

  @Test("layers of points, by the definition")
  func layers() {
    #expect(ParetoFront.layers([]) == [])
    #expect(ParetoFront.layers([[1, 5], [2, 4], [3, 6], [2, 4], [4, 7]]) == [0, 0, 2, 1, 3])
    var random = Fixture.Random(3)
    let points = (0..<60).map { _ in (0..<3).map { _ in Double(random.bits() % 8) } }
    let layers = ParetoFront.layers(points)
    for (index, point) in points.enumerated() {
      func beats(_ other: [Double]) -> Bool {
        other != point && zip(other, point).allSatisfy { $0 <= $1 }
      }
      // Nobody in the same layer or behind beats it, and somebody in the layer in front does.
      for (other, layer) in layers.enumerated() where layer >= layers[index] {
        #expect(!beats(points[other]))
      }
      if layers[index] > 0 {
        #expect(
          points.indices.contains {
            layers[$0] == layers[index] - 1 && (beats(points[$0]) || points[$0] == point)
          })
      }
    }
    #expect(ParetoFront.layers([[.nan, 1], [1, .nan]]) == [0, 0])
  }

  @Test("rungs take what training there is, three times longer for a third")
  func rungs() {
    let rungs = Exploration.rungs(epochs: 150, candidates: 18, most: 40)
    #expect(rungs.map(\.count) == [18, 6, 2])
    #expect(rungs.reduce(0) { $0 + Double($1.count) * $1.epochs } <= 150)
    #expect(rungs.reduce(0) { $0 + Double($1.count) * $1.epochs } > 100)
    #expect(rungs.map(\.epochs) == rungs.map(\.epochs).sorted())
    #expect(Exploration.rungs(epochs: 1e6, candidates: 9, most: 40).last?.epochs ?? 99 <= 40)
    #expect(Exploration.rungs(epochs: 3, candidates: 18, most: 40).first?.count ?? 18 < 9)
    #expect(Exploration.rungs(epochs: 0, candidates: 18, most: 40).first?.count == 3)
    #expect(Exploration.rungs(epochs: 10, candidates: 1, most: 40).map(\.count) == [1])
    #expect(Exploration.rungs(epochs: 10, candidates: 0, most: 40) == [])
  }

  @Test("a chain is a recipe in the order in which verbs fit together")
  func recipes() {
    var chain = Chain()
    #expect(chain.recipe(epochs: 4).stages.map(\.verb) == ["fit"])
    chain.filters = 0.5
    chain.energy = 0.9
    chain.sparsity = 0.8
    chain.values = .integers(4)
    chain.teacherShare = 0.5
    let recipe = chain.recipe(epochs: 11, ["seed": .integer(7)])
    #expect(recipe.stages.map(\.verb) == ["compress", "compress", "prune", "quantize"])
    #expect(recipe.stages[2].options["sparsity"] == .number(0.8))
    #expect(recipe.stages[2].options["epochs"] == .number(4))
    #expect(recipe.stages[3].options["teacher"] == .text("original"))
    #expect(recipe.stages[3].options["seed"] == .integer(7))
    chain.values = .coded(5000)
    let coded = chain.recipe(epochs: 16, [:]).stages
    #expect(coded.map(\.verb) == ["compress", "compress", "prune", "quantize", "compress"])
    #expect(coded[3].options["epochs"] == .number(0))
    #expect(coded[4].options["target"] == .table(["bytes": 5000]))
    #expect(chain.recipe(epochs: 0).stages.count == 4)
    for dial in [Chain.Dial.filters, .energy, .sparsity, .clusters, .bits] {
      let values = Chain.values(of: dial)
      #expect(Set(values.map { Chain().setting(dial, $0) }).count == values.count)
    }
    #expect(!chain.neighbours.contains(chain))
  }

  @Test("before training for bytes about as many weights are pruned as they leave no room for")
  func codedChains() {
    let chain = Chain().coded(bytes: 8000.5, of: 480_000)
    #expect(chain.values == .coded(8000))
    #expect(chain.sparsity == 0.933)
    var slim = Chain()
    slim.filters = 0.5
    #expect(slim.coded(bytes: 8000, of: 480_000).sparsity == 0.733)
    #expect(Chain().coded(bytes: 500_000, of: 480_000).sparsity == 0)
    #expect(Chain().coded(bytes: 10, of: 0).sparsity == 0)
    #expect(chain.neighbours.allSatisfy { (0..<1).contains($0.sparsity) })
  }

  /// A model that is nothing but what its recipe says, and a clock that its training moves.
  private final class World {
    var now = 0.0
    /// Seconds an epoch.
    let speed = 2.0
    var runs = 0
    var failsAfter = Int.max

    struct Model {
      var bytes = 480_000.0
      var macs = 2_500_000.0
      var damage = 0.0
      var epochs = 0.0
    }

    func run(_ recipe: Recipe) throws -> Model {
      runs += 1
      guard runs <= failsAfter else { throw WaneError("", "interrupted", kind: .interrupted) }
      var model = Model()
      for stage in recipe.stages {
        func number(_ name: String) -> Double {
          switch stage.options[name] {
          case .number(let value)?: value
          case .integer(let value)?: Double(value)
          default: 0
          }
        }
        model.epochs += number("epochs")
        if stage.verb == "prune" {
          model.bytes *= 1 - number("sparsity") + 0.01
          model.damage += 0.0005 / (1.001 - number("sparsity"))
        } else if stage.verb == "quantize" {
          model.bytes *= number("bits") / 32
          model.damage += 0.08 / Double(1 << Int(number("bits")))
        } else if stage.options["method"] == .text("filters") {
          let left = 1 - number("ratio")
          model.bytes *= left * left
          model.macs *= left * left
          model.damage += 0.004 / (left + 0.01)
        } else if stage.options["method"] == .text("entropy") {
          guard case .table(let limits)? = stage.options["target"] else { continue }
          model.damage += 0.006 * (model.bytes / 240_000) + 50 / (limits["bytes"] ?? 1)
          model.bytes = (limits["bytes"] ?? 0) / 1.04
          if model.bytes < 100 { throw WaneError("compress", "too small") }
        } else if stage.options["method"] == .text("share") {
          model.bytes *= 0.15
          model.damage += 0.1 / max(number("clusters"), 1)
        } else if stage.options["method"] == .text("low_rank") {
          model.bytes *= number("energy")
          model.macs *= number("energy")
          model.damage += 0.05 * (1 - number("energy"))
        }
      }
      // Trained weights take a little more.
      if model.epochs > 0 { model.bytes *= 1.04 }
      now += model.epochs * speed + 0.05
      return model
    }

    func explorer(_ goal: Exploration, seconds: Double) -> Explorer<Model> {
      Explorer<Model>(
        goal, original: ([.bytes: 480_000, .macs: 2_500_000, .latency: 1, .memory: 1], 0.91),
        budget: TimeBudget(seconds: seconds) { self.now },
        bench: .init(
          run: { try self.run($0) },
          costs: { model, _ in
            [.bytes: model.bytes.rounded(), .macs: model.macs.rounded(), .latency: 1, .memory: 1]
          },
          accuracy: { 0.91 - $0.damage - 0.02 / (1 + $0.epochs) }))
    }
  }

  @Test("a target is met by the most accurate, within the time, the same each time")
  func target() throws {
    let goal = Exploration(target: try Target([.bytes: 8000]), maxDrop: 0.02)
    let world = World()
    let explorer = world.explorer(goal, seconds: 600)
    try explorer.explore()
    let best = try #require(explorer.best)
    #expect(best.costs[.bytes] ?? 0 <= 8000)
    #expect(best.costs[.bytes] ?? 0 > 7000)
    #expect(best.drop <= 0.02)
    #expect(
      explorer.findings.allSatisfy {
        ($0.costs[.bytes] ?? 0) > 8000 || $0.accuracy <= best.accuracy
      })
    #expect(world.now <= 600 * 1.02)
    #expect(best.epochs > 10)
    #expect(explorer.front.contains { explorer.findings[$0].recipe == best.recipe })

    let again = World().explorer(goal, seconds: 600)
    try again.explore()
    #expect(again.findings.map(\.recipe) == explorer.findings.map(\.recipe))
  }

  @Test("without a target the smallest within the drop is found")
  func drop() throws {
    let explorer = World().explorer(Exploration(maxDrop: 0.015), seconds: 600)
    try explorer.explore()
    let best = try #require(explorer.best)
    #expect(best.drop <= 0.015)
    #expect(best.costs[.bytes] ?? .infinity < 480_000 / 12)
    let front = explorer.front.map { explorer.findings[$0] }
    #expect(front.count > 3)
    for (one, next) in zip(front, front.dropFirst()) {
      #expect(one.costs[.bytes] ?? 0 < next.costs[.bytes] ?? 0)
      #expect(one.accuracy < next.accuracy)
    }
  }

  @Test("multiplications are met by fewer filters, with bytes by zeros besides")
  func shapes() throws {
    let target = try Target([.macs: 600_000, .bytes: 10_000])
    let explorer = World().explorer(Exploration(target: target), seconds: 300)
    try explorer.explore()
    let best = try #require(explorer.best)
    #expect(best.costs[.macs] ?? .infinity <= 600_000)
    #expect(best.costs[.bytes] ?? .infinity <= 10_000)
    #expect(best.chain.filters > 0.4)
    let fast = World().explorer(Exploration(target: try Target([.macs: 600_000])), seconds: 300)
    try fast.explore()
    #expect(fast.best?.chain.sparsity == 0)
  }

  @Test("short times give what they can, and no time gives nothing")
  func short() throws {
    let goal = Exploration(target: try Target([.bytes: 8000]))
    for seconds in [3.0, 10, 30] {
      let world = World()
      let explorer = world.explorer(goal, seconds: seconds)
      try explorer.explore()
      #expect(!explorer.findings.isEmpty)
      #expect(world.now <= seconds * 1.3 + 0.5, "\(world.now) of \(seconds)")
    }
    let none = World().explorer(goal, seconds: 0.01)
    try none.explore()
    #expect(none.findings.isEmpty)
    #expect(none.best == nil)
  }

  @Test("what cannot be reached is known without training")
  func unreachable() throws {
    let explorer = World().explorer(Exploration(target: try Target([.bytes: 1])), seconds: 600)
    try explorer.explore()
    #expect(explorer.findings.isEmpty)
    #expect(explorer.outOfReach > 10)
  }

  @Test("an error leaves what was measured")
  func interruption() throws {
    let world = World()
    world.failsAfter = 170
    let explorer = world.explorer(
      Exploration(target: try Target([.bytes: 8000])), seconds: 600)
    #expect(throws: WaneError.self) { try explorer.explore() }
    #expect(!explorer.findings.isEmpty)
    #expect(explorer.nearest != nil)
  }
}
