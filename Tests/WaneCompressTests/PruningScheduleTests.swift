import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct PruningScheduleTests {
  private static let kernels = PruningTests.kernels

  private static func options(_ context: CompressionContext) -> TrainingOptions {
    context.fineTuning.trainingOptions(
      .init(learningRate: 2e-3), masking: Set(kernels))
  }

  private static func masks(_ model: Graph) throws -> [String: Tensor] {
    var masks: [String: Tensor] = [:]
    for name in kernels { masks[name] = try model.parameters[name]?.mask() }
    return masks
  }

  /// One round, against two runs that are trained by hand.
  @Test(arguments: [0, 1, 2])
  func rewindingReturnsToWeightsAndOptimizer(start: Int) throws {
    let context = try Fixture.context(epochs: 3, data: Fixture.data())
    let model = try Fixture.cnn()
    let ticket = try Pruning(
      sparsity: 0.8, schedule: .iterative(rounds: 1, rewind: .epochs(Double(start))))(
        model, context)
    func run() throws -> TrainingRun {
      try TrainingRun(
        model, data: Fixture.data(), options: Self.options(context), epochs: 3,
        pool: Fixture.pool())
    }
    let dense = try run()
    try dense.train(epochs: 3)
    let mask = try Self.masks(
      Pruning(sparsity: 0.8)(dense.trainedModel(), Fixture.context()).model)
    let again = try run()
    try again.train(epochs: Double(start))
    for (name, mask) in mask { again.setMask(name, mask) }
    try again.train(epochs: 3)
    let expected = try again.trainedModel()
    for parameter in expected.parameters {
      #expect(
        try Fixture.values(ticket.model, parameter.name)
          == parameter.decoded().array(Float.self), "\(parameter.name)")
    }
    #expect(ticket.report.history.count == 6 - start)
    #expect(ticket.report.history.last?.epoch == 6)
  }

  /// With steps too small to move anything, what is left is what there was.
  @Test func initialWeightsComeBack() throws {
    var context = try Fixture.context(epochs: 1, data: Fixture.data())
    context.fineTuning.optimizer = .sgd(learningRate: 1e-30)
    let initial = try Fixture.cnn()
    let trained = try Fixture.trained()
    let ticket = try Pruning(
      sparsity: 0.9, schedule: .iterative(rounds: 3, rewind: .model(initial)))(trained, context)
    #expect(try PruningTests.zeros(ticket.model) == 610)
    for name in Self.kernels {
      let (early, late) = (
        try Fixture.values(initial, name), try Fixture.values(ticket.model, name)
      )
      for (a, b) in zip(early, late) { #expect(b == 0 || b == a) }
    }
    #expect(
      try Fixture.values(ticket.model, "dense/bias") == Fixture.values(initial, "dense/bias"))
    // Zeros pinned before the first round stay, whatever the initial weights were.
    let sparse = try Pruning(sparsity: 0.5)(trained, Fixture.context()).model
    let second = try Pruning(
      sparsity: 0.9, schedule: .iterative(rounds: 2, rewind: .model(initial)))(sparse, context)
    for name in Self.kernels {
      let (old, new) = (
        try Fixture.values(sparse, name), try Fixture.values(second.model, name)
      )
      #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
    }
    #expect(try PruningTests.zeros(second.model) == 610)
  }

  @Test func everyRoundTakesTheSameShareOfTheRest() throws {
    let member = PruningGroup.Member(
      kernel: "k", units: UnitPartition(.weight, try #require(KernelMatrix(Shape([1000, 1])))))
    let group = PruningGroup(members: [member], initialZeros: 0, finalZeros: 999)
    let left = (0...3).map { 1000 - IterativePruning.zeros(group, after: $0, of: 3) }
    #expect(left == [1000, 100, 10, 1])
    let empty = PruningGroup(members: [member], initialZeros: 0, finalZeros: 1000)
    #expect(IterativePruning.zeros(empty, after: 3, of: 3) == 1000)
    let done = PruningGroup(members: [member], initialZeros: 1000, finalZeros: 1000)
    #expect(IterativePruning.zeros(done, after: 1, of: 3) == 1000)
  }

  @Test func encodedWeightsDoNotReturn() throws {
    let context = try Fixture.context(epochs: 1, data: Fixture.data())
    let shared = try WeightSharing(
      clusters: 8, selection: Selection(only: ["dense"]))(Fixture.trained(), context).model
    let result = try Pruning(
      sparsity: 0.5, schedule: .iterative(rounds: 1, rewind: .epochs(0)))(shared, context)
    #expect(
      result.report.skipped == [
        .init("dense", "is codebook of 8, which cannot return to earlier values")
      ])
    #expect(try Fixture.zeros(result.model, "dense/kernel") == 0)
  }

  /// Every exchange against a sort, and sparsity at every step.
  @Test(arguments: [PruningUnit.weight, .row])
  func exchangesKeepSparsity(unit: PruningUnit) throws {
    let data = try Fixture.data()
    let model = try Fixture.trained()
    var context = try Fixture.context(epochs: 4, data: data)
    context.fineTuning.learningRate = 0.01
    let pruning = try Pruning(sparsity: 0.7, unit: unit, scope: .layer)
    let sparse = try pruning(model, Fixture.context()).model
    let members = try model.weightedLayers().map { layer in
      PruningGroup.Member(
        kernel: layer.kernel,
        units: UnitPartition(unit, try #require(KernelMatrix(layer, in: model))))
    }
    let plan = PruningPlan(
      unit: unit, criterion: .magnitude, layers: model.weightedLayers(),
      groups: [PruningGroup(members: members, initialZeros: 0, finalZeros: 0)], context: context)
    var regrowth = try Regrowth(
      plan, fraction: 0.4, interval: 3, original: model, model: sparse)
    let run = try TrainingRun(
      sparse, data: data, options: Self.options(context), epochs: 4, pool: Fixture.pool())
    try regrowth.prepare(run)
    // Units: a row that has come may hold weights which nothing moves.
    func zeros(_ model: Graph, _ member: PruningGroup.Member) throws -> Int {
      let values = try Fixture.values(model, member.kernel)
      return member.units.zeros { values[$0] == 0 }
    }
    let counts = try members.map { try zeros(sparse, $0) }
    var alive = try Self.masks(sparse).mapValues { $0.array(Float.self).map { $0 != 0 } }
    var exchanged = 0
    for step in 1...run.totalSteps {
      try run.runStep()
      var weights: [String: [Float]] = [:]
      var slopes: [String: [Float]] = [:]
      for name in Self.kernels {
        weights[name] = try #require(try run.weights(name)).array(Float.self)
        slopes[name] = try #require(try run.gradient(name)).array(Float.self)
      }
      try regrowth.proceed(run)
      let now = try run.trainedModel()
      for (index, member) in members.enumerated() {
        let values = try Fixture.values(now, member.kernel)
        let kept = try #require(try run.mask(member.kernel)).array(Float.self).map { $0 != 0 }
        // Masks may be open for the next step; what they hid is zero, and so is what has come.
        #expect(try zeros(now, member) >= counts[index])
        guard unit == .weight, step % 3 == 0, step <= Int(0.75 * Double(run.totalSteps)) else {
          continue
        }
        let old = try #require(alive[member.kernel])
        let w = try #require(weights[member.kernel])
        let g = try #require(slopes[member.kernel])
        let share = 0.2 * (1 + cos(Double.pi * Double(step) / Double(run.totalSteps * 3 / 4)))
        let active = old.indices.filter { old[$0] }.sorted { (abs(w[$0]), $0) < (abs(w[$1]), $1) }
        let rest = old.indices.filter { !old[$0] && g[$0] != 0 }
          .sorted { (-abs(g[$0]), $0) < (-abs(g[$1]), $1) }
        let count = min(Int((share * Double(active.count)).rounded()), rest.count)
        var expected = old
        for index in active.prefix(count) { expected[index] = false }
        for index in rest.prefix(count) { expected[index] = true }
        exchanged += count
        #expect(kept == expected)
        alive[member.kernel] = expected
        // What comes starts from zero.
        for index in rest.prefix(count) { #expect(values[index] == 0) }
      }
    }
    if unit == .weight { #expect(exchanged > 0) }
    #expect(try members.map { try zeros(run.trainedModel(), $0) } == counts)
  }

  @Test func pinnedZerosDoNotGrow() throws {
    let context = try Fixture.context(epochs: 3, data: Fixture.data())
    let first = try Pruning(sparsity: 0.5)(Fixture.trained(), context).model
    let second = try Pruning(
      sparsity: 0.7, schedule: .rigl(fraction: 0.5, interval: 1))(first, context).model
    for name in Self.kernels {
      let (old, new) = (try Fixture.values(first, name), try Fixture.values(second, name))
      #expect(zip(old, new).allSatisfy { $0 != 0 || $1 == 0 })
    }
    #expect(try PruningTests.zeros(second) == 475)
    // But others did: it is not what pruning at once leaves.
    let once = try Pruning(sparsity: 0.7)(first, Fixture.context()).model
    let moved = try Self.kernels.contains { name in
      zip(try Fixture.values(once, name), try Fixture.values(second, name))
        .contains { $0 == 0 && $1 != 0 }
    }
    #expect(moved)
  }
}
