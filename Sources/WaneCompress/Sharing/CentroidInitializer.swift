/// Where k-means starts.
public enum CentroidInitializer: String, CaseIterable, Sendable {
  /// At even distances between the smallest and the largest value.
  case linear
  /// With equally many values between neighbours.
  case density
  /// At values drawn at random.
  case random
  /// At values drawn with a probability that grows with the squared distance from those already
  /// drawn (Arthur and Vassilvitskii, "k-means++", 2007); the best of several draws.
  case kMeansPlusPlus = "kmeans++"

  /// How many starts are tried.
  var trials: Int { self == .kMeansPlusPlus ? 8 : 1 }

  /// `count` points to start from, in order; `values` has at least as many different ones.
  func centroids(_ count: Int, of values: SortedValues, _ random: inout SplitMix64) -> [Double] {
    guard let low = values.values.first, let high = values.values.last else { return [] }
    let total = values.values.count
    switch self {
    case .linear:
      let step = (Double(high) - Double(low)) / Double(max(count - 1, 1))
      return (0..<count).map { Double(low) + step * Double($0) }
    case .density:
      return (0..<count).map { Double(values.values[(2 * $0 + 1) * total / (2 * count)]) }
    case .random:
      return (0..<count).map { _ in
        Double(values.values[min(Int(random.nextUnit() * Double(total)), total - 1)])
      }.sorted()
    case .kMeansPlusPlus:
      let first = min(Int(random.nextUnit() * Double(total)), total - 1)
      var chosen = [Double(values.values[first])]
      while chosen.count < count {
        chosen.append(CentroidInitializer.draw(beside: chosen, of: values, &random))
        chosen.sort()
      }
      return chosen
    }
  }

  /// Draws a value with a probability proportional to its squared distance from the nearest point.
  private static func draw(
    beside points: [Double], of values: SortedValues, _ random: inout SplitMix64
  ) -> Double {
    let cells = Clustering.cells(points, of: values)
    let costs = zip(cells, points).map { values.cost($0, from: $1) }
    var target = random.nextUnit() * costs.reduce(0, +)
    for (cell, (point, cost)) in zip(cells, zip(points, costs)) {
      if target >= cost || cell.isEmpty {
        target -= cost
        continue
      }
      // Costs add up along the cell, so the value where they pass the target is found by bisection.
      let position = values.partition(cell) {
        values.cost(cell.lowerBound..<$0 + 1, from: point) > target
      }
      return Double(values.values[min(position, cell.upperBound - 1)])
    }
    return Double(values.values[values.values.count - 1])
  }
}
