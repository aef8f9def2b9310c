import CKernels
import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Clipping, decay, averages and schedules, against Keras.
@Suite struct UpdateTests {
  @Test func fixturesAreThere() {
    #expect(fixtureCases("updates", as: UpdateCase.self).count == 8)
    #expect(fixtureCases("schedules", as: ScheduleCase.self).count == 10)
  }

  @Test(arguments: fixtureCases("updates", as: UpdateCase.self), [1, 2, 3])
  func updatesAgree(_ item: UpdateCase, _ workers: Int) throws {
    let optimizer = try item.options.optimizer(item.optimizer)
    let variables = try ["kernel", "bias"].map { name in
      TrainingForm.Variable(
        name: name, parameter: name, role: .weights,
        initial: try #require(item.start[name]).tensor(), isTrainable: true)
    }
    let store = try VariableStore(
      variables, trained: ["kernel", "bias"], slots: optimizer.rule.slots,
      isAveraged: optimizer.averageMomentum != nil, workers: workers)
    let update = VariableUpdate(optimizer, store: store, pool: try WorkerPool(count: workers))
    for (index, push) in item.pushes.enumerated() {
      for (name, values) in push {
        for (worker, part) in store.partials.enumerated() {
          let target = try #require(store.gradient(name, in: part))
          // Shares that add up to the whole.
          for (element, value) in values.data.enumerated() {
            let share = worker == 0 ? 1 - 0.25 * Double(workers - 1) : 0.25
            target[element] = Float(value * share)
          }
        }
      }
      _ = try update.update(
        shards: workers, step: index + 1, rate: optimizer.learningRate)
      for (name, expected) in item.points[index] {
        try expectClose(store.value(name), expected, "step \(index + 1) of \(name)")
      }
    }
    for (name, expected) in item.final {
      try expectClose(store.value(name, averaged: true), expected, "final \(name)")
    }
  }

  @Test func normsDoNotDependOnTheNumberOfWorkers() throws {
    let values = try Samples.floats([30_000], seed: 3, low: -1, high: 1)
    var results: [[Float]] = []
    for workers in 1...3 {
      var optimizer = Optimizer.sgd(learningRate: 0.1)
      optimizer.clipping = .globalNorm(0.5)
      let variable = TrainingForm.Variable(
        name: "w", parameter: "w", role: .weights, initial: values, isTrainable: true)
      let store = try VariableStore([variable], trained: ["w"], slots: [], workers: workers)
      values.withBytes { source in
        if let base = source.baseAddress {
          UnsafeMutableRawPointer(store.partials[0]).copyMemory(
            from: base, byteCount: source.count)
        }
      }
      let update = VariableUpdate(optimizer, store: store, pool: try WorkerPool(count: workers))
      #expect(try update.update(shards: 1, step: 1, rate: 0.1) == 1)
      results.append(try store.value("w").array(Float.self))
    }
    #expect(results[0] == results[1] && results[1] == results[2])
  }

  @Test(arguments: fixtureCases("schedules", as: ScheduleCase.self))
  func schedulesAgree(_ item: ScheduleCase) throws {
    for (unit, scale) in [(LearningRateSchedule.Unit.steps, 1.0), (.epochs, 5)] {
      let schedule = try item.made(unit: unit, scale: scale)
      for (step, expected) in item.values.enumerated() {
        let rate = schedule.rate(
          Float(item.rate), step: step, stepsPerEpoch: 5, totalSteps: 1000)
        #expect(
          abs(Double(rate) - expected) <= 1e-6 * max(1, expected),
          "step \(step) in \(unit): \(rate), not \(expected)")
      }
    }
  }

  @Test func oneCycleRisesAndFalls() throws {
    let schedule = try LearningRateSchedule(
      .oneCycle(length: nil, rise: 0.3, start: 25, end: 1e4))
    func rate(_ step: Int) -> Double {
      Double(schedule.rate(0.5, step: step, stepsPerEpoch: 5, totalSteps: 40))
    }
    #expect(abs(rate(0) - 0.02) < 1e-7)
    #expect(abs(rate(11) - 0.5) < 1e-7)
    #expect(abs(rate(39) - 0.02 / 1e4) < 1e-9)
    #expect((1...11).allSatisfy { rate($0) > rate($0 - 1) })
    #expect((12...39).allSatisfy { rate($0) < rate($0 - 1) })
  }

  @Test func lengthsAreThoseOfTheRun() {
    func rate(_ schedule: LearningRateSchedule, _ step: Int) -> Float {
      schedule.rate(1, step: step, stepsPerEpoch: 5, totalSteps: 20)
    }
    #expect(rate(.cosine, 0) == 1)
    #expect(abs(rate(.cosine, 10) - 0.5) < 1e-6)
    #expect(abs(rate(.cosine, 20)) < 1e-6)
    #expect(rate(.cosine, 99) == rate(.cosine, 20))
    #expect(rate(.constant, 7) == 1)
  }

  @Test func badSchedulesAreRefused() {
    func message(_ course: LearningRateSchedule.Course, warmup: Double = 0) -> String? {
      Samples.message { _ = try LearningRateSchedule(course, warmup: warmup) }
    }
    #expect(
      message(.cosine(length: 0, alpha: 0))
        == "schedule: decay_steps must be greater than 0, got 0.0")
    #expect(
      message(.cosine(length: nil, alpha: 2)) == "schedule: alpha must be in [0, 1], got 2.0")
    #expect(
      message(.step(boundaries: [3, 2], values: [], rate: 0.1))
        == "schedule: boundaries must grow from one to the next, got [3.0, 2.0]")
    #expect(
      message(.step(boundaries: [3], values: [1], rate: 0.1))
        == "schedule: 1 boundaries need 2 values, got 1")
    #expect(
      message(.cosineRestarts(first: 5, lengthFactor: 0.5, heightFactor: 1, alpha: 0))
        == "schedule: t_mul must be at least 1, got 0.5")
    #expect(
      message(.oneCycle(length: nil, rise: 1, start: 25, end: 10))
        == "schedule: pct_start must be in (0, 1), got 1.0")
    #expect(
      message(.constant, warmup: .nan) == "schedule: warmup_steps must be at least 0, got nan")
  }
}
