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
  private var products: [Double]
  /// Sums over rows of a number times a target, `size * targets`.
  private var crossProducts: [Double]
  /// Sums of the numbers.
  private var sums: [Double]
  /// Sums of the targets.
  private var targetSums: [Double]
  /// Sums of the squared targets.
  private var targetSquares: [Double]
  /// Rows and targets whose products are still to be added.
  private var pending: (rows: [Float], wanted: [Float]) = ([], [])

  /// Rows whose products are added at once: adding `size * size` sums takes longer than multiplying a few
  /// rows, and so many of them round no worse than one.
  private static let rowsAtOnce = 1024

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
    for index in rows.indices { sums[index % size] += Double(rows[index]) }
    pending.rows += rows
    if targets > 0, wanted.count == count * targets {
      pending.wanted += wanted
      for index in wanted.indices {
        let value = Double(wanted[index])
        targetSums[index % targets] += value
        targetSquares[index % targets] += value * value
      }
    }
    if pending.rows.count >= Self.rowsAtOnce * size { try settle() }
  }

  /// Adds the products of the rows that came last.
  ///
  /// - Throws: when memory cannot be had.
  mutating func settle() throws {
    let (rows, wanted) = pending
    pending = ([], [])
    let count = rows.count / max(size, 1)
    guard count > 0 else { return }
    let turned = try Tensor(Self.transposed(rows, count, size), Shape([size, count]))
    let gram = try turned.matrixProduct(Tensor(rows, Shape([count, size])))
    Self.add(gram, to: &products)
    guard !wanted.isEmpty else { return }
    let cross = try turned.matrixProduct(Tensor(wanted, Shape([count, targets])))
    Self.add(cross, to: &crossProducts)
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
      sums.withUnsafeMutableBufferPointer { sums in
        for index in values.indices { sums[index] += Double(values[index]) }
      }
    }
  }

  /// The covariances of the numbers, `size * size`, of rows that are settled.
  var covariances: [Double] { centred(products, sums, columns: size) }

  /// The covariances of numbers and targets, `size * targets`.
  private var crossCovariances: [Double] { centred(crossProducts, targetSums, columns: targets) }

  /// Mean products less the products of means.
  private func centred(_ products: [Double], _ others: [Double], columns: Int) -> [Double] {
    let n = Double(max(count, 1))
    var result = products
    result.withUnsafeMutableBufferPointer { result in
      others.withUnsafeBufferPointer { others in
        for row in 0..<size {
          let mean = sums[row] / n
          for column in 0..<columns {
            let index = row * columns + column
            result[index] = result[index] / n - mean * (others[column] / n)
          }
        }
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
  mutating func map(
    near: [Double]? = nil, ridge: Double = 1e-4, poll: () throws -> Void = {}
  ) throws -> Map {
    try settle()
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
      variance += targetSquares[target] / n - targetSums[target] / n * (targetSums[target] / n)
    }
    error = variance
    for index in cross.indices { error -= 2 * map.weights[index] * cross[index] }
    var image = [Double](repeating: 0, count: targets)
    for row in 0..<size {
      image.withUnsafeMutableBufferPointer { image in
        map.weights.withUnsafeBufferPointer { weights in
          image.update(repeating: 0)
          for column in 0..<size {
            let moment = moments[row * size + column]
            for target in 0..<targets {
              image[target] += moment * weights[column * targets + target]
            }
          }
        }
      }
      for target in 0..<targets { error += map.weights[row * targets + target] * image[target] }
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
          let sum =
            l[row * size + column] - Self.dot(l, row * size, column * size, count: column)
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

  /// The product of two stretches, eight numbers at a time: sums of floats are not put in another order by
  /// the compiler.
  private static func dot(
    _ values: UnsafeMutableBufferPointer<Double>, _ first: Int, _ second: Int, count: Int
  ) -> Double {
    let bytes = UnsafeRawBufferPointer(values)
    var sums = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      let a = bytes.loadUnaligned(fromByteOffset: 8 * (first + index), as: SIMD8<Double>.self)
      let b = bytes.loadUnaligned(fromByteOffset: 8 * (second + index), as: SIMD8<Double>.self)
      sums += a * b
      index += 8
    }
    var sum = sums.sum()
    while index < count {
      sum += values[first + index] * values[second + index]
      index += 1
    }
    return sum
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
