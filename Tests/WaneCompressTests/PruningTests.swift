import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct PruningTests {
  static let kernels = ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel", "dense_1/kernel"]
  /// 54 + 192 + 384 + 48 weights.
  static let count = 678

  static func zeros(_ model: Graph) throws -> Int {
    try kernels.reduce(0) { try $0 + Fixture.zeros(model, $1) }
  }

  static let schedules: [PruningSchedule] = [
    .constant, .cubic, .iterative(rounds: 2, rewind: .none), .rigl(fraction: 0.3, interval: 2),
  ]

  @Test(arguments: [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1], schedules)
  func sparsityIsExact(sparsity: Double, schedule: PruningSchedule) throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let expected = Int((sparsity * Double(Self.count)).rounded())
    let result = try Pruning(sparsity: sparsity, schedule: schedule)(Fixture.trained(), context)
    #expect(
      try Self.zeros(result.model) == (sparsity == 1 ? expected : min(expected, Self.count - 4)))
    for name in Self.kernels where sparsity < 1 {
      #expect(try Fixture.zeros(result.model, name) < Fixture.values(result.model, name).count)
    }
    let reported = result.report.layers.reduce(0) { $0 + ($1["zeros"]?.after ?? 0) }
    #expect(reported == Double(try Self.zeros(result.model)))
    #expect(try Fixture.zeros(result.model, "dense/bias") < 12)
  }

  @Test(arguments: [0.3, 0.5, 0.98, 1])
  func sparsityIsExactInEveryLayer(sparsity: Double) throws {
    let result = try Pruning(sparsity: sparsity, scope: .layer)(
      Fixture.trained(), Fixture.context())
    for name in Self.kernels {
      let count = try Fixture.values(result.model, name).count
      let all = sparsity == 1 ? count : count - 1
      let expected = min(Int((sparsity * Double(count)).rounded()), all)
      #expect(try Fixture.zeros(result.model, name) == expected)
    }
  }

  @Test func theSmallestWeightsGo() throws {
    let model = try Fixture.trained()
    let result = try Pruning(sparsity: 0.5)(model, Fixture.context()).model
    let all = try Self.kernels.flatMap { try Fixture.values(model, $0) }
    let bound = all.map(abs).sorted()[Self.count / 2]
    for name in Self.kernels {
      let (old, new) = (try Fixture.values(model, name), try Fixture.values(result, name))
      for (a, b) in zip(old, new) { #expect(b == (abs(a) < bound ? 0 : a)) }
    }
  }

  /// Against sorting, on groups with ties, zeros, numbers below zero and such as are none.
  @Test(arguments: 1...20)
  func choosingIsThatOfASort(seed: Int) throws {
    var random = Fixture.Random(seed)
    let sizes = [1 + random.below(50), 1 + random.below(200)]
    var worth: [String: [Float]] = [:]
    for (index, size) in sizes.enumerated() {
      worth["\(index)"] = (0..<size).map { _ in
        switch random.below(6) {
        case 0: -.infinity
        case 1: Float(random.below(3))
        case 2: random.below(30) == 0 ? .infinity : 0
        case 3: -Float(random.below(4))
        default: random.unit() * 1e-3
        }
      }
    }
    let count = sizes.reduce(0, +)
    let members = try sizes.enumerated().map { index, size in
      PruningGroup.Member(
        kernel: "\(index)",
        units: UnitPartition(.weight, try #require(KernelMatrix(Shape([size, 1])))))
    }
    for zeros in [0, 1, count / 3, count / 2, count - 2, count - 1, count, count + 5] {
      let mayEmpty = random.below(2) == 0
      let group = PruningGroup(
        members: members, initialZeros: 0, finalZeros: zeros, mayEmpty: mayEmpty)
      let keep = group.keep(worth, zeros: zeros)
      var order: [(score: Float, kernel: Int, index: Int)] = []
      var best: [(Int, Int)] = []
      for kernel in 0..<2 {
        let list = worth["\(kernel)"] ?? []
        let worthiest = list.indices.max {
          list[$0] < list[$1] || (list[$0] == list[$1] && $0 > $1)
        }
        if let worthiest, list[worthiest] > -.infinity, !mayEmpty {
          best.append((kernel, worthiest))
        }
        order += list.indices.map { (list[$0], kernel, $0) }
      }
      order.removeAll { item in best.contains { $0 == (item.kernel, item.index) } }
      order.sort { ($0.score, $0.kernel, $0.index) < ($1.score, $1.kernel, $1.index) }
      let gone =
        order.prefix(zeros).map { [$0.kernel, $0.index] }
        + order.filter { $0.score == -.infinity }.map { [$0.kernel, $0.index] }
      for kernel in 0..<2 {
        for (index, kept) in (keep["\(kernel)"] ?? []).enumerated() {
          #expect(kept != gone.contains([kernel, index]), "seed \(seed) zeros \(zeros)")
        }
      }
    }
  }

  @Test(arguments: [PruningCriterion.magnitude, .taylor, .fisher, .error, .activation], schedules)
  func accuracySurvives(criterion: PruningCriterion, schedule: PruningSchedule) throws {
    let context = try Fixture.context(epochs: 20, learningRate: 0.01, data: Fixture.data())
    let result = try Pruning(sparsity: 0.7, criterion: criterion, schedule: schedule)(
      Fixture.trained(), context)
    #expect(try Self.zeros(result.model) == 475)
    #expect(try Fixture.accuracy(result.model) > 0.95)
  }

  @Test func zerosStayWhateverFollows() throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let first = try Pruning(sparsity: 0.5)(Fixture.trained(), context).model
    let second = try Pruning(sparsity: 0.8, schedule: .cubic)(first, context).model
    for name in Self.kernels {
      let (old, new) = (try Fixture.values(first, name), try Fixture.values(second, name))
      #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
    }
    #expect(try Self.zeros(second) == Int((0.8 * Double(Self.count)).rounded()))
    // Less than there is changes nothing.
    let third = try Pruning(sparsity: 0.2)(second, Fixture.context()).model
    #expect(try Self.zeros(third) == Self.zeros(second))
    // And so does training that knows nothing of pruning.
    let run = try TrainingRun(
      second, data: Fixture.data(), options: TrainingOptions(), epochs: 2, pool: Fixture.pool())
    try run.train(epochs: 2)
    #expect(try Self.zeros(run.trainedModel()) >= Self.zeros(second))
  }

  @Test(arguments: schedules)
  func encodedKernelsArePrunedInTheirEncoding(schedule: PruningSchedule) throws {
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let model = try Fixture.trained()
    let shared = try WeightSharing(clusters: 8)(model, context).model
    let integers = try Quantization(bits: 8)(model, context).model
    let both = try Quantization(bits: 4)(shared, context).model
    for encoded in [shared, integers, both] {
      for scope in [PruningScope.global, .layer] {
        let (pruned, _) = try Pruning(sparsity: 0.75, scope: scope, schedule: schedule)(
          encoded, context)
        let expected =
          scope == .global ? 509 : 41 + 144 + 288 + 36  // 54, 192, 384 and 48 times 0.75
        // Rounding may make more zeros, never fewer.
        #expect(try Self.zeros(pruned) >= min(expected, 508))
        for name in Self.kernels {
          let (old, new) = (
            try #require(encoded.parameters[name]), try #require(pruned.parameters[name])
          )
          #expect(new.isMasked)
          #expect(new.grid?.bits == old.grid?.bits)
          if case .codebook(_, let before, _) = old.payload {
            guard case .codebook(_, let after, _) = new.payload else {
              Issue.record("\(name) is no codebook any more")
              continue
            }
            #expect(after.size <= before.size)
            #expect(after.values.first == 0)
          }
          #expect(try new.nonzeroCount() > 0)
        }
      }
    }
  }

  @Test func aCodebookPrunedAtOnceIsExact() throws {
    let shared = try WeightSharing(clusters: 8)(Fixture.trained(), Fixture.context()).model
    for sparsity in [0.1, 0.5, 0.9] {
      let pruned = try Pruning(sparsity: sparsity)(shared, Fixture.context()).model
      #expect(try Self.zeros(pruned) == Int((sparsity * Double(Self.count)).rounded()))
    }
  }

  @Test func selectedLayersOnly() throws {
    let result = try Pruning(sparsity: 0.5, selection: Selection(only: ["^dense"]))(
      Fixture.trained(), Fixture.context())
    #expect(try Fixture.zeros(result.model, "conv2d/kernel") == 0)
    #expect(try Fixture.zeros(result.model, "conv2d_1/kernel") == 0)
    #expect(try Self.zeros(result.model) == 216)
    #expect(result.report.layers.map(\.layer) == ["dense", "dense_1"])
  }

  @Test func theRampEndsWhereItShould() {
    for steps in [0, 1, 2, 3, 10, 99, 1407] {
      let ramp = PruningRamp(totalSteps: steps)
      #expect(ramp.isDue(after: ramp.end))
      #expect(ramp.end <= max(steps, 1))
      #expect(ramp.zeros(after: 0, from: 3, to: 100) == 3)
      #expect(ramp.zeros(after: ramp.end, from: 3, to: 100) == 100)
      var last = 3
      for step in 1...ramp.end where ramp.isDue(after: step) {
        let now = ramp.zeros(after: step, from: 3, to: 100)
        #expect(now >= last)
        last = now
      }
    }
    // Half way, seven eighths are done.
    let ramp = PruningRamp(totalSteps: 1000)
    #expect(ramp.zeros(after: ramp.end / 2, from: 0, to: 8000) == 7000)
  }

  @Test func wrongOptionsAreErrors() throws {
    for sparsity in [-0.1, 1.5, .nan] {
      #expect(
        Fixture.message { _ = try Pruning(sparsity: sparsity) }
          == "prune: sparsity must be in [0, 1], got \(sparsity)")
    }
    #expect(
      Fixture.message {
        _ = try Pruning(sparsity: 0.5, schedule: .cubic)(Fixture.cnn(), Fixture.context())
      } == "prune: schedule 'cubic' prunes while training: give the options 'data' and 'epochs'")
    #expect(
      Fixture.message {
        _ = try Pruning(sparsity: 0.5, criterion: .taylor)(Fixture.cnn(), Fixture.context())
      } == "prune: criterion 'taylor' needs the option 'data'")
    #expect(
      Fixture.message {
        _ = try Pruning(sparsity: 0.5)(Fixture.cnn(), Fixture.context(epochs: -1))
      } == "prune: epochs must be at least 0, got -1.0")
  }

  @Test func interruptionStops() throws {
    let stop = WaneError("", "interrupted", kind: .interrupted)
    let context = try Fixture.context(epochs: 5, data: Fixture.data()) { throw stop }
    for pass: any ModelPass in [
      try Pruning(sparsity: 0.5), try WeightSharing(clusters: 4), try Quantization(),
      try FilterReduction(ratio: 0.5),
    ] {
      #expect(throws: stop) { _ = try pass(Fixture.cnn(), context) }
    }
  }
}
