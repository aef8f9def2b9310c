/// Magnitudes made comparable between layers (Lee et al., "Layer-adaptive sparsity for the
/// magnitude-based pruning", 2021).
///
///     score(u) = |u|^2 / sum of |v|^2 over the v of the layer that are not smaller than u
///
/// Of equals the first counts as the smaller one, so that the order is total. When the smallest units of
/// a layer go, `score(u)` bounds the part of its remaining output that goes with u; the largest has
/// score 1, and whatever is as large as all above it together has at least 1/2.
enum LayerAdaptiveMagnitude {
  /// The scores of the units of one layer.
  ///
  /// - Parameter magnitudes: the size of each unit; minus infinity for one that is gone, which stays so
  ///   and counts nowhere.
  /// - Returns: the score of each, in the order given; a size that is no number stays one that is none.
  static func scores(_ magnitudes: [Float]) -> [Float] {
    var result = magnitudes
    // The bits of numbers that are not below zero are ordered as they are.
    let order = magnitudes.indices.filter { magnitudes[$0] >= 0 }
      .sorted { (magnitudes[$0].bitPattern, $0) > (magnitudes[$1].bitPattern, $1) }
    var sum = 0.0
    for index in order {
      let energy = Double(magnitudes[index]) * Double(magnitudes[index])
      sum += energy
      // Nothing is larger than what is without bound, nor smaller than nothing.
      result[index] = energy < .infinity ? (sum > 0 ? Float(energy / sum) : 0) : 1
    }
    return result
  }
}
