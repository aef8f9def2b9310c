import WaneGraph
import WaneTensor

extension Parameter {
  /// The same parameter, in the encoding it has, with zeros pinned where `keep` is false.
  func pruned(keeping keep: [Bool]) throws -> Parameter {
    switch payload {
    case .dense(var tensor):
      try tensor.withMutableElements(Float.self) { values in
        for index in values.indices where !keep[index] { values[index] = 0 }
      }
      return try replacing(.dense(tensor), isMasked: true)
    case .integer(let packed, let grid):
      let codes = try packed.unpacked()
      // A binary grid has no zero; with one it is ternary.
      let pruned = try grid.havingZero(true)
      let kept = pruned.rewriting(codes, of: grid, shape) { keep[$0] ? $1 : 0 }
      return try replacing(
        .integer(codes: PackedCodes(kept, bits: max(packed.bits, pruned.bits)), grid: pruned),
        isMasked: true)
    case .codebook(let indices, let table, let grid):
      let kept = Codebooks.split(keep, shape, table.axis)
      let pruned = Codebooks(try indices.unpacked(), table, shape).mapped { book, channel in
        book.pruned(keeping: kept[channel], hasZero: table.axis != nil).compacted()
      }
      return try replacing(pruned.payload(isMasked: true, grid: grid), isMasked: true)
    }
  }
}

extension Codebook {
  /// The same table with zero in it and some weights zero; no longer than it was, unless it had but one
  /// value.
  ///
  /// - Parameters:
  ///   - keep: which weights stay.
  ///   - hasZero: whether zero takes a place though no weight is zero.
  /// - Returns: the codebook.
  fileprivate func pruned(keeping keep: [Bool], hasZero: Bool) -> Codebook {
    let zero = centroids.firstIndex(of: 0) ?? centroids.count
    let table = zero == centroids.count ? centroids + [0] : centroids
    var members = indices.map(Int.init)
    for index in members.indices where !keep[index] { members[index] = zero }
    var users = [Int](repeating: 0, count: table.count)
    for member in members { users[member] += 1 }
    if hasZero { users[zero] += 1 }
    var used = table.indices.filter { users[$0] > 0 }
    while used.count > max(centroids.count, 2) {
      // One value too many: of two neighbours the less used becomes the other, where that costs least.
      // A value between them might be zero, or off the grid.
      let order = used.filter { table[$0] != 0 }.sorted { table[$0] < table[$1] }
      func cost(_ pair: (Int, Int)) -> Float {
        let distance = table[pair.0] - table[pair.1]
        return Float(min(users[pair.0], users[pair.1])) * distance * distance
      }
      guard let pair = zip(order, order.dropFirst()).min(by: { cost($0) < cost($1) }) else { break }
      let (lost, kept) = users[pair.0] < users[pair.1] ? pair : (pair.1, pair.0)
      for index in members.indices where members[index] == lost { members[index] = kept }
      users[kept] += users[lost]
      used.removeAll { $0 == lost }
    }
    let places = Dictionary(zip(used, used.indices.map { UInt8($0) })) { first, _ in first }
    return Codebook(centroids: used.map { table[$0] }, indices: members.map { places[$0] ?? 0 })
  }
}
