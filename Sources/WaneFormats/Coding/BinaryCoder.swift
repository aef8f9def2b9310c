/// One end of an arithmetic coder of binary decisions.
///
/// A model is written once, for both directions: the encoder writes the decision it is given and
/// hands it back, the decoder ignores what it is given and hands back the one it reads. So the two
/// cannot drift apart.
protocol BinaryCoder {
  /// Codes a decision.
  ///
  /// - Parameters:
  ///   - bit: 0 or 1; only the encoder looks at it.
  ///   - probability: of a 1, in units of 2^-16, in 1...65535.
  /// - Returns: the decision that is in the code.
  mutating func code(_ bit: Int, probability: UInt32) -> Int

  /// Codes a number of `bits` bits, at most 12, all values of which are equally likely.
  mutating func code(plain value: UInt32, bits: UInt32) -> UInt32
}
