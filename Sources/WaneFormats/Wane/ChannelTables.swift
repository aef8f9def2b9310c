import WaneGraph
import WaneTensor

extension ByteWriter {
  /// Appends the tables of channels: their scales, and multiples of these or floats.
  mutating func tables(_ table: CentroidTable, _ grid: WeightGrid?, _ entries: [Int8]?) throws {
    if let grid { try floats(grid.scales) }
    // Columns are the places in the tables: the same place of another table is of a size.
    let layout = WeightLayout(shape: table.dimensions)
    guard let entries else { return try floats(table.values, layout) }
    let symbols = entries.map { UInt8(bitPattern: $0) ^ 128 }
    let coded = try CodedArray.encode(
      symbols, ranks: CodeRanks(count: 256).ranks, pivot: 128, layout)
    if coded.count + 1 < symbols.count {
      count(coded.count)
      raw(coded)
    } else {
      count(0)
      raw(symbols)
    }
  }
}

extension ByteReader {
  /// Reads the tables of a shape's axis as `ByteWriter.tables` writes them.
  ///
  /// - Parameters:
  ///   - size: entries of a table.
  ///   - shape: the shape of the parameter.
  ///   - gridBits: bits of the grid; nil when there is none.
  ///   - hasScales: whether each table has a scale.
  ///   - isOnGrid: whether entries are multiples of scales.
  /// - Returns: the tables and their grid.
  /// - Throws: a `FileDefect`.
  mutating func tables(
    size: Int, _ shape: Shape, gridBits: Int?, hasScales: Bool, isOnGrid: Bool
  ) throws -> (CentroidTable, WeightGrid?) {
    guard shape.rank > 0 else { throw FileDefect.damaged("a number has no channels with tables") }
    let axis = try count("an axis", in: 0...shape.rank - 1)
    // Extents are below 2^31 and tables have at most 256 entries.
    let (channels, total) = (shape[axis], shape[axis] * size)
    var grid: WeightGrid?
    if let gridBits {
      grid = try WeightGrid(
        bits: gridBits, scales: floats(count: hasScales ? channels : 1),
        axis: hasScales ? axis : nil)
    }
    let layout = WeightLayout(shape: [channels, size])
    let values: [Float]
    if isOnGrid, let grid {
      values = try symbols(count: total, layout).enumerated().map { index, symbol in
        grid.scales[hasScales ? index / size : 0] * Float(Int8(bitPattern: symbol ^ 128))
      }
    } else {
      values = try floats(count: total, layout)
    }
    guard values.allSatisfy(\.isFinite) else {
      throw FileDefect.damaged("a codebook has a value that is not finite")
    }
    return (try CentroidTable(values, size: size, axis: axis), grid)
  }

  /// Bytes whose number the reader knows, coded or as they are.
  private mutating func symbols(count: Int, _ layout: WeightLayout) throws -> [UInt8] {
    let length = try items("bytes of entries")
    guard length > 0 else { return Array(try raw(count)) }
    try CodedArray.check(count: count, bytes: length)
    let packed = try stream(length) { stream in
      try CodedArray.decode(
        stream, count: count, highest: 255, pivot: 128, bits: 8, layout
      ) { rank, _ in
        guard let symbol = UInt8(exactly: rank) else {
          throw FileDefect.damaged("an entry is no byte")
        }
        return symbol
      }
    }
    return try PackedCodes(packed: packed.tensor, bits: 8, count: count).unpacked()
  }
}
