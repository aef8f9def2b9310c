/// Ways of giving each layer one of several settings, such as bits or ranks, that no other way beats in
/// both cost and loss.
///
/// Costs and losses add up over layers. The front of the first n layers is made from that of the first
/// n - 1 and the choices of the nth, keeping what is not dominated: dynamic programming that is exact
/// for any real costs. Where a front outgrows `limit`, its range of costs is cut into as many equal parts
/// and the best of each is kept.
struct LayerAllocation<Setting> {
  /// What a layer costs and loses with a setting.
  struct Choice {
    let setting: Setting
    let cost: Double
    let loss: Double
  }

  /// One way for all layers.
  struct Assignment {
    /// That of each layer.
    let settings: [Setting]
    let cost: Double
    let loss: Double
  }

  /// The front, the costliest first.
  let front: [Assignment]

  /// The last step of a way, and the way before it.
  private struct Step {
    let cost: Double
    let loss: Double
    /// None before the first layer.
    let setting: Setting?
    let before: Int
  }

  /// Finds the front of some layers.
  init(_ layers: [[Choice]], limit: Int = 4096) {
    var fronts = [[Step(cost: 0, loss: 0, setting: nil, before: 0)]]
    for choices in layers {
      let last = fronts[fronts.count - 1]
      let steps = last.indices.flatMap { index in
        choices.map { choice in
          Step(
            cost: last[index].cost + choice.cost, loss: last[index].loss + choice.loss,
            setting: choice.setting, before: index)
        }
      }
      fronts.append(Self.thinned(Self.undominated(steps), limit: limit))
    }
    front = (fronts.last ?? []).indices.reversed().map { index in
      var settings: [Setting] = []
      var position = index
      for front in fronts.dropFirst().reversed() {
        if let setting = front[position].setting { settings.append(setting) }
        position = front[position].before
      }
      let end = fronts[fronts.count - 1][index]
      return Assignment(settings: settings.reversed(), cost: end.cost, loss: end.loss)
    }
  }

  /// The cheapest first, each losing less than those before it.
  private static func undominated(_ steps: [Step]) -> [Step] {
    var result: [Step] = []
    for step in steps.sorted(by: { ($0.cost, $0.loss) < ($1.cost, $1.loss) })
    where step.loss < result.last?.loss ?? .infinity {
      result.append(step)
    }
    return result
  }

  private static func thinned(_ steps: [Step], limit: Int) -> [Step] {
    guard steps.count > limit, let least = steps.first?.cost, let most = steps.last?.cost else {
      return steps
    }
    var result: [Step] = []
    var part = -1
    for step in steps {
      let place = Int((step.cost - least) / (most - least) * Double(limit - 1))
      // Later ones of a part lose less; the cheapest of all stays.
      if place == part, result.count > 1 { result.removeLast() }
      result.append(step)
      part = place
    }
    return result
  }
}
