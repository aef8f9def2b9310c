import WaneGraph
import WaneTensor

/// The codes of a parameter whose channels have tables of their own, as ranks that mean alike in all of
/// them: places in the order of the values, counted so that those below zero end at the same rank.
struct ChannelRanks {
  /// How many ranks there are.
  let count: Int
  private let size: Int
  private let rows: TableRows
  /// The rank of each entry, table after table.
  private let ranks: [UInt8]
  /// The entry of each rank, table after table; nil where a table has none.
  private let entries: [UInt8?]

  /// The ranks of the tables of an array of that shape.
  init(_ table: CentroidTable, _ shape: Shape) {
    size = table.size
    rows = table.rows(of: shape.dimensions)
    let orders = (0..<table.tableCount).map { row in
      CodeRanks(Array(table.values[row * table.size..<(row + 1) * table.size])).codes
    }
    var below = orders.enumerated().map { row, order in
      order.prefix { table.values[row * table.size + Int($0)] < 0 }.count
    }
    var most = below.max() ?? 0
    var last = (below.map { table.size - $0 }.max() ?? 0) + most
    if last > 256 {
      // Too many for a byte: ranks from the smallest value.
      (below, most, last) = (below.map { _ in 0 }, 0, table.size)
    }
    count = last
    var ranks = [UInt8](repeating: 0, count: table.values.count)
    var entries = [UInt8?](repeating: nil, count: table.tableCount * last)
    for (row, order) in orders.enumerated() {
      for (place, entry) in order.enumerated() {
        let rank = most - below[row] + place
        ranks[row * table.size + Int(entry)] = UInt8(rank)
        entries[row * last + rank] = entry
      }
    }
    self.ranks = ranks
    self.entries = entries
  }

  /// The ranks of codes.
  func ranks(of codes: [UInt8]) -> [UInt8] {
    var result = codes
    rows.forEach(codes.count) { index, row in
      result[index] = ranks[row * size + Int(codes[index])]
    }
    return result
  }

  /// The code that has a rank in the table of an element.
  ///
  /// - Throws: a `FileDefect` when the table has none of that rank.
  func code(of rank: Int, at index: Int) throws -> UInt8 {
    guard (0..<count).contains(rank), let entry = entries[rows.row(of: index) * count + rank] else {
      throw FileDefect.damaged("a code is beyond those of its channel")
    }
    return entry
  }
}
