/// How the number of zeros grows while a model is trained.
///
///     zeros(t) = final - (final - initial) * (1 - t)^3
///
/// with t from 0 to 1 over the first part of the run; the rest trains what is left (Zhu and Gupta, 2017).
struct PruningRamp {
  /// The step after which nothing more is pruned.
  let end: Int
  /// Steps between two prunings.
  let interval: Int

  /// The part of the run in which weights are pruned.
  ///
  /// Measured on the network of the examples: 0.6 to 0.8 differ by less than the seeds do.
  private static let share = 0.7
  /// Prunings on the way; more cost time and change nothing.
  private static let prunings = 50

  init(totalSteps: Int) {
    end = max(1, Int(Self.share * Double(totalSteps)))
    interval = max(1, end / Self.prunings)
  }

  /// Whether weights are pruned after `step` steps.
  func isDue(after step: Int) -> Bool { step == end || (step < end && step % interval == 0) }

  /// The number of zeros there shall be after `step` steps.
  func zeros(after step: Int, from initial: Int, to final: Int) -> Int {
    let rest = 1 - min(Double(step) / Double(end), 1)
    return final - Int((Double(final - initial) * rest * rest * rest).rounded())
  }
}
