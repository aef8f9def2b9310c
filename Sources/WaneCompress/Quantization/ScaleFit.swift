/// The scale for which rounding some weights costs the least.
///
/// What counts is the error of the sums that the weights are for. With inputs that are alike, of mean
/// `m` and deviation `d`, and errors `e` of the weights of a sum it is
///
///     d^2 sum(e^2) + m^2 sum(e)^2
///
/// so that an error on one side is worse than one that cancels. `meanShare` is `(m / d)^2`.
struct ScaleFit {
  /// `(m / d)^2` where nothing is known of inputs: between that of values on both sides of zero, 0, and
  /// that behind a rectifier, about 0.5 (docs/methods/quantization.md has what it does).
  static let usualMeanShare = 0.1
  /// Scales tried between the one that clamps nothing and almost none.
  private static let candidates = 48
  /// Steps of least squares at the best of them, at most.
  private static let polishes = 8

  private let sums: [SortedWeights]
  private let meanShare: Double
  /// The error of a scale of zero.
  private let energy: Double
  private let least: Float
  private let most: Float

  /// Takes weights that share a scale.
  ///
  /// - Parameters:
  ///   - sums: the weights of each sum.
  ///   - meanShare: how much their mean error counts.
  init(_ sums: [SortedWeights], meanShare: Double = usualMeanShare) {
    self.sums = sums
    self.meanShare = meanShare
    energy = sums.reduce(0) { $0 + $1.square + meanShare * $1.sum * $1.sum }
    least = sums.reduce(0) { min($0, $1.values.first ?? 0) }
    most = sums.reduce(0) { max($0, $1.values.last ?? 0) }
  }

  /// The zero point of codes up to `highest` that span the whole range.
  func zero(highest: Int) -> Int {
    let share = least / (most - least)
    return share.isFinite ? Int((-share * Float(highest)).rounded()) : 0
  }

  /// The best scale for codes of a range that contains 0.
  ///
  /// The error has many local minima, one about every scale at which codes change; a scan finds the
  /// region and least squares for fixed codes the minimum in it.
  ///
  /// - Parameter codes: the range.
  /// - Returns: the scale and its error; nil when there are only zeros, or weights too small for a scale.
  func best(_ codes: ClosedRange<Int>) -> (scale: Float, error: Double)? {
    let full = max(
      codes.lowerBound < 0 ? least / Float(codes.lowerBound) : 0,
      codes.upperBound > 0 ? most / Float(codes.upperBound) : 0)
    guard full.isNormal else { return nil }
    var best: (scale: Float, error: Double, next: Float)?
    /// Tries a scale; whether it is the best so far.
    func attempt(_ scale: Float) -> (isBest: Bool, next: Float) {
      let (error, next) = evaluate(scale, codes)
      guard scale.isNormal, scale > 0, error < best?.error ?? .infinity else {
        return (false, next)
      }
      best = (scale, error, next)
      return (true, next)
    }
    for candidate in 1...Self.candidates {
      let (_, next) = attempt(full * (Float(candidate) / Float(Self.candidates)))
      _ = attempt(next)
    }
    for _ in 0..<Self.polishes {
      guard let next = best?.next, attempt(next).isBest else { break }
    }
    return best.map { ($0.scale, $0.error) }
  }

  /// The error of a scale, and the best scale for the codes it gives.
  private func evaluate(_ scale: Float, _ codes: ClosedRange<Int>) -> (error: Double, next: Float) {
    let step = Double(scale)
    var (product, square) = (0.0, 0.0)
    for weights in sums {
      let sums = weights.sums(scale: step, codes: codes)
      product += sums.product + meanShare * weights.sum * sums.code
      square += sums.square + meanShare * sums.code * sums.code
    }
    let error = energy - 2 * step * product + step * step * square
    return (error, square > 0 ? Float(product / square) : scale)
  }
}
