/// The singular values of a matrix, and its best approximations of any rank (Eckart and Young, 1936).
///
/// Read off the eigenvectors of the smaller of `W^T W` and `W W^T`, in double precision.
struct Factorization {
  /// Rows of the matrix.
  let rows: Int
  /// Columns of the matrix.
  let columns: Int
  /// The squares of the singular values, the largest first.
  let energies: [Double]
  private let matrix: [Float]
  private let vectors: [Double]

  /// Decomposes a matrix.
  ///
  /// - Parameters:
  ///   - matrix: `rows * columns` numbers, row by row.
  ///   - rows: how many rows.
  ///   - columns: how many columns.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: what `poll` throws.
  init(_ matrix: [Float], rows: Int, columns: Int, poll: () throws -> Void = {}) throws {
    self.matrix = matrix
    self.rows = rows
    self.columns = columns
    let isTall = columns <= rows
    let eigen = try SymmetricEigen(
      squaring: isTall ? matrix : MatrixSplit.swapped(matrix, 1, rows, columns, 1),
      rows: max(rows, columns), columns: min(rows, columns), poll: poll)
    energies = eigen.values.map { max($0, 0) }
    vectors = eigen.vectors
  }

  /// The share of the sum of squares that each rank keeps, from 1.
  var shares: [Double] {
    let whole = energies.reduce(0, +)
    var sum = 0.0
    return energies.map { energy in
      sum += energy
      return whole > 0 ? sum / whole : 1
    }
  }

  /// Two matrices, `rows * rank` and `rank * columns`, whose product is the best of that rank; each
  /// takes the root of the singular values.
  func factors(rank: Int) -> (left: [Float], right: [Float]) {
    let size = min(rows, columns)
    var left = [Float](repeating: 0, count: rows * rank)
    var right = [Float](repeating: 0, count: rank * columns)
    for k in 0..<rank {
      let vector = vectors[k * size..<(k + 1) * size]
      let root = energies[k].squareRoot().squareRoot()
      // A singular value of zero has nothing to say.
      let inverse = root > 0 ? 1 / root : 0
      func dot(_ start: Int, _ stride: Int) -> Double {
        var sum = 0.0
        for (index, value) in vector.enumerated() {
          sum += value * Double(matrix[start + index * stride])
        }
        return sum
      }
      if columns <= rows {
        for row in 0..<rows { left[row * rank + k] = Float(dot(row * columns, 1) * inverse) }
        for (column, value) in vector.enumerated() {
          right[k * columns + column] = Float(value * root)
        }
      } else {
        for (row, value) in vector.enumerated() { left[row * rank + k] = Float(value * root) }
        for column in 0..<columns {
          right[k * columns + column] = Float(dot(column, columns) * inverse)
        }
      }
    }
    return (left, right)
  }
}
