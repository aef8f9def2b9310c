/// Codes the codes of a parameter: every symbol as its distance from a pivot, the most frequent one.
///
/// Ranks, not codes, are coded: for a codebook the place of the entry in order of value, so that
/// neighbouring ranks are neighbouring values and the signs of ranks are those of values.
struct CodeModel {
  private var weights: WeightModel
  private let pivot: Int
  private let highest: Int

  /// A fresh model for ranks from 0 to `highest`, at most 255.
  ///
  /// - Throws: a `.memory` error.
  init(count: Int, _ layout: WeightLayout, pivot: Int, highest: Int) throws {
    weights = try WeightModel(count: count, layout)
    self.pivot = pivot
    self.highest = highest
  }

  /// Codes a rank.
  ///
  /// What damaged bytes decode to may lie beyond 0...highest.
  @inline(__always)
  mutating func code<Coder: BinaryCoder>(_ rank: Int, _ coder: inout Coder) -> Int {
    let distance = rank &- pivot
    var result = 0
    if weights.codeIsNonzero(distance == 0 ? 0 : 1, &coder) != 0 {
      let isNegative: Int
      if pivot == 0 {
        isNegative = 0
      } else if pivot == highest {
        isNegative = 1
      } else {
        isNegative = weights.codeIsNegative(distance < 0 ? 1 : 0, &coder)
      }
      let magnitude = weights.codeMagnitude(
        distance < 0 ? 0 &- distance : distance, &coder, isNegative: isNegative,
        most: isNegative != 0 ? pivot : highest &- pivot)
      result = isNegative != 0 ? 0 &- magnitude : magnitude
    }
    weights.advance(result)
    return result &+ pivot
  }
}
