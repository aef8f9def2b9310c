import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the step size changes over a run, with the definitions of Keras 3.
///
/// Lengths are counted in steps, or in epochs; a length that is nil is that of the run, without the
/// warm-up.
public struct LearningRateSchedule: Equatable, Sendable {
  /// The course after the warm-up, from the optimizer's step size `r`.
  public enum Course: Equatable, Sendable {
    /// Always `r`.
    case constant
    /// From one value to the next after each boundary; without values, `r` times `rate` to the
    /// number of boundaries that lie behind.
    case step(boundaries: [Double], values: [Double], rate: Double)
    /// `r * rate^(step / length)`, in stairs with the exponent rounded down.
    case exponential(length: Double?, rate: Double, staircase: Bool)
    /// `(r - end) * (1 - step / length)^power + end`; with `cycle` the length grows to a multiple
    /// that has not been passed.
    case polynomial(length: Double?, end: Double, power: Double, cycle: Bool)
    /// Along half a cosine to `r * alpha` (Loshchilov and Hutter, SGDR, 2017).
    case cosine(length: Double?, alpha: Double)
    /// The same again and again, each time `lengthFactor` times as long and `heightFactor` times as
    /// high.
    case cosineRestarts(
      first: Double, lengthFactor: Double, heightFactor: Double, alpha: Double)
    /// Up from `r / start` to `r` along half a cosine, then down to `r / start / end` (Smith and
    /// Topin, 2018).
    case oneCycle(length: Double?, rise: Double, start: Double, end: Double)
  }

  /// What lengths are counted in.
  public enum Unit: String, CaseIterable, Sendable {
    case steps
    case epochs
  }

  /// The course after the warm-up.
  public var course: Course
  /// How long the step size rises along a line at first.
  public var warmup: Double
  /// The fraction of the step size that the warm-up starts from.
  public var warmupStart: Double
  /// What lengths are counted in.
  public var unit: Unit

  /// Creates a schedule.
  ///
  /// - Throws: when a length or a coefficient is out of range.
  public init(
    _ course: Course, warmup: Double = 0, warmupStart: Double = 0, unit: Unit = .steps
  ) throws {
    self.init(unchecked: course, warmup: warmup, warmupStart: warmupStart, unit: unit)
    try validate()
  }

  private init(
    unchecked course: Course, warmup: Double = 0, warmupStart: Double = 0, unit: Unit = .steps
  ) {
    self.course = course
    self.warmup = warmup
    self.warmupStart = warmupStart
    self.unit = unit
  }

  /// The step size stays as it is.
  public static let constant = LearningRateSchedule(unchecked: .constant)
  /// Along half a cosine to zero over the whole run.
  public static let cosine = LearningRateSchedule(unchecked: .cosine(length: nil, alpha: 0))

  /// The step size of a step.
  ///
  /// - Parameters:
  ///   - base: the optimizer's step size.
  ///   - step: the number of steps before this one.
  ///   - stepsPerEpoch: steps of an epoch.
  ///   - totalSteps: steps of the run.
  /// - Returns: the step size.
  public func rate(
    _ base: Float, step: Int, stepsPerEpoch: Int, totalSteps: Int
  ) -> Float {
    if case .constant = course, warmup == 0 { return base }
    let scale = unit == .epochs ? Double(stepsPerEpoch) : 1
    let (base, step, rise) = (Double(base), Double(step), warmup * scale)
    if step < rise {
      return Float(base * (warmupStart + (1 - warmupStart) * step / rise))
    }
    let rest = max(Double(totalSteps) - rise, 1)
    return Float(course.rate(base, step: step - rise, scale: scale, rest: rest))
  }

  /// Whether the step size depends on how long the run is meant to last.
  var followsRun: Bool {
    switch course {
    case .constant, .step, .cosineRestarts: false
    case .exponential(let length, _, _), .polynomial(let length, _, _, _), .cosine(let length, _),
      .oneCycle(let length, _, _, _):
      length == nil
    }
  }

