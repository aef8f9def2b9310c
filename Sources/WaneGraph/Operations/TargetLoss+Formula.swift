import WaneTensor

/// Losses between predictions and targets as formulas, for derivatives of second order.
extension TargetLoss {
  /// The gradient of what is made of a loss's own gradient, given the gradient of that.
  func curvature(_ context: inout GradientContext, _ own: Value) throws -> Value {
    let (x, target) = (context.inputs[0], context.inputs[1])
    return try context.formula { formula in
      let leaf = try formula.leaf(x)
      let loss = try value(&formula, leaf, target)
      let one = try formula.filled(1, like: loss)
      let first = try formula.graph.gradients(from: [(loss, one)], withRespectTo: [leaf])[0]
      guard let first,
        let second = try formula.graph.gradients(from: [(first, own)], withRespectTo: [leaf])[0]
      else { return try formula.filled(0, like: x) }
      return second
    }
  }

  /// One number a sample, or a row.
  private func value(_ formula: inout Formula, _ x: Value, _ t: Value) throws -> Value {
    let rank = formula.dimensions(x).count
    let mean = Reduce(.mean, axes: isByRow ? [rank - 1] : Array(0..<rank))
    switch kind {
    case .absoluteError:
      return try formula.add(mean, formula.function(.abs, formula.difference(x, t)))
    case .huber(let delta):
      // With c = clip(d, -delta, delta): c (d - c / 2).
      let d = try formula.difference(x, t)
      let c = try formula.add(Clip(low: -delta, high: delta), d)
      let rest = try formula.difference(d, formula.affine(c, 0.5))
      return try formula.add(mean, formula.product(c, rest))
    case .hinge:
      let isZero = try formula.add(Compare(.equal), t, formula.add(Constant(0)))
      let side = try formula.add(Where(), isZero, formula.add(Constant(-1)), t)
      let margin = try formula.affine(formula.product(side, x), -1, 1)
      return try formula.add(mean, formula.function(.relu, margin))
    case .binaryCrossEntropy: return try formula.add(mean, Self.binary(&formula, x, t))
    case .binaryFocal(let gamma, let alpha):
      // 1 - q = p + t - 2 p t
      let p = try formula.function(.sigmoid, x)
      let both = try formula.affine(formula.product(p, t), -2)
      let miss = try formula.sum(formula.sum(p, t), both)
      let ease = try formula.add(Binary(.power), miss, formula.add(Constant(gamma)))
      var loss = try formula.product(ease, Self.binary(&formula, x, t))
      if alpha >= 0 {
        loss = try formula.product(loss, formula.affine(t, 2 * alpha - 1, 1 - alpha))
      }
      return try formula.add(mean, loss)
    case .focal(let gamma, let alpha):
      let logarithm = try formula.add(LogSoftmax(), x)
      let rest = try formula.affine(formula.function(.exp, logarithm), -1, 1)
      let ease = try formula.add(Binary(.power), rest, formula.add(Constant(gamma)))
      let loss = try formula.product(formula.product(t, ease), logarithm)
      return try rows(&formula, formula.affine(loss, -alpha))
    case .divergence:
      let floor = LogProbabilities.floor
      let (p, q) = try (
        formula.add(Clip(low: floor, high: 1), x), formula.add(Clip(low: floor, high: 1), t)
      )
      let ratio = try formula.difference(formula.function(.log, q), formula.function(.log, p))
      return try rows(&formula, formula.product(q, ratio))
    case .cosineSimilarity:
      func scale(_ rows: Value) throws -> Value {
        let square = try formula.total(.sum, formula.function(.square, rows), [rank - 1])
        return try formula.function(.rsqrt, formula.add(Clip(low: 1e-14), square))
      }
      let product = try formula.product(
        formula.product(x, scale(x)), formula.product(t, scale(t)))
      return try rows(&formula, formula.affine(product, -1))
    }
  }

  /// `log(1 + exp(x)) - x t`.
  private static func binary(_ formula: inout Formula, _ x: Value, _ t: Value) throws -> Value {
    try formula.difference(formula.add(Activation(.softplus), x), formula.product(x, t))
  }

  /// The sums of rows, or their mean over a sample's.
  private func rows(_ formula: inout Formula, _ x: Value) throws -> Value {
    let rank = formula.dimensions(x).count
    let sums = try formula.add(Reduce(.sum, axes: [rank - 1]), x)
    guard !isByRow else { return sums }
    return try formula.add(Reduce(.mean, axes: Array(0..<rank - 1)), sums)
  }
}
