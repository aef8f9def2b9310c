import WaneTensor

/// Rows that stand somewhere else than in memory, such as images in files.
public protocol RowSource: Sendable {
  /// How many rows there are.
  var count: Int { get }
  /// The extents of a row.
  var dimensions: [Int] { get }
  /// The type of the elements.
  var dtype: DType { get }

  /// Writes a row, counted from 0, as many bytes as it has.
  ///
  /// Several threads may call at once.
  ///
  /// - Throws: when it cannot be read.
  func read(_ row: Int, to target: UnsafeMutableRawPointer) throws

  /// What tells whether a row is still what it was, without reading all of it.
  ///
  /// - Throws: when it is no longer there.
  func mark(_ row: Int) throws -> String
}

/// Some of the rows of a source, in any order.
public struct StoredRows: Sendable {
  /// Where they are read.
  public let source: any RowSource
  /// The extents, the first axis counting rows.
  public let shape: Shape
  private let rows: ArraySlice<Int32>

  /// All rows of a source.
  ///
  /// - Throws: when there are more than can be counted.
  public init(_ source: any RowSource) throws {
    guard let count = Int32(exactly: source.count) else {
      throw WaneError("dataset", "\(source.count) samples are more than can be shuffled")
    }
    try self.init(source, Array(0..<count)[...])
  }

  private init(_ source: any RowSource, _ rows: ArraySlice<Int32>) throws {
    self.source = source
    self.rows = rows
    shape = try Shape([rows.count] + source.dimensions)
  }

  /// The rows of a range of positions, from 0, all of which exist.
  func slice(_ range: Range<Int>) throws -> StoredRows {
    try StoredRows(
      source, rows[rows.startIndex + range.lowerBound..<rows.startIndex + range.upperBound])
  }

  /// The rows at the given positions.
  ///
  /// - Throws: when a position is beyond the end.
  func gather(_ positions: [Int32]) throws -> StoredRows {
    if let bad = positions.first(where: { $0 < 0 || $0 >= rows.count }) {
      throw WaneError("gather", "row \(bad + 1) of \(rows.count)")
    }
    return try StoredRows(source, positions.map { rows[rows.startIndex + Int($0)] }[...])
  }

  /// All rows, in memory.
  ///
  /// - Throws: when one cannot be read, or there is not enough memory.
  func tensor() throws -> Tensor { try read(0..<Int32(clamping: rows.count), Cancellation()) }

  /// The rows at some positions, all of which exist.
  ///
  /// - Throws: when one cannot be read, nobody wants them any more, or there is not enough memory.
  func read(_ positions: some Collection<Int32>, _ cancellation: Cancellation) throws -> Tensor {
    var result = try Tensor(
      uninitialized: Shape([positions.count] + source.dimensions), source.dtype, for: "dataset")
    let row = source.dimensions.reduce(source.dtype.byteCount, *)
    try result.withMutableBytes { bytes in
      guard var target = bytes.baseAddress else { return }
      for position in positions {
        try cancellation.check()
        try read(Int(position), to: target)
        target += row
      }
    }
    return result
  }

  /// Writes the row at a position that exists.
  ///
  /// - Throws: when it cannot be read.
  public func read(_ position: Int, to target: UnsafeMutableRawPointer) throws {
    try source.read(Int(rows[rows.startIndex + position]), to: target)
  }

  /// What tells whether a row is still what it was.
  func mark(_ position: Int) throws -> String {
    try source.mark(Int(rows[rows.startIndex + position]))
  }
}

/// The rows of several columns, one after the other.
struct JoinedRows: RowSource {
  let dimensions: [Int]
  let dtype: DType
  private let parts: [Column]
  /// The number of rows up to the end of each part.
  private let ends: [Int]

  /// Joins columns of the same extents and type.
  ///
  /// - Throws: when there are none.
  init(_ parts: [Column]) throws {
    guard let first = parts.first else { throw WaneError("concat", "no data sets to join") }
    (dimensions, dtype) = (first.rowDimensions, first.dtype)
    self.parts = parts
    var count = 0
    ends = parts.map { part in
      count += part.shape[0]
      return count
    }
  }

  var count: Int { ends.last ?? 0 }

  func read(_ row: Int, to target: UnsafeMutableRawPointer) throws {
    let (part, row) = place(row)
    switch part {
    case .stored(let rows): try rows.read(row, to: target)
    case .tensor(let tensor):
      let size = part.rowByteCount
      tensor.withBytes { bytes in
        if let base = bytes.baseAddress {
          target.copyMemory(from: base + row * size, byteCount: size)
        }
      }
    }
  }

  func mark(_ row: Int) throws -> String {
    let (part, row) = place(row)
    switch part {
    case .stored(let rows): return try rows.mark(row)
    case .tensor(let tensor): return try tensor.rows(row..<row + 1).withBytes { Mark($0).text }
    }
  }

  private func place(_ row: Int) -> (part: Column, row: Int) {
    let index = ends.firstIndex { row < $0 } ?? 0
    return (parts[index], row - (index == 0 ? 0 : ends[index - 1]))
  }
}
