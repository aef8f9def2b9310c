import WaneGraph
import WaneTensor

/// Second moments of rows of numbers, and what linear maps fit others to them.
struct LeastSquares {
  /// Numbers a row.
  let size: Int
  /// Numbers a target.
  let targets: Int
  /// Rows taken in.
  private(set) var count = 0
  /// Sums over rows of products of two numbers, `size * size`.
  private(set) var products: [Double]
  /// Sums over rows of a number times a target, `size * targets`.
  private var crossProducts: [Double]
  /// Sums of the numbers.
  private var sums: [Double]
  /// Sums of the targets.
  private var targetSums: [Double]
  /// Sums of the squared targets.
  private var targetSquares: [Double]

  /// Nothing taken in yet.
  init(size: Int, targets: Int = 0) {
    self.size = size
    self.targets = targets
    products = Array(repeating: 0, count: size * size)
    crossProducts = Array(repeating: 0, count: size * targets)
    sums = Array(repeating: 0, count: size)
    targetSums = Array(repeating: 0, count: targets)
    targetSquares = targetSums
  }

  /// Takes rows in: `rows.count / size` of them, as many targets beside them.
  ///
  /// - Throws: when memory cannot be had.
  mutating func add(_ rows: [Float], _ wanted: [Float] = []) throws {
    let count = rows.count / max(size, 1)
    guard count > 0 else { return }
    self.count += count
    let turned = try Tensor(Self.transposed(rows, count, size), Shape([size, count]))
    let gram = try turned.matrixProduct(Tensor(rows, Shape([count, size])))
    Self.add(gram, to: &products)
    for index in rows.indices { sums[index % size] += Double(rows[index]) }
    guard targets > 0, wanted.count == count * targets else { return }
    let cross = try turned.matrixProduct(Tensor(wanted, Shape([count, targets])))
    Self.add(cross, to: &crossProducts)
    for index in wanted.indices {
      let value = Double(wanted[index])
      targetSums[index % targets] += value
      targetSquares[index % targets] += value * value
    }
  }

  private static func transposed(_ rows: [Float], _ count: Int, _ size: Int) -> [Float] {
    var result = [Float](repeating: 0, count: rows.count)
    for row in 0..<count {
      for column in 0..<size { result[column * count + row] = rows[row * size + column] }
    }
    return result
  }

  private static func add(_ tensor: Tensor, to sums: inout [Double]) {
    tensor.with(Float.self) { values in
      for index in values.indices { sums[index] += Double(values[index]) }
    }
  }

  /// The covariances of the numbers, `size * size`.
  var covariances: [Double] {
    let n = Double(max(count, 1))
    var result = products
    for row in 0..<size {
      for column in 0..<size {
        let index = row * size + column
        result[index] = result[index] / n - sums[row] / n * (sums[column] / n)
      }
    }
    return result
  }

  /// The covariances of numbers and targets, `size * targets`.
  private var crossCovariances: [Double] {
    let n = Double(max(count, 1))
    var result = crossProducts
    for row in 0..<size {
      for column in 0..<targets {
        let index = row * targets + column
        result[index] = result[index] / n - sums[row] / n * (targetSums[column] / n)
      }
    }
    return result
  }

  /// A linear map and a bias.
  struct Map {
    /// `size * targets`.
    var weights: [Double]
    /// `targets`.
    var bias: [Double]
  }

  /// The map that gives targets with the least sum of squared errors, kept near another one where the
  /// rows say little (ridge regression, Hoerl and Kennard, 1970).
  ///
  /// - Parameters:
  ///   - near: weights that the map stays close to, `size * targets`; zeros when nil.
  ///   - ridge: what leaving them costs, in mean variances of the numbers.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the map.
  /// - Throws: what `poll` throws.
  func map(near: [Double]? = nil, ridge: Double = 1e-4, poll: () throws -> Void = {}) throws -> Map
  {
    var matrix = covariances
    let trace = (0..<size).reduce(0) { $0 + matrix[$1 * size + $1] }
    let weight = max(ridge * trace / Double(max(size, 1)), 1e-12)
    var right = crossCovariances
    if let near {
      for index in right.indices { right[index] += weight * near[index] }
    }
    for index in 0..<size { matrix[index * size + index] += weight }
    var cholesky = try Cholesky(matrix, size: size, poll: poll)
    try cholesky.solve(&right, columns: targets, poll: poll)
    let n = Double(max(count, 1))
    var bias = targetSums.map { $0 / n }
    for row in 0..<size {
      for column in 0..<targets {
        bias[column] -= sums[row] / n * right[row * targets + column]
      }
    }
    return Map(weights: right, bias: bias)
  }

  /// The share of the targets' variance that a map explains: 1 less the squared error over the variance.
  func explained(by map: Map) -> Double {
    let n = Double(max(count, 1))
    let (moments, cross) = (covariances, crossCovariances)
    var (variance, error) = (0.0, 0.0)
    for target in 0..<targets {
      let own = targetSquares[target] / n - targetSums[target] / n * (targetSums[target] / n)
      variance += own
      error += own
      for row in 0..<size {
        let weight = map.weights[row * targets + target]
        error -= 2 * weight * cross[row * targets + target]
        for column in 0..<size {
          error +=
            weight * moments[row * size + column] * map.weights[column * targets + target]
        }
      }
    }
    return variance > 0 ? 1 - error / variance : 0
  }
}

/// A positive definite matrix as the product of a lower triangle and its mirror image.
private struct Cholesky {
  private let size: Int
  /// The triangle, row by row.
  private var lower: [Double]

  init(_ matrix: [Double], size: Int, poll: () throws -> Void) throws {
    self.size = size
    var l = matrix
    try l.withUnsafeMutableBufferPointer { l in
      for row in 0..<size {
        if row % 64 == 0 { try poll() }
        for column in 0...row {
          var sum = l[row * size + column]
          for k in 0..<column { sum -= l[row * size + k] * l[column * size + k] }
          if row == column {
            // Rounding may leave nothing of a direction that others span.
            l[row * size + row] = max(sum, 1e-30).squareRoot()
          } else {
            l[row * size + column] = sum / l[column * size + column]
          }
        }
      }
    }
    lower = l
  }

  /// Replaces right sides, `size * columns`, by solutions.
  mutating func solve(_ right: inout [Double], columns: Int, poll: () throws -> Void) throws {
    try right.withUnsafeMutableBufferPointer { x in
      try lower.withUnsafeBufferPointer { l in
        for row in 0..<size {
          if row % 64 == 0 { try poll() }
          for k in 0..<row {
            let factor = l[row * size + k]
            for column in 0..<columns {
              x[row * columns + column] -= factor * x[k * columns + column]
            }
          }
          for column in 0..<columns { x[row * columns + column] /= l[row * size + row] }
        }
        for row in (0..<size).reversed() {
          for column in 0..<columns { x[row * columns + column] /= l[row * size + row] }
          for k in 0..<row {
            let factor = l[row * size + k]
            for column in 0..<columns {
              x[k * columns + column] -= factor * x[row * columns + column]
            }
          }
        }
      }
    }
  }
}
