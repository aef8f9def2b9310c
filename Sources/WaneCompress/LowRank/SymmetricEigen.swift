import WaneTensor

/// Eigenvalues and eigenvectors of a symmetric matrix: reflections make it tridiagonal, rotations
/// diagonal (Golub and Van Loan, Matrix Computations, 4th edition, 2013, sections 8.3.1 and 8.3.3).
struct SymmetricEigen {
  /// The eigenvalues, the largest first.
  let values: [Double]
  /// The eigenvectors of length 1, one after the other in the order of the values.
  let vectors: [Double]

  /// Decomposes a matrix.
  ///
  /// Values and vectors are exact for a matrix that differs from the given one by rounding of its largest
  /// element; eigenvalues that are small beside the largest have no more digits than that leaves them.
  ///
  /// - Parameters:
  ///   - matrix: `size * size` numbers, row by row; what lies above the diagonal mirrors what lies below.
  ///   - size: the number of rows.
  ///   - poll: called every few milliseconds; throws to stop.
  /// - Throws: when a number is not finite, and what `poll` throws.
  init(_ matrix: [Double], size: Int, poll: () throws -> Void = {}) throws {
    guard matrix.count == size * size, matrix.allSatisfy(\.isFinite) else {
      throw WaneError(
        "eigenvalues", "\(size) x \(size) finite numbers expected, got \(matrix.count)")
    }
    let largest = matrix.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0 else {
      values = [Double](repeating: 0, count: size)
      vectors = (0..<size * size).map { $0 % (size + 1) == 0 ? 1 : 0 }
      return
    }
    // A power of two, so that squares are far from overflow and nothing is rounded.
    let unit = Double(sign: .plus, exponent: largest.exponent, significand: 1)
    var form = try TridiagonalForm(matrix.map { $0 / unit }, size: size, poll: poll)
    try form.diagonalize(poll: poll)
    let order = (0..<size).sorted {
      (form.diagonal[$0], $1) > (form.diagonal[$1], $0)
    }
    values = order.map { form.diagonal[$0] * unit }
    vectors = order.flatMap { form.vectors[$0 * size..<($0 + 1) * size] }
  }

  /// Decomposes `M^T M`: its values are the squared singular values of M, its vectors those of its columns.
  ///
  /// - Parameters:
  ///   - matrix: `rows * columns` numbers, row by row.
  ///   - rows: how many rows.
  ///   - columns: how many columns.
  ///   - poll: called every few milliseconds; throws to stop.
  /// - Throws: when a number is not finite, and what `poll` throws.
  init(squaring matrix: [Float], rows: Int, columns: Int, poll: () throws -> Void = {}) throws {
    try self.init(
      Self.square(matrix, rows: rows, columns: columns, poll: poll), size: columns, poll: poll)
  }

  /// Rows that are added up together: they stay in the second cache with one row of sums in the first.
  private static let rowsAtOnce = 32

  /// The lower triangle of `M^T M`.
  private static func square(
    _ matrix: [Float], rows: Int, columns: Int, poll: () throws -> Void
  ) throws -> [Double] {
    var square = [Double](repeating: 0, count: columns * columns)
    var block = [Double](repeating: 0, count: rowsAtOnce * columns)
    try square.withUnsafeMutableBufferPointer { square in
      try block.withUnsafeMutableBufferPointer { block in
        guard let sums = square.baseAddress, let values = block.baseAddress else { return }
        for first in stride(from: 0, to: rows, by: rowsAtOnce) {
          try poll()
          let count = min(rowsAtOnce, rows - first) * columns
          for index in block.indices {
            block[index] = index < count ? Double(matrix[first * columns + index]) : 0
          }
          for i in 0..<columns {
            for row in stride(from: 0, to: rowsAtOnce, by: 4) where row * columns < count {
              let a = UnsafePointer(values + row * columns)
              let (b, c, d) = (a + columns, a + 2 * columns, a + 3 * columns)
              addProducts(sums + i * columns, a, b, c, d, at: i)
            }
          }
        }
      }
    }
    return square
  }

  /// Adds to the sums up to the diagonal the products of four rows' element `i` with those before it.
  @inline(__always)
  private static func addProducts(
    _ sums: UnsafeMutablePointer<Double>, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
    _ c: UnsafePointer<Double>, _ d: UnsafePointer<Double>, at i: Int
  ) {
    let (p, q, r, s) = (a[i], b[i], c[i], d[i])
    for j in 0...i { sums[j] += (p * a[j] + q * b[j]) + (r * c[j] + s * d[j]) }
  }
}
