import WaneTensor

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The choice, for each weight, between its two neighbours on a grid, so that what the layer gives
/// differs least from what it is to give.
///
///     E(w) = |X w - y|^2 = w' G w - 2 w' c + const,    G = X' X,  c = X' y      for each column
///
/// X are the rows that the layer sees, y what it gave before rounding. All samples are in G and c, so a
/// step costs the same for any number of them.
struct RoundingProblem {
  /// Rows and columns of the kernel.
  let (height, width): (Int, Int)
  /// G over its mean diagonal, and c over the same, `[height, width]`.
  private let gram: [Float]
  private let target: [Float]
  /// The lower neighbour of each weight, and how far the upper one is; 0 where there is no choice.
  private let low: [Float]
  private let step: [Float]

  /// States a problem.
  ///
  /// - Parameters:
  ///   - gram: X' X, `[height, height]`.
  ///   - target: X' y, `[height, width]`.
  ///   - low: the lower neighbours.
  ///   - step: how far the upper ones are.
  ///   - height: rows of the kernel.
  ///   - width: columns of the kernel.
  init(gram: [Float], target: [Float], low: [Float], step: [Float], height: Int, width: Int) {
    let mean =
      height > 0 ? (0..<height).reduce(0) { $0 + gram[$1 * height + $1] } / Float(height) : 0
    let factor = mean.isNormal ? 1 / mean : 0
    self.gram = gram.map { $0 * factor }
    self.target = target.map { $0 * factor }
    self.low = low
    self.step = step
    self.height = height
    self.width = width
  }

  /// The error of choices (0 for the lower neighbour, 1 for the upper one) without its constant, in
  /// units of the mean diagonal of G.
  func error(_ choices: [Float]) -> Double {
    var error = 0.0
    for column in 0..<width {
      let weights = (0..<height).map { weight($0 * width + column, choices) }
      for row in 0..<height {
        var product: Float = 0
        for other in 0..<height { product += gram[row * height + other] * weights[other] }
        error += Double(weights[row] * (product - 2 * target[row * width + column]))
      }
    }
    return error
  }

  private func weight(_ index: Int, _ choices: [Float]) -> Float {
    low[index] + step[index] * choices[index]
  }

  /// Adaptive rounding (Nagel et al., "Up or down? Adaptive rounding for post-training quantization",
  /// 2020).
  ///
  /// Choices are relaxed to
  ///
  ///     h(v) = clip(1.2 sigmoid(v) - 0.1, 0, 1)
  ///     minimize E(low + step h(v)) + lambda sum of 1 - |2 h(v) - 1|^beta
  ///
  /// by Adam, beta falling from 20 to 2, so that each ends at 0 or 1. Single choices are then turned
  /// as long as that lowers the error. Errors are in units of the squared step, so that `lambda` suits
  /// every layer.
  ///
  /// - Parameters:
  ///   - nearest: where weights lie between their neighbours, in 0...1.
  ///   - iterations: steps of Adam.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the better of what was found and the nearest choices, these improved likewise.
  /// - Throws: when memory cannot be had, or the user stops.
  func solve(from nearest: [Float], iterations: Int, poll: () throws -> Void) throws -> [Float] {
    let rounded = improved(nearest.map { $0 > 0.5 ? 1 : 0 })
    guard iterations > 0 else { return rounded }
    let relaxed = try relaxed(from: nearest, iterations: iterations, poll: poll)
    let adapted = improved(relaxed.map { $0 >= 0.5 ? 1 : 0 })
    // Columns are independent of each other.
    var result = rounded
    let (before, after) = (columnErrors(rounded), columnErrors(adapted))
    for column in 0..<width where after[column] < before[column] {
      for row in 0..<height { result[row * width + column] = adapted[row * width + column] }
    }
    return result
  }

  /// Where the relaxed choice may lie beyond 0 and 1 before it is clipped.
  private static let (stretchLow, stretchHigh): (Float, Float) = (-0.1, 1.1)
  private static let lambda: Float = 0.01
  private static let learningRate: Float = 0.02
  /// The share of steps before choices are pushed to 0 and 1.
  private static let warmUp = 0.2

