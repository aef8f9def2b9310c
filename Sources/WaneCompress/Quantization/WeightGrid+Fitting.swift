import WaneGraph
import WaneTensor

extension WeightGrid {
  /// The grid of `bits` bits for a kernel that rounds with the least error (`ScaleFit`).
  ///
  /// - Parameters:
  ///   - kernel: the weights.
  ///   - bits: bits of a code.
  ///   - isSymmetric: whether it is balanced about zero.
  ///   - axis: the axis of the channels, each with a scale; nil for one scale.
  ///   - groupSize: how many inputs of a channel share a scale.
  ///   - unitAxis: where one scale is for all, the axis whose positions have a sum each; nil when all
  ///     weights belong to one sum.
  /// - Returns: the grid.
  /// - Throws: a `.memory` error.
  static func fitting(
    _ kernel: Tensor, bits: Int, isSymmetric: Bool = true, axis: Int?, groupSize: Int? = nil,
    unitAxis: Int? = nil
  ) throws -> WeightGrid {
    let sums = sumMembers(of: kernel, axis: axis ?? unitAxis, groupSize: groupSize)
    let members = axis == nil ? [sums] : sums.map { [$0] }
    if bits == 1 {
      return try WeightGrid(
        bits: bits, scales: members.map(binaryScale), axis: axis, groupSize: groupSize)
    }
    // One after the other: sorted weights take five times the memory.
    let fits = members.lazy.map { ScaleFit($0.map { SortedWeights($0) }) }
    guard isSymmetric else {
      let grids = Array(fits.map { affine($0, codes: 1 << bits) })
      return try WeightGrid(
        bits: bits, scales: grids.map(\.scale), zeros: grids.map(\.zero), axis: axis,
        groupSize: groupSize)
    }
    let highest = highest(bits: bits)
    return try WeightGrid(
      bits: bits, scales: Array(fits.map { $0.best(-highest...highest)?.scale ?? 1 }), axis: axis,
      groupSize: groupSize)
  }

  /// The grid of one scale that rounds the values of a codebook with the least squared error over
  /// all weights that use them.
  static func fitting(_ codebook: Codebook, bits: Int) throws -> WeightGrid {
    var users = [Float](repeating: 0, count: codebook.centroids.count)
    for index in codebook.indices { users[Int(index)] += 1 }
    let fit = ScaleFit([SortedWeights(codebook.centroids, users: users)], meanShare: 0)
    let highest = highest(bits: bits)
    return try WeightGrid(bits: bits, scales: [fit.best(-highest...highest)?.scale ?? 1], axis: nil)
  }

  /// The weights of each position of an axis, or of each group of inputs there; all when there is none.
  private static func sumMembers(of kernel: Tensor, axis: Int?, groupSize: Int?) -> [[Float]] {
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
    return members.isEmpty ? [[]] : members
  }

  /// The scale of two values, the mean magnitude, which has the least squared error (Rastegari et al.,
  /// XNOR-Net, 2016).
  private static func binaryScale(_ members: [[Float]]) -> Float {
    let values = members.joined()
    let mean = Float(values.reduce(0.0) { $0 + Double(abs($1)) } / Double(max(values.count, 1)))
    return mean.isNormal ? mean : 1
  }

  /// Scale and zero point with the least error: the best scale for each zero point that may be it, of
  /// few bits for each at all.
  private static func affine(_ fit: ScaleFit, codes: Int) -> (scale: Float, zero: Int) {
    let highest = codes - 1
    var best: (scale: Float, zero: Int, error: Double)?
    for zero in codes <= 16 ? Array(0...highest) : zeros(near: fit.zero(highest: highest), highest)
    {
      guard let found = fit.best(-zero...(highest - zero)) else { continue }
      if found.error < best?.error ?? .infinity { best = (found.scale, zero, found.error) }
    }
    // Nothing but zeros, or too small for a scale: any will do.
    return best.map { ($0.scale, $0.zero) } ?? (1, 0)
  }

  /// Zero points about that of the whole range.
  private static func zeros(near zero: Int, _ highest: Int) -> [Int] {
    let steps = [0, -1, 1, -highest / 32, highest / 32, -highest / 16, highest / 16]
    return Set(steps.map { min(max(zero + $0, 0), highest) }).sorted()
  }
}
