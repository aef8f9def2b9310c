import WaneGraph
import WaneTensor

/// Kernels whose weights are weighed against each other.
struct PruningGroup {
  /// A kernel and how it falls into units.
  struct Member {
    let kernel: String
    let units: UnitPartition
  }

  /// The kernels.
  var members: [Member]
  /// How many of their units are zero to begin with.
  var initialZeros: Int
  /// How many shall be zero.
  var finalZeros: Int
  /// Whether a kernel may lose all of its units.
  var mayEmpty = false

  /// The names of the kernels.
  var kernels: [String] { members.map(\.kernel) }
  /// The number of their units.
  var count: Int { members.reduce(0) { $0 + $1.units.count } }
  /// Whether there is anything to do.
  var isOpen: Bool { finalZeros > initialZeros }

  /// Marks the weights to keep when `zeros` of the group's units shall be zero: the least worthy go, of
  /// equals the first.
  ///
  /// Unless the group may be emptied, every kernel keeps its worthiest unit, so none is ever cut off.
  ///
  /// - Parameters:
  ///   - worth: the worth of each unit; of one that is zero already and stays so, minus infinity.
  ///   - zeros: how many units of the group shall be zero.
  /// - Returns: for each kernel whether each unit stays.
  func keep(_ worth: [String: [Float]], zeros: Int) -> [String: [Bool]] {
    // Worth in the upper half, position in the lower: keys are distinct, and of a kernel's units the
    // last of equals is the worthiest.
    var keys: [UInt64] = []
    keys.reserveCapacity(count)
    var protected = Set<Int>()
    for member in members {
      let (start, worth) = (keys.count, worth[member.kernel] ?? [])
      for value in worth { keys.append(PruningGroup.rank(value) << 32 | UInt64(keys.count)) }
      let own = keys[start...]
      if !mayEmpty, let best = own.max(), PruningGroup.isAlive(best) {
        // The first of equals, so that what goes does not depend on how many go.
        let rank = best >> 32
        if let first = own.firstIndex(where: { $0 >> 32 == rank }) { protected.insert(first) }
      }
      for unit in member.units.protected(own, isAlive: PruningGroup.isAlive) {
        protected.insert(start + unit)
      }
    }
    for position in protected { keys[position] |= 0xffff_ffff << 32 }
    let removed = min(max(zeros, 0), keys.count - protected.count)
    let bound = removed < keys.count ? PruningGroup.smallest(removed, of: keys) : .max
    var result: [String: [Bool]] = [:]
    var start = 0
    for member in members {
      let end = start + (worth[member.kernel]?.count ?? 0)
      result[member.kernel] = keys[start..<end].map { $0 >= bound && PruningGroup.isAlive($0) }
      start = end
    }
    return result
  }

  /// A number that is ordered as worth is; 0 for minus infinity, and for what is not a number the next.
  private static func rank(_ worth: Float) -> UInt64 {
    if worth == -.infinity { return 0 }
    if worth.isNaN { return 1 }
    // The bits of positive floats are ordered as they are, those of negative ones the other way.
    let bits = (worth + 0).bitPattern
    let ordered = bits >> 31 == 1 ? ~bits : bits | 1 << 31
    return min(UInt64(ordered) + 1, 0xffff_fffe)
  }

  private static func isAlive(_ key: UInt64) -> Bool { key >> 32 > 0 }

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
