/// Codes floats, bit for bit: whether one is +0, its sign, its exponent, and its mantissa, which is as
/// good as random and stands as it is, without the low bits that are zero in all of them.
struct FloatModel {
  /// Bits of a mantissa.
  static let mantissaBits = 23

  private var weights: WeightModel
  private let exponents: ModelMemory
  private let evidence: Evidence
  private let unusedBits: UInt32

  /// A fresh model for floats whose last `unusedBits` bits, at most 23, are zero.
  ///
  /// - Throws: a `.memory` error.
  init(count: Int, _ layout: WeightLayout, unusedBits: Int) throws {
    weights = try WeightModel(count: count, layout)
    exponents = ModelMemory(counters: 256, sets: 0)
    evidence = Evidence(exponents)
    self.unusedBits = UInt32(unusedBits)
  }

  /// Codes the bits of a float.
  @inline(__always)
  mutating func code<Coder: BinaryCoder>(_ bits: UInt32, _ coder: inout Coder) -> UInt32 {
    guard weights.codeIsNonzero(bits == 0 ? 0 : 1, &coder) != 0 else {
      weights.advance(0)
      return 0
    }
    let isNegative = weights.codeIsNegative(Int(bits &>> 31), &coder)
    var exponent = 1
    for shift in stride(from: UInt32(30), through: 23, by: -1) {
      exponent = exponent &<< 1 | evidence.code(Int((bits &>> shift) & 1), &coder, exponent)
    }
    weights.advance(isNegative != 0 ? -1 : 1)

    // At most 12 bits at a time.
    let used = UInt32(FloatModel.mantissaBits) &- unusedBits
    let mantissa = (bits & 0x7F_FFFF) &>> unusedBits
    let lowCount = min(used, 12)
    var decoded: UInt32 = 0
    if used > 12 {
      decoded = coder.code(plain: mantissa &>> 12, bits: used &- 12) &<< 12
    }
    if lowCount > 0 {
      decoded |= coder.code(plain: mantissa & ((1 &<< lowCount) &- 1), bits: lowCount)
    }
    return UInt32(isNegative) &<< 31 | UInt32(exponent & 0xFF) &<< 23 | decoded &<< unusedBits
  }
}
