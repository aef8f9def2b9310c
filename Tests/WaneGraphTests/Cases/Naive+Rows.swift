import Foundation

extension Naive {
  static func dense(_ x: Block, _ weights: Block, _ bias: Block?) -> Block {
    let (inputs, outputs) = (weights.dimensions[0], weights.dimensions[1])
    var y = Block(zeros: [x.dimensions[0], outputs])
    for n in 0..<x.dimensions[0] {
      for output in 0..<outputs {
        y[n, output] = (0..<inputs).reduce(bias?.values[output] ?? 0) {
          $0 + x[n, $1] * weights[$1, output]
        }
      }
    }
    return y
  }

  /// Applies a function to every row along the last axis.
  static func rows(_ x: Block, _ body: ([Double]) -> [Double]) -> Block {
    let columns = x.channels
    return Block(
      x.dimensions,
      (0..<x.count / max(columns, 1)).flatMap {
        body(Array(x.values[$0 * columns..<($0 + 1) * columns]))
      })
  }

  static func logSoftmax(_ row: [Double]) -> [Double] {
    let highest = row.max() ?? 0
    let sum = row.reduce(0) { $0 + exp($1 - highest) }
    return row.map { $0 - highest - log(sum) }
  }

  static func softmax(_ row: [Double]) -> [Double] { logSoftmax(row).map { exp($0) } }

  /// One number a sample from the rows of two operands.
  static func perSample(_ a: Block, _ b: Block, _ body: ([Double], [Double]) -> Double) -> Block {
    let count = a.dimensions[0]
    let (left, right) = (a.count / count, b.count / count)
    return Block(
      [count],
      (0..<count).map {
        body(
          Array(a.values[$0 * left..<($0 + 1) * left]),
          Array(b.values[$0 * right..<($0 + 1) * right]))
      })
  }

  /// `gamma (x - mean) / sqrt(variance + epsilon) + beta` along the last axis.
  static func normalize(
    _ x: Block, _ gamma: [Double], _ beta: [Double], _ mean: [Double], _ variance: [Double],
    _ epsilon: Double
  ) -> Block {
    let columns = x.channels
    return Block(
      x.dimensions,
      x.values.enumerated().map { index, value in
        let c = index % columns
        return gamma[c] * (value - mean[c]) / (variance[c] + epsilon).squareRoot() + beta[c]
      })
  }

  /// Mean and biased variance of every channel.
  static func moments(_ x: Block) -> (mean: [Double], variance: [Double]) {
    let columns = x.channels
    let rows = Double(x.count / columns)
    var mean = [Double](repeating: 0, count: columns)
    var variance = mean
    for (index, value) in x.values.enumerated() { mean[index % columns] += value / rows }
    for (index, value) in x.values.enumerated() {
      let distance = value - mean[index % columns]
      variance[index % columns] += distance * distance / rows
    }
    return (mean, variance)
  }

  /// The same over the steps whose mask `[N, T]` is not zero, and their number of rows.
  static func moments(_ x: Block, mask: Block) -> (
    mean: [Double], variance: [Double], rows: Int
  ) {
    let perStep = mask.count == 0 ? 0 : x.count / mask.count
    let kept = x.values.indices.filter { mask.values[$0 / max(perStep, 1)] != 0 }
    guard !kept.isEmpty else {
      let zeros = [Double](repeating: 0, count: x.channels)
      return (zeros, zeros, 0)
    }
    let rows = kept.count / x.channels
    let (mean, variance) = moments(Block([rows, x.channels], kept.map { x.values[$0] }))
    return (mean, variance, rows)
  }

  /// The codes of an affine grid, in float arithmetic, halves to even.
  static func codes(_ x: Block, scale: Float, zero: Int, low: Int, high: Int) -> [Int] {
    x.values.map { value in
      let code = (Float(value) / scale).rounded(.toNearestOrEven) + Float(zero)
      return Int(min(max(code, Float(low)), Float(high)))
    }
  }
}
