import WaneTensor

/// What a data set has for one input of a model: a row a sample, in memory or read when it is needed.
public enum Column: Sendable {
  /// Rows in memory, or in a file that is mapped.
  case tensor(Tensor)
  /// Rows that are read when they are needed, such as images in files.
  case stored(StoredRows)

  /// The extents, the first axis counting samples.
  public var shape: Shape {
    switch self {
    case .tensor(let tensor): tensor.shape
    case .stored(let rows): rows.shape
    }
  }

  /// The type of the elements.
  public var dtype: DType {
    switch self {
    case .tensor(let tensor): tensor.dtype
    case .stored(let rows): rows.source.dtype
    }
  }

  /// The extents of a row.
  var rowDimensions: [Int] { Array(shape.dimensions.dropFirst()) }

  /// The bytes of a row.
  var rowByteCount: Int { rowDimensions.reduce(dtype.byteCount, *) }

  /// Whether rows are read when they are needed.
  public var isStored: Bool { if case .stored = self { true } else { false } }

  /// All rows, in memory.
  ///
  /// - Throws: when one cannot be read, or there is not enough memory.
  public func tensor() throws -> Tensor {
    switch self {
    case .tensor(let tensor): tensor
    case .stored(let rows): try rows.tensor()
    }
  }

  /// The rows of a range of positions, from 0, all of which exist; nothing is copied or read.
  public func rows(_ range: Range<Int>) throws -> Column {
    switch self {
    case .tensor(let tensor): .tensor(try tensor.rows(range))
    case .stored(let rows): .stored(try rows.slice(range))
    }
  }

  /// The rows at the given positions, in that order; what is stored is not read.
  ///
  /// - Throws: when a position is beyond the end.
  func gathering(_ positions: [Int32]) throws -> Column {
    switch self {
    case .tensor(let tensor): .tensor(try tensor.gatheringRows(positions))
    case .stored(let rows): .stored(try rows.gather(positions))
    }
  }

  /// The rows of several columns of the same extents and type, one column after the other.
  static func concatenated(_ parts: [Column]) throws -> Column {
    guard parts.contains(where: \.isStored) else {
      return .tensor(try Tensor.concatenated(parts.map { try $0.tensor() }))
    }
    return .stored(try StoredRows(JoinedRows(parts)))
  }
}
