import Testing
import WaneTensor

@testable import WaneCompress

/// Fits by least squares against their normal equations, solved in the plain way.
@Suite struct LeastSquaresTests {
  /// Solves `matrix x = right` by Gauss's elimination with pivots.
  static func solved(_ matrix: [[Double]], _ right: [[Double]]) -> [[Double]] {
    var rows = zip(matrix, right).map { $0 + $1 }
    let size = matrix.count
    for k in 0..<size {
      let pivot = (k..<size).max { abs(rows[$0][k]) < abs(rows[$1][k]) } ?? k
      rows.swapAt(k, pivot)
      for i in 0..<size where i != k {
        let factor = rows[i][k] / rows[k][k]
        for j in rows[i].indices { rows[i][j] -= factor * rows[k][j] }
      }
    }
    return rows.enumerated().map { row in
      row.element[size...].map { $0 / row.element[row.offset] }
    }
  }

  /// Sizes about those at which sums are taken eight at a time, rows about those that are kept back.
  @Test(arguments: [1, 2, 7, 8, 9, 17, 40]) func mapsSolveTheNormalEquations(_ size: Int) throws {
    var random = Fixture.Random(size)
    let (targets, count) = (3, 1500)
    let x = (0..<count).map { _ in (0..<size).map { _ in random.unit() + 0.3 } }
    let y = x.map { row in
      (0..<targets).map { target in
        row.enumerated().reduce(Float(target)) {
          $0 + $1.element * Float(($1.offset + target) % 5 - 2)
        } + 0.1 * random.unit()
      }
    }
    var squares = LeastSquares(size: size, targets: targets)
    for start in stride(from: 0, to: count, by: 64) {
      let end = min(start + 64, count)
      try squares.add(Array(x[start..<end].joined()), Array(y[start..<end].joined()))
    }
    let ridge = 1e-3
    let map = try squares.map(ridge: ridge)
    func mean(_ column: (Int) -> Double) -> Double {
      (0..<count).reduce(0) { $0 + column($1) } / Double(count)
    }
    let means = (0..<size).map { i in mean { Double(x[$0][i]) } }
    let wanted = (0..<targets).map { t in mean { Double(y[$0][t]) } }
    var matrix = (0..<size).map { i in
      (0..<size).map { j in
        mean { (Double(x[$0][i]) - means[i]) * (Double(x[$0][j]) - means[j]) }
      }
    }
    let trace = (0..<size).reduce(0) { $0 + matrix[$1][$1] }
    for i in 0..<size { matrix[i][i] += ridge * trace / Double(size) }
    let right = (0..<size).map { i in
      (0..<targets).map { t in
        mean { (Double(x[$0][i]) - means[i]) * (Double(y[$0][t]) - wanted[t]) }
      }
    }
    let expected = Self.solved(matrix, right)
    for i in 0..<size {
      for t in 0..<targets {
        #expect(abs(map.weights[i * targets + t] - expected[i][t]) < 1e-3)
      }
    }
    var (error, variance) = (0.0, 0.0)
    for (row, target) in zip(x, y) {
      for t in 0..<targets {
        let given = row.enumerated().reduce(map.bias[t]) {
          $0 + Double($1.element) * map.weights[$1.offset * targets + t]
        }
        error += (given - Double(target[t])) * (given - Double(target[t]))
        variance += (Double(target[t]) - wanted[t]) * (Double(target[t]) - wanted[t])
      }
    }
    #expect(abs(squares.explained(by: map) - (1 - error / variance)) < 1e-4)
  }
}
