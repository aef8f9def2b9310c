import WaneGraph
import WaneTensor

extension WeightGrid {
  /// The grid of `bits` bits for a kernel that rounds with the least squared error.
  ///
  /// - Parameters:
  ///   - kernel: the weights.
  ///   - bits: bits of a code.
  ///   - isSymmetric: whether it is balanced about zero.
  ///   - axis: the axis of the channels, each with a scale; nil for one scale.
  ///   - groupSize: how many inputs of a channel share a scale.
  /// - Returns: the grid.
  /// - Throws: a `.memory` error.
  static func fitting(
    _ kernel: Tensor, bits: Int, isSymmetric: Bool = true, axis: Int?, groupSize: Int? = nil
  ) throws -> WeightGrid {
    var members = scaleMembers(of: kernel, axis: axis, groupSize: groupSize)
    if members.isEmpty { members = [[0]] }
    guard isSymmetric else {
      let fits = members.map { affine($0, highest: Float((1 << bits) - 1)) }
      return try WeightGrid(
        bits: bits, scales: fits.map(\.scale), zeros: fits.map(\.zero), axis: axis,
        groupSize: groupSize)
    }
    let scales = members.map { values in
      bits == 1
        ? binaryScale(values)
        : bestScale(values, weights: nil, highest: Float(highest(bits: bits)))
    }
    return try WeightGrid(bits: bits, scales: scales, axis: axis, groupSize: groupSize)
  }

  /// The weights that share each scale.
  private static func scaleMembers(of kernel: Tensor, axis: Int?, groupSize: Int?) -> [[Float]] {
    let dimensions = kernel.shape.dimensions
    let values = kernel.array(Float.self)
    guard let axis else { return [values] }
    let channels = dimensions[axis]
    let stride = dimensions[(axis + 1)...].reduce(1, *)
    let inputs = groupSize == nil ? 1 : dimensions[axis - 1]
    let size = groupSize ?? 1
    var members = [[Float]](repeating: [], count: channels * ((inputs + size - 1) / size))
    for (index, value) in values.enumerated() {
      let channel = index / stride % channels
      let group = index / (stride * channels) % inputs / size
      members[group * channels + channel].append(value)
    }
    return members
  }

  /// The scale of two values, the mean magnitude, which has the least squared error (Rastegari et al.,
  /// XNOR-Net, 2016).
  private static func binaryScale(_ values: [Float]) -> Float {
    let mean = Float(values.reduce(0.0) { $0 + Double(abs($1)) } / Double(max(values.count, 1)))
    return mean.isNormal ? mean : 1
  }

  /// Scale and zero point for codes `0...highest` with about the least squared error.
  ///
  /// The range is shrunk step by step at both ends, and then at each alone.
  private static func affine(_ values: [Float], highest: Float) -> (scale: Float, zero: Int) {
    let low = values.reduce(0) { min($0, $1) }
    let high = values.reduce(0) { max($0, $1) }

    func grid(_ low: Float, _ high: Float) -> (scale: Float, zero: Int)? {
      // Divided first: the width of the range may be more than a float holds.
      let scale = high / highest - low / highest
      guard scale.isNormal else { return nil }
      return (scale, Int(min(max((-low / scale).rounded(), 0), highest)))
    }
    func error(_ grid: (scale: Float, zero: Int)) -> Double {
      let (least, most) = (-Float(grid.zero), highest - Float(grid.zero))
      return values.reduce(0) { sum, value in
        let code = min(max((value / grid.scale).rounded(.toNearestOrEven), least), most)
        let difference = Double(value - code * grid.scale)
        return sum + difference * difference
      }
    }

    // Nothing but zeros, or too small for a scale: any will do.
    guard let full = grid(low, high) else { return (1, 0) }
    var best = (grid: full, error: error(full), low: low, high: high)
    func attempt(_ low: Float, _ high: Float) {
      guard let candidate = grid(low, high) else { return }
      let cost = error(candidate)
      if cost < best.error { best = (candidate, cost, low, high) }
    }
    for step in 1..<affineCandidates {
      let share = Float(step) / Float(affineCandidates)
      attempt(low * share, high * share)
    }
    let both = best
    for step in affineCandidates / 2..<affineCandidates {
      let share = Float(step) / Float(affineCandidates)
      attempt(both.low * share, both.high)
      attempt(both.low, both.high * share)
    }
    return best.grid
  }

  /// Ranges tried between the whole one and almost none.
  private static let affineCandidates = 24

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
