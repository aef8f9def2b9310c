import WaneGraph
import WaneTensor

/// How the filters of a teacher's layer are divided among those of a student's.
enum FilterAllotment {
  /// One each: those of the largest Euclidean length, in the teacher's order.
  case slice
  /// All of them, in groups of alike filters around the longest ones (k-means, Lloyd, 1982).
  case average
  /// One each: that which is most like the student's own, by the cosine of the angle between them.
  case match

  /// What a report says of it.
  var took: String {
    switch self {
    case .slice: "the longest"
    case .average: "means of"
    case .match: "the best matching"
    }
  }

  /// For each of `count` filters the teacher's filters that it becomes; none for what is left over.
  ///
  /// - Parameters:
  ///   - count: the number of the student's filters.
  ///   - source: the teacher's kernel; its last axis counts filters.
  ///   - target: the student's kernel.
  ///   - handing: gives the student's kernel for such a choice.
  /// - Returns: one list of positions a filter.
  /// - Throws: when memory cannot be had.
  func choose(
    _ count: Int, of source: Parameter, for target: Parameter,
    handing: ([[Int]]) throws -> Tensor
  ) throws -> [[Int]] {
    let scores = try KernelMeasure.l2.scores(source)
    let ranked = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    let chosen = ranked.prefix(count).sorted()
    let left = [[Int]](repeating: [], count: count - chosen.count)
    switch self {
    case .slice: return chosen.map { [$0] } + left
    case .average:
      return try FilterAllotment.groups(FilterAllotment.columns(source.decoded()), around: chosen)
        + left
    case .match:
      let own = FilterAllotment.columns(try target.decoded())
      // What each of the teacher's filters would be in the student, whose window and inputs differ.
      var theirs: [[Float]] = []
      for start in stride(from: 0, to: scores.count, by: count) {
        let part = (start..<start + count).map { $0 < scores.count ? [$0] : [] }
        theirs += FilterAllotment.columns(try handing(part)).prefix(scores.count - start)
      }
      return FilterAllotment.matches(own, theirs)
    }
  }

  /// The filters of a kernel, one array each.
  private static func columns(_ kernel: Tensor) -> [[Float]] {
    let count = max(kernel.shape.dimensions.last ?? 1, 1)
    return kernel.with(Float.self) { values in
      (0..<count).map { column in
        stride(from: column, to: values.count, by: count).map { values[$0] }
      }
    }
  }

  private static func groups(_ filters: [[Float]], around first: [Int]) -> [[Int]] {
    var centres = first.map { filters[$0] }
    var groups: [[Int]] = []
    for _ in 0..<20 {
      var next = [[Int]](repeating: [], count: centres.count)
      for (index, filter) in filters.enumerated() {
        let distances = centres.map { distance(filter, $0) }
        if let nearest = distances.indices.min(by: { distances[$0] < distances[$1] }) {
          next[nearest].append(index)
        }
      }
      // A group that has lost all its filters keeps the one it began with.
      for (group, members) in next.enumerated() where members.isEmpty {
        next[group] = [first[group]]
      }
      if next == groups { break }
      groups = next
      centres = groups.map { mean($0.map { filters[$0] }) }
    }
    return groups
  }

  /// Pairs, the most alike first; each filter is used once.
  private static func matches(_ mine: [[Float]], _ theirs: [[Float]]) -> [[Int]] {
    var pairs: [(cosine: Float, mine: Int, theirs: Int)] = []
    for (row, a) in mine.enumerated() {
      for (column, b) in theirs.enumerated() { pairs.append((cosine(a, b), row, column)) }
    }
    pairs.sort { ($1.cosine, $0.mine, $0.theirs) < ($0.cosine, $1.mine, $1.theirs) }
    var result = [[Int]](repeating: [], count: mine.count)
    var used = Set<Int>()
    for pair in pairs where result[pair.mine].isEmpty && !used.contains(pair.theirs) {
      result[pair.mine] = [pair.theirs]
      used.insert(pair.theirs)
    }
    return result
  }

  private static func distance(_ a: [Float], _ b: [Float]) -> Float {
    var sum: Float = 0
    for index in a.indices { sum += (a[index] - b[index]) * (a[index] - b[index]) }
    return sum
  }

  private static func mean(_ filters: [[Float]]) -> [Float] {
    var sum = [Float](repeating: 0, count: filters.first?.count ?? 0)
    for filter in filters { for index in sum.indices { sum[index] += filter[index] } }
    return sum.map { $0 / Float(filters.count) }
  }

  /// The cosine of the angle between two filters; 0 where one has no length.
  private static func cosine(_ a: [Float], _ b: [Float]) -> Float {
    var (product, first, second): (Float, Float, Float) = (0, 0, 0)
    for index in a.indices {
      product += a[index] * b[index]
      first += a[index] * a[index]
      second += b[index] * b[index]
    }
    let length = (first * second).squareRoot()
    return length > 0 ? product / length : 0
  }
}
