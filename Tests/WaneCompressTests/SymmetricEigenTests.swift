import Testing
import WaneTensor

@testable import WaneCompress

@Suite struct SymmetricEigenTests {
  /// A symmetric matrix to decompose.
  struct Matrix: Sendable, CustomStringConvertible {
    let description: String
    let size: Int
    let values: [Double]

    init(_ description: String, _ size: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
      self.description = description
      self.size = size
      values = (0..<size * size).map {
        element(max($0 / size, $0 % size), min($0 / size, $0 % size))
      }
    }

    static func random(_ size: Int) -> Matrix {
      var random = Fixture.Random(size)
      let numbers = (0..<size * size).map { _ in Double(random.unit()) }
      return Matrix("random \(size)", size) { numbers[$0 * size + $1] }
    }

    /// A matrix that has these eigenvalues.
    static func having(_ eigenvalues: [Double], _ description: String) -> Matrix {
      let size = eigenvalues.count
      let v = jacobi(random(size).values, size).vectors
      return Matrix(description, size) { i, j in
        (0..<size).reduce(0) { $0 + eigenvalues[$1] * v[$1 * size + i] * v[$1 * size + j] }
      }
    }
  }

  static let matrices: [Matrix] =
    [1, 2, 3, 5, 8, 16, 33, 64, 100].map { Matrix.random($0) } + [
      Matrix("nothing", 0) { _, _ in 0 }, Matrix("zero", 6) { _, _ in 0 },
      Matrix("a number", 1) { _, _ in -3 }, Matrix("identity", 12) { $0 == $1 ? 1 : 0 },
      Matrix("diagonal", 9) { $0 == $1 ? Double(($0 * 5) % 9) - 4 : 0 },
      Matrix("ones", 20) { _, _ in 1 },
      Matrix("tridiagonal", 21) { $0 == $1 ? 2 : $0 == $1 + 1 ? -1 : 0 },
      Matrix("Wilkinson's, in near pairs", 21) { i, j in
        i == j ? Double(abs(i - 10)) : i == j + 1 ? 1 : 0
      },
      Matrix("in two blocks", 10) { ($0 < 5) == ($1 < 5) ? 1 / Double(1 + $0 + $1) : 0 },
      Matrix("of Hilbert", 12) { 1 / Double(1 + $0 + $1) },
      Matrix("graded up", 12) { 1 / Double.pow10(24 - $0 - $1) },
      Matrix("graded down", 12) { 1 / Double.pow10($0 + $1) },
      Matrix("huge", 7) { Double(1 + $0 * $1 % 5) * 1e300 },
      Matrix("tiny", 7) { Double(1 + $0 * $1 % 5) * 1e-300 },
      Matrix("coupled by next to nothing", 4) { i, j in
        i == 3 && j == 3 ? 1 : i == j + 1 ? 1e-200 : 0
      },
    ]