  private func validate() throws {
    func check(_ isFine: Bool, _ message: @autoclosure () -> String) throws {
      guard isFine else { throw WaneError("schedule", message()) }
    }
    func positive(_ value: Double?, _ what: String) throws {
      guard let value else { return }
      try check(value > 0 && value.isFinite, "\(what) must be greater than 0, got \(value)")
    }
    try check(
      warmup >= 0 && warmup.isFinite, "warmup_steps must be at least 0, got \(warmup)")
    try check(
      (0...1).contains(warmupStart), "warmup_start must be in [0, 1], got \(warmupStart)")
    switch course {
    case .constant: break
    case .step(let boundaries, let values, let rate):
      try check(!boundaries.isEmpty, "boundaries must be a list of one number at least")
      try check(
        zip(boundaries, boundaries.dropFirst()).allSatisfy { $0 < $1 }
          && boundaries.allSatisfy { $0 >= 0 && $0.isFinite },
        "boundaries must grow from one to the next, got \(boundaries)")
      try check(
        values.isEmpty || values.count == boundaries.count + 1,
        "\(boundaries.count) boundaries need \(boundaries.count + 1) values, got \(values.count)")
      for value in values { try positive(value, "values") }
      try positive(rate, "decay_rate")
    case .exponential(let length, let rate, _):
      try positive(length, "decay_steps")
      try positive(rate, "decay_rate")
    case .polynomial(let length, let end, let power, _):
      try positive(length, "decay_steps")
      try positive(power, "power")
      try check(end >= 0 && end.isFinite, "end_learning_rate must be at least 0, got \(end)")
    case .cosine(let length, let alpha):
      try positive(length, "decay_steps")
      try check((0...1).contains(alpha), "alpha must be in [0, 1], got \(alpha)")
    case .cosineRestarts(let first, let lengths, let heights, let alpha):
      try positive(first, "first_decay_steps")
      try check(lengths >= 1 && lengths.isFinite, "t_mul must be at least 1, got \(lengths)")
      try positive(heights, "m_mul")
      try check((0...1).contains(alpha), "alpha must be in [0, 1], got \(alpha)")
    case .oneCycle(let length, let rise, let start, let end):
      try positive(length, "decay_steps")
      try check(rise > 0 && rise < 1, "pct_start must be in (0, 1), got \(rise)")
      try positive(start, "div_factor")
      try positive(end, "final_div_factor")
    }
  }
}

extension LearningRateSchedule.Course {
  /// The step size `step` steps after the warm-up.
  ///
  /// - Parameters:
  ///   - base: the optimizer's step size.
  ///   - step: the number of steps since the warm-up.
  ///   - scale: steps of the unit that lengths are counted in.
  ///   - rest: steps of the run after the warm-up.
  /// - Returns: the step size.
  fileprivate func rate(_ base: Double, step: Double, scale: Double, rest: Double) -> Double {
    func steps(_ length: Double?) -> Double { length.map { $0 * scale } ?? rest }
    switch self {
    case .constant: return base
    case .step(let boundaries, let values, let rate):
      // A value holds up to its boundary and at it.
      let passed = boundaries.count { step > $0 * scale }
      return values.isEmpty ? base * pow(rate, Double(passed)) : values[passed]
    case .exponential(let length, let rate, let staircase):
      let exponent = step / steps(length)
      return base * pow(rate, staircase ? floor(exponent) : exponent)
    case .polynomial(let length, let end, let power, let cycle):
      var length = steps(length)
      var step = step
      if cycle { length *= max(1, ceil(step / length)) } else { step = min(step, length) }
      return (base - end) * pow(1 - step / length, power) + end
    case .cosine(let length, let alpha):
      return base * LearningRateSchedule.fall(step / steps(length), to: alpha)
    case .cosineRestarts(let first, let lengthFactor, let heightFactor, let alpha):
      let length = first * scale
      var cycle = floor(step / length)
      func begin(_ cycle: Double) -> Double {
        lengthFactor == 1
          ? cycle * length : length * (pow(lengthFactor, cycle) - 1) / (lengthFactor - 1)
      }
      if lengthFactor != 1 {
        cycle = floor(log(1 + step / length * (lengthFactor - 1)) / log(lengthFactor))
        // The logarithm may miss the boundary by a rounding.
        if step >= begin(cycle + 1) { cycle += 1 } else if step < begin(cycle) { cycle -= 1 }
      }
      let height = pow(heightFactor, cycle)
      let fraction = (step - begin(cycle)) / (length * pow(lengthFactor, cycle))
      let fall = LearningRateSchedule.fall(fraction, to: 0)
      return base * ((1 - alpha) * height * fall + alpha)
    case .oneCycle(let length, let rise, let start, let end):
      let last = max(steps(length) - 1, 1)
      let top = max(rise * steps(length) - 1, 0)
      let (low, bottom) = (base / start, base / start / end)
      if step < top {
        return low + (base - low) * (1 - LearningRateSchedule.fall(step / top, to: 0))
      }
      let fraction = last > top ? (step - top) / (last - top) : 1
      return bottom + (base - bottom) * LearningRateSchedule.fall(fraction, to: 0)
    }
  }
}

extension LearningRateSchedule {
  /// From 1 down to `low` along half a cosine, as `fraction` goes from 0 to 1.
  fileprivate static func fall(_ fraction: Double, to low: Double) -> Double {
    (1 - low) * (1 + cos(min(max(fraction, 0), 1) * .pi)) / 2 + low
  }
}
