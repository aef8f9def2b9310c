/// Numbers put into clusters so that the squared distances from the clusters' means are small
/// (Lloyd, "Least squares quantization in PCM", 1982).
struct Clustering {
  /// The means, smallest first.
  let centroids: [Float]
  /// The sum of squared distances.
  let cost: Double

  /// Rounds after which the means have long stopped moving visibly.
  private static let roundLimit = 300

  /// Finds at most `count` clusters.
  init(_ values: SortedValues, count: Int, initial: CentroidInitializer, seed: UInt64) {
    if let distinct = values.distinct(atMost: count) {
      centroids = distinct
      cost = 0
      return
    }
    var random = SplitMix64(seed: seed)
    var best: (centroids: [Double], cost: Double)?
    for _ in 0..<initial.trials {
      let start = initial.centroids(count, of: values, &random)
      let found = Clustering.settle(start, values)
      if found.cost < best?.cost ?? .infinity { best = found }
    }
    centroids = best?.centroids.map { Float($0) } ?? []
    cost = best?.cost ?? 0
  }

  /// The stretch of values nearest to each point.
  static func cells(_ points: [Double], of values: SortedValues) -> [Range<Int>] {
    var cells: [Range<Int>] = []
    var start = 0
    for (index, point) in points.enumerated() {
      let end =
        index + 1 == points.count
        ? values.values.count : values.firstIndex(above: (point + points[index + 1]) / 2)
      cells.append(start..<max(start, end))
      start = max(start, end)
    }
    return cells
  }

  /// Moves points to the means of their cells until they stay.
  private static func settle(_ start: [Double], _ values: SortedValues) -> (
    centroids: [Double], cost: Double
  ) {
    var points = start
    var cells = self.cells(points, of: values)
    for _ in 0..<roundLimit {
      var moved = points.indices.map { cells[$0].isEmpty ? points[$0] : values.mean(cells[$0]) }
      if let empty = cells.firstIndex(where: \.isEmpty) {
        // A cluster without members halves the cell that costs most.
        let costs = points.indices.map { values.cost(cells[$0], from: moved[$0]) }
        if let worst = costs.indices.max(by: { costs[$0] < costs[$1] }), costs[worst] > 0 {
          moved[empty] = Double(values.values[cells[worst].lowerBound])
        }
        moved.sort()
      }
      if moved == points { break }
      points = moved
      cells = self.cells(points, of: values)
    }
    let cost = points.indices.reduce(0) { $0 + values.cost(cells[$1], from: points[$1]) }
    return (points, cost)
  }
}
