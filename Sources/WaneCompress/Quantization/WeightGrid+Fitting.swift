import WaneGraph
import WaneTensor

extension WeightGrid {
  /// The grid of `bits` bits for a kernel, a scale for each position of the last axis, that rounds with
  /// the least squared error.
  static func fitting(_ kernel: Tensor, bits: Int) throws -> WeightGrid {
    let channels = max(kernel.shape.dimensions.last ?? 1, 1)
    let rows = kernel.count / channels
    var scales: [Float] = []
    kernel.with(Float.self) { values in
      var channel = [Float](repeating: 0, count: rows)
      for index in 0..<channels {
        for row in 0..<rows { channel[row] = values[row * channels + index] }
        scales.append(bestScale(channel, weights: nil, highest: Float(highest(bits: bits))))
      }
    }
    return try WeightGrid(bits: bits, scales: scales, axis: kernel.shape.rank - 1)
  }

  /// The grid of one scale that rounds the values of a codebook with the least squared error over
  /// all weights that use them.
  static func fitting(_ codebook: Codebook, bits: Int) throws -> WeightGrid {
    var users = [Float](repeating: 0, count: codebook.centroids.count)
    for index in codebook.indices { users[Int(index)] += 1 }
    let scale = bestScale(
      codebook.centroids, weights: users, highest: Float(highest(bits: bits)))
    return try WeightGrid(bits: bits, scales: [scale], axis: nil)
  }

  /// Scales tried between the one that clamps nothing and almost none.
  private static let candidates = 48

  /// The scale for which rounding to `-highest...highest` costs the least.
  ///
  /// The error has many local minima, one about every scale at which codes change; a scan finds the
  /// region and least squares for fixed codes the minimum in it:
  ///
  ///     scale = sum(w code) / sum(code^2)
  private static func bestScale(_ values: [Float], weights: [Float]?, highest: Float) -> Float {
    let largest = values.reduce(0) { max($0, abs($1)) }
    let full = largest / highest
    // Nothing but zeros, or too small for a scale: any will do.
    guard full.isNormal else { return 1 }

    func evaluate(_ scale: Float) -> (error: Double, fit: Float) {
      var (error, product, square) = (0.0, 0.0, 0.0)
      let inverse = 1 / scale
      for index in values.indices {
        let code = min(max((values[index] * inverse).rounded(.toNearestOrEven), -highest), highest)
        let difference = Double(values[index] - code * scale)
        let weight = Double(weights?[index] ?? 1)
        error += weight * difference * difference
        product += weight * Double(values[index] * code)
        square += weight * Double(code * code)
      }
      return (error, square > 0 ? Float(product / square) : scale)
    }

    var best = (scale: full, error: evaluate(full).error)
    for candidate in 1..<candidates {
      let scale = full * Float(candidate) / Float(candidates)
      let (error, fit) = evaluate(scale)
      if error < best.error { best = (scale, error) }
      guard fit.isNormal, fit > 0 else { continue }
      let refined = evaluate(fit).error
      if refined < best.error { best = (fit, refined) }
    }
    return best.scale
  }
}
