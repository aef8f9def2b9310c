/// Weights in ascending order, so that sums over what a grid makes of them take a few steps for each
/// point of the grid.
struct SortedWeights {
  /// What the rounding `w -> scale code` adds up to.
  struct Sums {
    /// Of codes times weights.
    var product = 0.0
    /// Of codes.
    var code = 0.0
    /// Of squared codes.
    var square = 0.0
  }

  /// The weights.
  let values: [Float]
  /// How many there are from each on; of several kinds of weights their users.
  private let counts: [Double]
  /// The sums from each on.
  private let sums: [Double]
  /// The sum of their squares.
  let square: Double

  /// The sum of all.
  var sum: Double { sums[0] }

  /// Sorts some weights.
  ///
  /// - Parameters:
  ///   - weights: the weights.
  ///   - users: how often each counts; once when nil.
  init(_ weights: [Float], users: [Float]? = nil) {
    let order = users == nil ? [] : weights.indices.sorted { weights[$0] < weights[$1] }
    values = users == nil ? weights.sorted() : order.map { weights[$0] }
    var counts = [Double](repeating: 0, count: values.count + 1)
    var sums = counts
    var square = 0.0
    for index in values.indices.reversed() {
      let count = users.map { Double($0[order[index]]) } ?? 1
      let value = Double(values[index])
      counts[index] = counts[index + 1] + count
      sums[index] = sums[index + 1] + count * value
      square += count * value * value
    }
    self.counts = counts
    self.sums = sums
    self.square = square
  }

  /// Sums over the nearest codes among some.
  ///
  /// Each code is the least one and a step at every boundary between codes that lies below its weight.
  func sums(scale: Double, codes: ClosedRange<Int>) -> Sums {
    let least = Double(codes.lowerBound)
    var result = Sums(
      product: least * sums[0], code: least * counts[0], square: least * least * counts[0])
    var place = 0
    for code in codes.dropFirst() {
      place = firstIndex(from: place, notBelow: Float((Double(code) - 0.5) * scale))
      guard place < values.count else { break }
      result.product += sums[place]
      result.code += counts[place]
      result.square += Double(2 * code - 1) * counts[place]
    }
    return result
  }

  /// The first place from `start` on whose weight is at least `bound`: in steps that double, and then
  /// by bisection.
  private func firstIndex(from start: Int, notBelow bound: Float) -> Int {
    var (low, step) = (start, 1)
    while low + step <= values.count, values[low + step - 1] < bound {
      low += step
      step *= 2
    }
    var high = min(low + step - 1, values.count)
    while low < high {
      let middle = (low + high) / 2
      if values[middle] < bound { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
