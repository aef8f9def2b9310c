/// Eigenvalues and eigenvectors of a symmetric matrix, by the cyclic method of Jacobi (Golub and Van
/// Loan, Matrix Computations, 4th edition, 2013, section 8.5).
struct SymmetricEigen {
  /// The eigenvalues, the largest first.
  let values: [Double]
  /// The eigenvectors of length 1, one after the other in the order of the values.
  let vectors: [Double]

  /// Decomposes a matrix.
  ///
  /// - Parameters:
  ///   - matrix: `size * size` numbers, row by row; what lies below the diagonal mirrors what lies above.
  ///   - size: the number of rows.
  ///   - poll: called before every sweep of a row; throws to stop.
  /// - Throws: what `poll` throws.
  init(_ matrix: [Double], size: Int, poll: () throws -> Void = {}) throws {
    var a = matrix
    // Rows of `v` are the vectors, so that a rotation works on neighbours in memory.
    var v = [Double](repeating: 0, count: size * size)
    for index in 0..<size { v[index * size + index] = 1 }
    let whole = matrix.reduce(0) { $0 + $1 * $1 }
    // Converges quadratically: 6 to 10 sweeps for any size in use.
    for _ in 0..<60 {
      var off = 0.0
      for row in 0..<size {
        for column in row + 1..<max(size, row + 1) {
          off += a[row * size + column] * a[row * size + column]
        }
      }
      if off <= 1e-26 * whole { break }
      for p in 0..<size {
        try poll()
        for q in p + 1..<max(size, p + 1) { Self.rotate(&a, &v, size, p, q) }
      }
    }
    let order = (0..<size).sorted { a[$0 * size + $0] > a[$1 * size + $1] }
    values = order.map { a[$0 * size + $0] }
    vectors = order.flatMap { v[$0 * size..<($0 + 1) * size] }
  }

  /// Makes element (p, q) zero.
  private static func rotate(
    _ a: inout [Double], _ v: inout [Double], _ size: Int, _ p: Int, _ q: Int
  ) {
    let apq = a[p * size + q]
    guard apq != 0 else { return }
    let theta = (a[q * size + q] - a[p * size + p]) / (2 * apq)
    let t = (theta >= 0 ? 1 : -1) / (theta.magnitude + (theta * theta + 1).squareRoot())
    let c = 1 / (t * t + 1).squareRoot()
    let s = t * c
    a.withUnsafeMutableBufferPointer { a in
      for k in 0..<size {
        let (x, y) = (a[k * size + p], a[k * size + q])
        a[k * size + p] = c * x - s * y
        a[k * size + q] = s * x + c * y
      }
      turn(a, size, p, q, c, s)
    }
    v.withUnsafeMutableBufferPointer { turn($0, size, p, q, c, s) }
  }

  /// Rows p and q by an angle.
  private static func turn(
    _ m: UnsafeMutableBufferPointer<Double>, _ size: Int, _ p: Int, _ q: Int, _ c: Double,
    _ s: Double
  ) {
    for k in 0..<size {
      let (x, y) = (m[p * size + k], m[q * size + k])
      m[p * size + k] = c * x - s * y
      m[q * size + k] = s * x + c * y
    }
  }

  /// Decomposes `M^T M`: its values are the squared singular values of M, its vectors those of its columns.
  ///
  /// - Parameters:
  ///   - matrix: `rows * columns` numbers, row by row.
  ///   - rows: how many rows.
  ///   - columns: how many columns.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: what `poll` throws.
  init(squaring matrix: [Float], rows: Int, columns: Int, poll: () throws -> Void = {}) throws {
    var gram = [Double](repeating: 0, count: columns * columns)
    for row in 0..<rows {
      if row % 64 == 0 { try poll() }
      let values = matrix[row * columns..<(row + 1) * columns].map(Double.init)
      gram.withUnsafeMutableBufferPointer { gram in
        for i in 0..<columns where values[i] != 0 {
          for j in 0..<columns { gram[i * columns + j] += values[i] * values[j] }
        }
      }
    }
    try self.init(gram, size: columns, poll: poll)
  }
}
