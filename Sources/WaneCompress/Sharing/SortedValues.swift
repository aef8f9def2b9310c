/// Numbers in order, with running sums: the mean and the squared distances of any stretch of them take
/// no loop, so a round of k-means costs k binary searches however many numbers there are.
struct SortedValues {
  /// The numbers, smallest first.
  let values: [Float]
  private let sums: [Double]
  private let squares: [Double]
  // Sums are of differences from the mean, lest squares cancel.
  private let origin: Double

  init(_ unordered: [Float]) {
    values = unordered.sorted()
    var total = 0.0
    for value in values { total += Double(value) }
    let origin = values.isEmpty ? 0 : total / Double(values.count)
    var (sum, square) = (0.0, 0.0)
    var sums = [0.0]
    var squares = [0.0]
    sums.reserveCapacity(values.count + 1)
    squares.reserveCapacity(values.count + 1)
    for value in values {
      let difference = Double(value) - origin
      sum += difference
      square += difference * difference
      sums.append(sum)
      squares.append(square)
    }
    self.origin = origin
    self.sums = sums
    self.squares = squares
  }

  /// The mean of a stretch that is not empty.
  func mean(_ range: Range<Int>) -> Double {
    origin + (sums[range.upperBound] - sums[range.lowerBound]) / Double(range.count)
  }

  /// The sum of squared distances from a point.
  func cost(_ range: Range<Int>, from point: Double) -> Double {
    let center = point - origin
    let sum = sums[range.upperBound] - sums[range.lowerBound]
    let square = squares[range.upperBound] - squares[range.lowerBound]
    return max(0, square - 2 * center * sum + Double(range.count) * center * center)
  }

  /// The position of the first number above a bound.
  func firstIndex(above bound: Double) -> Int {
    partition(0..<values.count) { Double(values[$0]) > bound }
  }

  /// The first position for which a condition holds that holds for all after it.
  func partition(_ range: Range<Int>, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The numbers without repetition, unless there are more than `limit`.
  func distinct(atMost limit: Int) -> [Float]? {
    var distinct: [Float] = []
    for value in values where distinct.last != value {
      guard distinct.count < limit else { return nil }
      distinct.append(value)
    }
    return distinct
  }
}
