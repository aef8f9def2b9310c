import WaneGraph
import WaneTensor

/// The columns of a data set piece by piece, what is stored being read ahead.
public final class PieceReader {
  private let columns: [Column]
  private let size: Int
  private let count: Int
  private let ahead: ReadAhead<[Tensor?]>

  /// Reads columns of as many rows each.
  ///
  /// - Parameters:
  ///   - columns: what is read.
  ///   - size: rows of a piece, at least 1; the last may have fewer.
  ///   - depth: pieces that are read at once.
  public init(_ columns: [Column], size: Int, depth: Int) {
    self.columns = columns
    self.size = max(size, 1)
    count = columns.first?.shape[0] ?? 0
    ahead = ReadAhead(depth: depth)
  }

  /// The rows of a piece, counted from 0: a tensor a column.
  ///
  /// - Throws: when a row cannot be read.
  public func piece(_ number: Int) throws -> [Tensor] {
    let range = self.range(number)
    guard columns.contains(where: \.isStored) else {
      return try columns.map { try $0.rows(range).tensor() }
    }
    let read = try ahead.value(number) { number in
      let range = self.range(number)
      guard !range.isEmpty else { return nil }
      return { [columns] cancellation in
        try columns.map { column in
          guard case .stored(let rows) = column else { return nil }
          return try rows.read(
            Int32(clamping: range.lowerBound)..<Int32(clamping: range.upperBound), cancellation)
        }
      }
    }
    return try columns.enumerated().map { index, column in
      try read?[index] ?? column.rows(range).tensor()
    }
  }

  private func range(_ number: Int) -> Range<Int> {
    let (start, overflows) = number.multipliedReportingOverflow(by: size)
    guard !overflows, start < count else { return count..<count }
    return start..<min(start.addingClamped(size), count)
  }
}