  private func relaxed(from nearest: [Float], iterations: Int, poll: () throws -> Void) throws
    -> [Float]
  {
    let count = height * width
    let span = Self.stretchHigh - Self.stretchLow
    var v = nearest.map { part -> Float in
      let inside = (min(max(part, 0.001), 0.999) - Self.stretchLow) / span
      return -log(1 / inside - 1)
    }
    var choices = v
    var (first, second) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    let gramTensor = try Tensor(gram, Shape([height, height]))
    let scales = columnScales()
    var (decay1, decay2): (Float, Float) = (1, 1)
    for iteration in 0..<iterations {
      if iteration % 16 == 0 { try poll() }
      var sigmoid = v
      for index in 0..<count {
        sigmoid[index] = 1 / (1 + exp(-v[index]))
        choices[index] = min(max(sigmoid[index] * span + Self.stretchLow, 0), 1)
      }
      let weights = choices.indices.map { weight($0, choices) }
      let product = try gramTensor.matrixProduct(Tensor(weights, Shape([height, width])))
      let progress = Double(iteration) / Double(iterations)
      let beta: Float? =
        progress < Self.warmUp
        ? nil : Float(2 + 18 * (1 - (progress - Self.warmUp) / (1 - Self.warmUp)))
      decay1 *= 0.9
      decay2 *= 0.999
      let (correction1, correction2) = (1 / (1 - decay1), 1 / (1 - decay2))
      product.with(Float.self) { product in
        for index in 0..<count where step[index] > 0 {
          let unit = scales[index % width]
          var slope = 2 * step[index] * (product[index] - target[index]) * unit
          if let beta {
            let side = 2 * choices[index] - 1
            let power = pow(abs(side), beta - 1)
            slope -= Self.lambda * 2 * beta * (side < 0 ? -power : power)
          }
          let isInside = choices[index] > 0 && choices[index] < 1
          let gradient = isInside ? slope * span * sigmoid[index] * (1 - sigmoid[index]) : 0
          first[index] = 0.9 * first[index] + 0.1 * gradient
          second[index] = 0.999 * second[index] + 0.001 * gradient * gradient
          v[index] -=
            Self.learningRate * first[index] * correction1
            / ((second[index] * correction2).squareRoot() + 1e-8)
        }
      }
    }
    return choices
  }

  /// One over the mean squared step of each column.
  private func columnScales() -> [Float] {
    (0..<width).map { column in
      let squares = (0..<height).map { step[$0 * width + column] * step[$0 * width + column] }
      let mean = squares.reduce(0, +) / Float(max(height, 1))
      return mean.isNormal ? 1 / mean : 0
    }
  }

  /// Passes over all choices of a column; almost always fewer are enough.
  private static let mostPasses = 20
  /// Rows up to which pairs are tried, too: their number grows with the square.
  private static let mostPairedRows = 2048

  /// Turns single choices, and then pairs, as long as the error falls.
  ///
  /// Turning choice k by d changes the error by `2 d (G w - c)[k] + d^2 G[k, k]`; of two, the changes add
  /// up, and `2 d e G[k, l]` besides.
  func improved(_ choices: [Float]) -> [Float] {
    var choices = choices
    for column in 0..<width {
      var slopes = residuals(choices, column)
      for _ in 0..<Self.mostPasses {
        while turnSingles(&choices, &slopes, column) {}
        guard height <= Self.mostPairedRows, turnPairs(&choices, &slopes, column) else { break }
      }
    }
    return choices
  }

  /// How a choice would move its weight.
  private func change(_ index: Int, _ choices: [Float]) -> Float {
    choices[index] > 0.5 ? -step[index] : step[index]
  }

  private func turn(_ row: Int, _ column: Int, _ choices: inout [Float], _ slopes: inout [Float]) {
    let index = row * width + column
    let change = change(index, choices)
    choices[index] = 1 - choices[index]
    gram.withUnsafeBufferPointer { gram in
      for other in 0..<height { slopes[other] += change * gram[row * height + other] }
    }
  }

  /// Goes over a column once; whether anything was turned.
  private func turnSingles(_ choices: inout [Float], _ slopes: inout [Float], _ column: Int) -> Bool
  {
    var turned = false
    for row in 0..<height where step[row * width + column] > 0 {
      let change = change(row * width + column, choices)
      let diagonal = gram[row * height + row]
      // Not for what rounding of floats may make of nothing.
      guard change * (2 * slopes[row] + change * diagonal) < -1e-4 * change * change * diagonal
      else { continue }
      turn(row, column, &choices, &slopes)
      turned = true
    }
    return turned
  }

  /// Turns the best partner of each choice together with it, where both together gain.
  private func turnPairs(_ choices: inout [Float], _ slopes: inout [Float], _ column: Int) -> Bool {
    var turned = false
    var changes = (0..<height).map { change($0 * width + column, choices) }
    for row in 0..<height where changes[row] > 0 || changes[row] < 0 {
      let own = changes[row]
      let gain = own * (2 * slopes[row] + own * gram[row * height + row])
      var best = (gain: -1e-4 * own * own * gram[row * height + row], row: row)
      for other in (row + 1)..<max(height, row + 1) {
        let change = changes[other]
        let total =
          gain + change
          * (2 * slopes[other] + change * gram[other * height + other]
            + 2 * own * gram[row * height + other])
        if total < best.gain, change != 0 { best = (total, other) }
      }
      guard best.row != row else { continue }
      for member in [row, best.row] {
        turn(member, column, &choices, &slopes)
        changes[member] = -changes[member]
      }
      turned = true
    }
    return turned
  }

  private func residuals(_ choices: [Float], _ column: Int) -> [Float] {
    var slopes = (0..<height).map { -target[$0 * width + column] }
    gram.withUnsafeBufferPointer { gram in
      for row in 0..<height {
        let weight = weight(row * width + column, choices)
        for other in 0..<height { slopes[other] += weight * gram[row * height + other] }
      }
    }
    return slopes
  }

  private func columnErrors(_ choices: [Float]) -> [Double] {
    (0..<width).map { column in
      let slopes = residuals(choices, column)
      return (0..<height).reduce(0.0) { sum, row in
        let weight = weight(row * width + column, choices)
        return sum + Double(weight * (slopes[row] - target[row * width + column]))
      }
    }
  }
}
