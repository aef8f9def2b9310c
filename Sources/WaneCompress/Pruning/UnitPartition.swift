import WaneTensor

/// How the weights of a kernel fall into units.
struct UnitPartition: Sendable {
  /// The number of units.
  let count: Int
  /// The unit of each weight; nil when each is one.
  private let units: [Int]?
  /// The group of each weight, of which all but `keeping` go; nil unless the unit is a pattern.
  private let groups: [Int]?
  /// How many weights of a group stay.
  private let keeping: Int
  /// The number of weights in each unit.
  private let sizes: [Int]

  init(_ unit: PruningUnit, _ matrix: KernelMatrix) {
    var units: [Int]?
    var groups: [Int]?
    var (count, keeping) = (matrix.count, 0)
    let all = 0..<matrix.count
    switch unit {
    case .weight: break
    case .row: (count, units) = (matrix.rows, all.map(matrix.row))
    case .column: (count, units) = (matrix.columns, all.map(matrix.column))
    case .block(let rows, let columns):
      let across = (matrix.columns - 1) / columns + 1
      count = ((matrix.rows - 1) / rows + 1) * across
      units = all.map { matrix.row($0) / rows * across + matrix.column($0) / columns }
    case .pattern(let kept, let size):
      keeping = kept
      let down = (matrix.rows - 1) / size + 1
      groups = all.map { matrix.column($0) * down + matrix.row($0) / size }
    }
    self.count = count
    self.units = units
    self.groups = groups
    self.keeping = keeping
    var sizes: [Int] = []
    if let units {
      sizes = [Int](repeating: 0, count: count)
      for unit in units { sizes[unit] += 1 }
    }
    self.sizes = sizes
  }

  /// The unit of a weight.
  func unit(_ index: Int) -> Int { units?[index] ?? index }

  /// The worth of each unit, from that of its weights; that of one that is wholly zero is the least
  /// there is.
  ///
  /// Zero weights add nothing, whatever they are worth.
  func worth(
    _ scores: [Float], kernel: Tensor, _ aggregation: PruningCriterion.Aggregation
  ) -> [Float] {
    kernel.with(Float.self) { weights in
      guard let units else {
        return zip(weights, scores).map { $0 == 0 ? -.infinity : $1 }
      }
      var (sums, alive) = (
        [Double](repeating: 0, count: count), [Int](repeating: 0, count: count)
      )
      for (index, unit) in units.enumerated() where weights[index] != 0 {
        let score = Double(scores[index])
        switch aggregation {
        case .sum, .mean: sums[unit] += score
        case .norm: sums[unit] += score * score
        case .first: if alive[unit] == 0 { sums[unit] = score }
        }
        alive[unit] += 1
      }
      return (0..<count).map { unit in
        guard alive[unit] > 0 else { return -.infinity }
        return switch aggregation {
        case .sum, .first: Float(sums[unit])
        case .mean: Float(sums[unit] / Double(sizes[unit]))
        case .norm: Float(sums[unit].squareRoot())
        }
      }
    }
  }

  /// The units that stay whatever they are worth, because too much of their group would be gone.
  ///
  /// - Parameters:
  ///   - keys: the order of the units.
  ///   - isAlive: whether the unit of a key is not zero yet.
  /// - Returns: the units, counted from 0.
  func protected(_ keys: ArraySlice<UInt64>, isAlive: (UInt64) -> Bool) -> [Int] {
    guard let groups else { return [] }
    var members: [Int: [Int]] = [:]
    for (index, group) in groups.enumerated() where isAlive(keys[keys.startIndex + index]) {
      members[group, default: []].append(index)
    }
    return members.values.flatMap { list in
      list.sorted { keys[keys.startIndex + $0] > keys[keys.startIndex + $1] }.prefix(keeping)
    }
  }

  /// How many units are zero when a pattern is complete, those that are already among them; nil when
  /// the unit is no pattern.
  func patternZeros(_ isZero: (Int) -> Bool) -> Int? {
    guard let groups else { return nil }
    var members: [Int: (count: Int, zeros: Int)] = [:]
    for (index, group) in groups.enumerated() {
      members[group, default: (0, 0)].count += 1
      if isZero(index) { members[group, default: (0, 0)].zeros += 1 }
    }
    return members.values.reduce(0) { $0 + max($1.count - keeping, $1.zeros) }
  }

  /// The number of units without a weight that is not zero.
  func zeros(_ isZero: (Int) -> Bool) -> Int {
    var isDead = [Bool](repeating: true, count: count)
    for index in 0..<(units?.count ?? count) where !isZero(index) { isDead[unit(index)] = false }
    return isDead.reduce(0) { $0 + ($1 ? 1 : 0) }
  }
}
