import WaneGraph

/// The order in which the codes of a parameter are coded: by the value they stand for.
struct CodeRanks {
  /// The code of each rank.
  let codes: [UInt8]
  /// The rank of each code.
  let ranks: [UInt8]

  /// The codes of a grid, which are in order already.
  init(_ grid: WeightGrid) {
    codes = (0...UInt8(grid.codeCount - 1)).map { $0 }
    ranks = codes
  }

  /// Codes that are ranks already, so many of them.
  init(count: Int) {
    codes = (0..<count).map { UInt8(clamping: $0) }
    ranks = codes
  }

  /// The entries of a codebook, 1 to 256; of equal values the earlier one goes first.
  init(_ centroids: [Float]) {
    let order = centroids.indices.sorted { a, b in
      centroids[a] < centroids[b] || (centroids[a] == centroids[b] && a < b)
    }
    var ranks = [UInt8](repeating: 0, count: order.count)
    for (rank, code) in order.enumerated() { ranks[code] = UInt8(rank) }
    codes = order.map { UInt8($0) }
    self.ranks = ranks
  }

  /// The code of a rank.
  ///
  /// - Throws: a `FileDefect` when there is none.
  @inline(__always)
  func code(of rank: Int) throws -> UInt8 {
    guard codes.indices.contains(rank) else {
      throw FileDefect.damaged("a code is beyond those that exist")
    }
    return codes[rank]
  }

  /// The rank that occurs most often; of several the lowest.
  func pivot(of codes: [UInt8]) -> UInt8 {
    var counts = [Int](repeating: 0, count: ranks.count)
    for code in codes { counts[Int(ranks[Int(code)])] += 1 }
    let most = counts.max() ?? 0
    return UInt8(counts.firstIndex(of: most) ?? 0)
  }
}