  /// The definition, and the plain method of Jacobi for the values.
  @Test(arguments: matrices) func decomposes(_ matrix: Matrix) throws {
    let size = matrix.size
    let eigen = try SymmetricEigen(matrix.values, size: size)
    try Self.check(eigen, matrix)
    let expected = Self.jacobi(matrix.values, size).values
    let largest = matrix.values.reduce(0) { max($0, abs($1)) }
    for (a, b) in zip(eigen.values, expected) { #expect(abs(a - b) <= 1e-13 * largest * 4) }
    // The same on every run.
    let again = try SymmetricEigen(matrix.values, size: size)
    #expect(again.values == eigen.values && again.vectors == eigen.vectors)
  }

  @Test func repeatedEigenvalues() throws {
    let lists: [[Double]] = [
      [3, 3, 3, 3, 3], [2, 2, 1, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    for values in lists {
      let matrix = Matrix.having(values, "repeated")
      let eigen = try SymmetricEigen(matrix.values, size: values.count)
      try Self.check(eigen, matrix)
      for (a, b) in zip(eigen.values, values) { #expect(abs(a - b) < 1e-13) }
    }
  }

  /// Vectors are orthonormal, and make the matrix of the values again.
  static func check(_ eigen: SymmetricEigen, _ matrix: Matrix) throws {
    let size = matrix.size
    try #require(eigen.values.count == size && eigen.vectors.count == size * size)
    #expect(eigen.values == eigen.values.sorted(by: >))
    let largest = matrix.values.reduce(0) { max($0, abs($1)) }
    let v = eigen.vectors
    for i in 0..<size {
      for j in 0...i {
        let dot = (0..<size).reduce(0) { $0 + v[i * size + $1] * v[j * size + $1] }
        #expect(abs(dot - (i == j ? 1 : 0)) < 1e-13)
        let made = (0..<size).reduce(0) { sum, k in
          sum + eigen.values[k] * v[k * size + i] * v[k * size + j]
        }
        #expect(abs(made - matrix.values[i * size + j]) <= 1e-13 * largest * 4)
      }
    }
  }

  @Test func squaresAreDecomposedInDoublePrecision() throws {
    // Rows that do not fill the last block, and columns of one.
    for (rows, columns) in [(1, 1), (1, 7), (37, 5), (64, 64), (131, 1), (33, 12), (4, 9)] {
      var random = Fixture.Random(rows)
      let values = (0..<rows * columns).map { _ in random.unit() }
      let square = Matrix("square", columns) { i, j in
        (0..<rows).reduce(0) {
          $0 + Double(values[$1 * columns + i]) * Double(values[$1 * columns + j])
        }
      }
      let eigen = try SymmetricEigen(squaring: values, rows: rows, columns: columns)
      try Self.check(eigen, square)
      for value in eigen.values.dropFirst(rows) { #expect(abs(value) < 1e-13 * eigen.values[0]) }
    }
  }

  @Test func refusesWhatIsNoNumber() {
    for value in [Double.nan, .infinity, -.infinity] {
      let message = Fixture.message { _ = try SymmetricEigen([1, value, value, 1], size: 2) }
      #expect(message == "eigenvalues: 2 x 2 finite numbers expected, got 4")
    }
    #expect(
      Fixture.message { _ = try SymmetricEigen([1, 2], size: 2) }
        == "eigenvalues: 2 x 2 finite numbers expected, got 2")
    #expect(
      Fixture.message { _ = try SymmetricEigen(squaring: [1, .nan], rows: 2, columns: 1) }
        == "eigenvalues: 1 x 1 finite numbers expected, got 1")
  }

  /// It can be stopped at any of its stages.
  @Test func stops() throws {
    struct Stop: Error {}
    let values = Matrix.random(40).values.map { Float($0) }
    var polls = 0
    _ = try SymmetricEigen(squaring: values, rows: 40, columns: 40) { polls += 1 }
    #expect(polls > 80)
    for limit in stride(from: 0, to: polls, by: 7) {
      var count = 0
      #expect(throws: Stop.self) {
        _ = try SymmetricEigen(squaring: values, rows: 40, columns: 40) {
          count += 1
          if count > limit { throw Stop() }
        }
      }
    }
  }

  /// The classical method: whatever is beside the diagonal is rotated away, one after the other.
  private static func jacobi(_ matrix: [Double], _ size: Int) -> (
    values: [Double], vectors: [Double]
  ) {
    let largest = matrix.reduce(0) { max($0, abs($1)) }
    var a = matrix.map { largest > 0 ? $0 / largest : 0 }
    var v = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
    for _ in 0..<40 {
      for p in 0..<size {
        for q in (p + 1)..<max(size, p + 1) where a[p * size + q] != 0 {
          let theta = (a[q * size + q] - a[p * size + p]) / (2 * a[p * size + q])
          let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
          let c = 1 / (t * t + 1).squareRoot()
          for (matrix, isColumn) in [(0, true), (0, false), (1, false)] {
            for k in 0..<size {
              let (i, j) = isColumn ? (k * size + p, k * size + q) : (p * size + k, q * size + k)
              if matrix == 0 {
                (a[i], a[j]) = (c * a[i] - t * c * a[j], t * c * a[i] + c * a[j])
              } else {
                (v[i], v[j]) = (c * v[i] - t * c * v[j], t * c * v[i] + c * v[j])
              }
            }
          }
        }
      }
    }
    let order = (0..<size).sorted { a[$0 * size + $0] > a[$1 * size + $1] }
    return (
      order.map { a[$0 * size + $0] * largest },
      order.flatMap { v[$0 * size..<($0 + 1) * size] }
    )
  }
}

extension Double {
  fileprivate static func pow10(_ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * 10 }
  }
}
