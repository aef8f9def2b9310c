import Foundation
import Testing

@testable import WaneNN

extension FixtureOptions {
  /// The optimizer of that name.
  func optimizer(_ name: String) throws -> Optimizer {
    func number(_ value: Double?) throws -> Float { Float(try #require(value)) }
    let rule: UpdateRule
    switch name {
    case "sgd": rule = .sgd(momentum: Float(momentum ?? 0), nesterov: nesterov ?? false)
    case "adam", "adamw":
      rule = try .adam(
        beta1: number(beta1), beta2: number(beta2), epsilon: number(epsilon),
        amsgrad: amsgrad ?? false)
    case "nadam":
      rule = try .nadam(beta1: number(beta1), beta2: number(beta2), epsilon: number(epsilon))
    case "rmsprop":
      rule = try .rmsprop(
        rho: number(rho), momentum: number(momentum), epsilon: number(epsilon),
        centered: centered ?? false)
    case "adagrad":
      rule = try .adagrad(
        initialAccumulator: number(initial_accumulator_value), epsilon: number(epsilon))
    case "adadelta": rule = try .adadelta(rho: number(rho), epsilon: number(epsilon))
    case "lion": rule = try .lion(beta1: number(beta1), beta2: number(beta2))
    default: throw FixtureProblem("there is no optimizer '\(name)'")
    }
    var result = Optimizer(
      rule, learningRate: try number(learning_rate), weightDecay: Float(weight_decay ?? 0))
    result.decaysVectors = decay_vectors ?? true
    if let clipvalue { result.clipping = .value(Float(clipvalue)) }
    if let clipnorm { result.clipping = .norm(Float(clipnorm)) }
    if let global_clipnorm { result.clipping = .globalNorm(Float(global_clipnorm)) }
    if use_ema == true { result.averageMomentum = Float(try #require(ema_momentum)) }
    result.averageInterval = ema_overwrite_frequency
    return try result.validated()
  }
}

/// A fixture that cannot be understood.
struct FixtureProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Ten steps over a matrix and a vector.
struct UpdateCase: Decodable, Sendable, CustomTestStringConvertible {
  let name: String
  let optimizer: String
  let options: FixtureOptions
  let start: [String: FixtureTensor]
  let pushes: [[String: FixtureTensor]]
  let points: [[String: FixtureTensor]]
  let final: [String: FixtureTensor]

  var testDescription: String { name }
}

/// The step sizes of a schedule.
struct ScheduleCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Options: Decodable, Sendable {
    var boundaries: [Double]?
    var values: [Double]?
    var decay_rate: Double?
    var decay_steps: Double?
    var staircase: Bool?
    var end_learning_rate: Double?
    var power: Double?
    var cycle: Bool?
    var alpha: Double?
    var warmup_steps: Double?
    var warmup_start: Double?
    var first_decay_steps: Double?
    var t_mul: Double?
    var m_mul: Double?
  }

  let name: String
  let schedule: String
  let options: Options
  let rate: Double
  let values: [Double]

  var testDescription: String { name }

  /// The schedule, with lengths `scale` times as short.
  func made(unit: LearningRateSchedule.Unit = .steps, scale: Double = 1) throws
    -> LearningRateSchedule
  {
    let o = options
    func length(_ value: Double?) -> Double? { value.map { $0 / scale } }
    let course: LearningRateSchedule.Course
    switch schedule {
    case "step":
      course = .step(
        boundaries: (o.boundaries ?? []).map { $0 / scale }, values: o.values ?? [],
        rate: o.decay_rate ?? 0.1)
    case "exponential":
      course = .exponential(
        length: length(o.decay_steps), rate: o.decay_rate ?? 0, staircase: o.staircase ?? false)
    case "polynomial":
      course = .polynomial(
        length: length(o.decay_steps), end: o.end_learning_rate ?? 0, power: o.power ?? 0,
        cycle: o.cycle ?? false)
    case "cosine": course = .cosine(length: length(o.decay_steps), alpha: o.alpha ?? 0)
    case "cosine_restarts":
      course = .cosineRestarts(
        first: try #require(length(o.first_decay_steps)), lengthFactor: o.t_mul ?? 0,
        heightFactor: o.m_mul ?? 0, alpha: o.alpha ?? 0)
    default: throw FixtureProblem("there is no schedule '\(schedule)'")
    }
    return try LearningRateSchedule(
      course, warmup: length(o.warmup_steps) ?? 0, warmupStart: o.warmup_start ?? 0, unit: unit)
  }
}

/// The cases of a family in a form of its own.
func fixtureCases<Case: Decodable>(_ family: String, as type: Case.Type = Case.self) -> [Case] {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  let url = folder.appending(path: "Reference/fixtures/\(family).json")
  do {
    return try JSONDecoder().decode(CaseFile<Case>.self, from: Data(contentsOf: url)).cases
  } catch {
    Issue.record("\(url.path): \(error)")
    return []
  }
}

private struct CaseFile<Case: Decodable>: Decodable { let cases: [Case] }
