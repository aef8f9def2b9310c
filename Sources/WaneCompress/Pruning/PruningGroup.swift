/// Kernels whose weights are weighed against each other.
struct PruningGroup {
  /// The names of the kernels.
  let kernels: [String]
  /// The number of their weights.
  let count: Int
  /// How many are zero to begin with.
  let initialZeros: Int
  /// How many shall be zero.
  let finalZeros: Int

  /// Marks the weights to keep when `zeros` of the group's shall be zero: the least worthy go, of
  /// equals the first.
  ///
  /// Every kernel keeps its worthiest weight, so none is ever cut off.
  ///
  /// - Parameters:
  ///   - scores: the worth of each weight, not negative; a weight that is zero already has -1 and
  ///     stays zero.
  ///   - zeros: how many weights of the group shall be zero.
  /// - Returns: for each kernel whether each weight stays.
  func keep(_ scores: [String: [Float]], zeros: Int) -> [String: [Bool]] {
    // Worth in the upper half, position in the lower: keys are distinct, and their order is that of
    // worth since the bits of positive floats are ordered as they are.
    var keys: [UInt64] = []
    keys.reserveCapacity(count)
    var protected = Set<Int>()
    for kernel in kernels {
      let scores = scores[kernel] ?? []
      var best: (score: Float, position: Int)?
      for score in scores {
        if score >= 0, score > best?.score ?? -1 { best = (score, keys.count) }
        let rank = score >= 0 ? UInt64(score.bitPattern) + 1 : score.isNaN ? 1 : 0
        keys.append(rank << 32 | UInt64(keys.count))
      }
      if let best { protected.insert(best.position) }
    }
    for position in protected { keys[position] |= 0x8000_0000 << 32 }
    let removed = min(max(zeros, 0), keys.count - protected.count)
    let bound = removed < keys.count ? PruningGroup.smallest(removed, of: keys) : .max
    var result: [String: [Bool]] = [:]
    var start = 0
    for kernel in kernels {
      let end = start + (scores[kernel]?.count ?? 0)
      result[kernel] = keys[start..<end].map { $0 >= bound && $0 >> 32 > 0 }
      start = end
    }
    return result
  }

  /// The key that has exactly `rank` smaller ones, found digit by digit from the highest.
  private static func smallest(_ rank: Int, of keys: [UInt64]) -> UInt64 {
    var (prefix, rank) = (UInt64(0), rank)
    for shift in stride(from: UInt64(48), through: 0, by: -16) {
      var counts = [Int](repeating: 0, count: 1 << 16)
      for key in keys where shift == 48 || key >> (shift + 16) == prefix {
        counts[Int(key >> shift & 0xffff)] += 1
      }
      var digit = 0
      while digit < 0xffff, rank >= counts[digit] {
        rank -= counts[digit]
        digit += 1
      }
      prefix = prefix << 16 | UInt64(digit)
    }
    return prefix
  }
}
