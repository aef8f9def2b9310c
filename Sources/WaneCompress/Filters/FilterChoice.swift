import WaneGraph

/// Which channels go when a share of them shall.
struct FilterChoice {
  /// A family that may lose channels.
  struct Candidate {
    let family: ChannelFamily
    let scores: [ChannelGraph.Channel: Double]
    /// The share it loses, where that differs from the others'.
    let ratio: Double?
    /// Filters of its first layer a channel: more than one where several go as one, such as in heads.
    let filtersPerChannel: Int
  }

  /// Among which filters the least important are looked for.
  let scope: FilterScope
  /// A number that the number of filters left is a multiple of, where there are as many.
  let multiple: Int
  /// How many filters stay at least.
  let least: Int
  /// Whether scores of families are measured against their means before they compete.
  let normalizes: Bool
  /// Channels of which one at least stays.
  let parts: [Set<ChannelGraph.Channel>]

  /// The channels to remove.
  ///
  /// - Parameters:
  ///   - candidates: the families.
  ///   - ratio: the share of channels that goes, where a family has none of its own.
  /// - Returns: channels of all families.
  func removed(_ candidates: [Candidate], ratio: Double) -> Set<ChannelGraph.Channel> {
    let orders = candidates.map(order)
    let counts =
      scope == .layer
      ? zip(candidates, orders).map { candidate, order in
        Int(((candidate.ratio ?? ratio) * Double(order.count)).rounded())
      } : globalCounts(candidates, orders, ratio)
    var removed = Set<ChannelGraph.Channel>()
    // How many channels each part still has, and what parts a channel belongs to.
    var remaining = parts.map(\.count)
    var places: [ChannelGraph.Channel: [Int]] = [:]
    for (index, part) in parts.enumerated() {
      for channel in part { places[channel, default: []].append(index) }
    }
    for (index, candidate) in candidates.enumerated() {
      var left = allowed(counts[index], candidate)
      for channel in orders[index] where left > 0 {
        let own = places[channel] ?? []
        if own.contains(where: { remaining[$0] <= 1 }) { continue }
        for part in own { remaining[part] -= 1 }
        removed.insert(channel)
        left -= 1
      }
    }
    return removed
  }

  /// The channels of a family, the least important first, of equals the first first.
  private func order(_ candidate: Candidate) -> [ChannelGraph.Channel] {
    candidate.scores.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }

  /// How many of the `wanted` channels may go, so that the rest is enough and a useful multiple.
  private func allowed(_ wanted: Int, _ candidate: Candidate) -> Int {
    let count = candidate.scores.count
    let size = max(candidate.filtersPerChannel, 1)
    let step = multiple / FilterChoice.greatestDivisor(multiple, size)
    let least = max(1, (self.least + size - 1) / size)
    let kept = max(count - max(wanted, 0), least)
    return max(count - (kept + step - 1) / step * step, 0)
  }

  private static func greatestDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return max(a, 1)
  }

  /// How many channels each family loses when the least important of all go.
  private func globalCounts(
    _ candidates: [Candidate], _ orders: [[ChannelGraph.Channel]], _ ratio: Double
  ) -> [Int] {
    var counts = [Int](repeating: 0, count: candidates.count)
    var competing: [(score: Double, family: Int)] = []
    for (index, candidate) in candidates.enumerated() {
      if let own = candidate.ratio {
        counts[index] = Int((own * Double(orders[index].count)).rounded())
        continue
      }
      let mean = candidate.scores.values.sorted().reduce(0, +) / Double(orders[index].count)
      let unit = normalizes && mean > 0 && mean.isFinite ? mean : 1
      // The most important one of a family does not compete: it stays.
      for channel in orders[index].dropLast() {
        competing.append(((candidate.scores[channel] ?? 0) / unit, index))
      }
    }
    let total = candidates.reduce(0) { $0 + ($1.ratio == nil ? $1.scores.count : 0) }
    competing.sort { ($0.score, $0.family) < ($1.score, $1.family) }
    for entry in competing.prefix(Int((ratio * Double(total)).rounded())) {
      counts[entry.family] += 1
    }
    return counts
  }
}
