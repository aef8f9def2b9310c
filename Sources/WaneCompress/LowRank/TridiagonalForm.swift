import WaneTensor

/// A symmetric matrix as `Q T Q^T`: T has nothing beside its diagonal but the elements next to it.
///
/// Each row in turn, the last one first, is reflected onto the element before its diagonal (Householder's
/// method, as of Golub and Van Loan, Matrix Computations, 4th edition, 2013, section 8.3.1).
struct TridiagonalForm {
  /// The diagonal of T.
  var diagonal: [Double]
  /// The elements next to the diagonal: at i that of rows i and i + 1, at the end zero.
  var beside: [Double]
  /// The columns of Q, one after the other.
  var vectors: [Double]
  /// The number of rows.
  let size: Int

  /// Reduces a matrix of `size * size` numbers, none larger than 2; reads its lower triangle.
  ///
  /// - Throws: what `poll` throws.
  init(_ matrix: [Double], size: Int, poll: () throws -> Void) throws {
    var reflectors = matrix
    var reduced = try Self.reduce(&reflectors, size: size, poll: poll)
    self.size = size
    diagonal = (0..<size).map { reflectors[$0 * size + $0] }
    vectors = try Self.product(of: reflectors, reduced.heights, size: size, poll: poll)
    reduced.beside.removeFirst()
    beside = reduced.beside + [0]
  }

  /// Reduces a matrix in place.
  ///
  /// - Parameters:
  ///   - matrix: the matrix; afterwards the diagonal, and before it in each row the reflector u of
  ///     `1 - u u^T / height`.
  ///   - size: the number of rows.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the element before the diagonal and the height of the reflector of each row, 0 where none was
  ///   needed.
  /// - Throws: what `poll` throws.
  private static func reduce(_ matrix: inout [Double], size: Int, poll: () throws -> Void) throws
    -> (beside: [Double], heights: [Double])
  {
    var beside = [Double](repeating: 0, count: size)
    var heights = beside
    var products = beside
    try matrix.withUnsafeMutableBufferPointer { matrix in
      try products.withUnsafeMutableBufferPointer { products in
        guard let a = matrix.baseAddress, let p = products.baseAddress else { return }
        for i in (1..<max(size, 1)).reversed() {
          try poll()
          let u = a + i * size
          let squares = Vectors.dot(u, u, i)
          let last = u[i - 1]
          guard Vectors.dot(u, u, i - 1) > 0 else {
            beside[i] = last
            continue
          }
          // Away from the element that stays, so that nothing cancels.
          beside[i] = last > 0 ? -squares.squareRoot() : squares.squareRoot()
          let height = squares - last * beside[i]
          u[i - 1] = last - beside[i]
          heights[i] = height
          reflect(a, size, rows: i, u, height, p)
        }
      }
    }
    return (beside, heights)
  }

  /// `A - u q^T - q u^T` of the lower triangle of the first rows, where `p = A u / height` and
  /// `q = p - (u p / 2 height) u`.
  private static func reflect(
    _ a: UnsafeMutablePointer<Double>, _ size: Int, rows: Int,
    _ u: UnsafePointer<Double>, _ height: Double, _ p: UnsafeMutablePointer<Double>
  ) {
    for j in 0..<rows { p[j] = 0 }
    for j in 0..<rows {
      let row = a + j * size
      p[j] += Vectors.dot(row, u, j + 1)
      Vectors.add(u[j], row, to: p, j)
    }
    for j in 0..<rows { p[j] /= height }
    Vectors.add(-Vectors.dot(u, p, rows) / (2 * height), u, to: p, rows)
    for j in 0..<rows {
      let row = a + j * size
      Vectors.add(-u[j], p, to: row, j + 1)
      Vectors.add(-p[j], u, to: row, j + 1)
    }
  }

  /// The transposed product of the reflections, from the smallest on: each leaves alone what later ones
  /// have not reached.
  private static func product(
    of reflectors: [Double], _ heights: [Double], size: Int, poll: () throws -> Void
  ) throws -> [Double] {
    var result = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
    try result.withUnsafeMutableBufferPointer { result in
      try reflectors.withUnsafeBufferPointer { reflectors in
        guard let rows = result.baseAddress, let base = reflectors.baseAddress else { return }
        for i in heights.indices where heights[i] != 0 {
          try poll()
          let u = base + i * size
          for k in 0..<i {
            let row = rows + k * size
            Vectors.add(-Vectors.dot(row, u, i) / heights[i], u, to: row, i)
          }
        }
      }
    }
    return result
  }
}

/// Sums over runs of numbers, in an order that does not depend on the processor.
private enum Vectors {
  /// The scalar product.
  @inline(__always)
  static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    // Eight sums, which need not wait for each other.
    var sums = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      let x = UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Double>.self)
      let y = UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Double>.self)
      sums += x * y
      index += 8
    }
    var result = sums.sum()
    while index < count {
      result += a[index] * b[index]
      index += 1
    }
    return result
  }

  /// Adds a multiple.
  @inline(__always)
  static func add(
    _ factor: Double, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int
  ) {
    for index in 0..<count { y[index] += factor * x[index] }
  }
}
