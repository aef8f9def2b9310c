import WaneGraph
import WaneNN
import WaneTensor

/// Which layers lose how many units, and by what they are judged.
struct PruningPlan {
  let unit: PruningUnit
  let criterion: PruningCriterion
  let layers: [WeightedLayer]
  let groups: [PruningGroup]
  let context: CompressionContext

  /// The same with other groups.
  func with(groups: [PruningGroup]) -> PruningPlan {
    let kernels = Set(groups.flatMap(\.kernels))
    return PruningPlan(
      unit: unit, criterion: criterion, layers: layers.filter { kernels.contains($0.kernel) },
      groups: groups, context: context)
  }

  /// The kernels that lose units.
  var kernels: Set<String> { Set(groups.flatMap(\.kernels)) }

  /// The worth of the units of a model's kernels.
  ///
  /// - Throws: when data do not fit the model, or the user interrupts.
  func worth(in model: Graph) throws -> [String: [Float]] {
    let saliency = try Saliency(
      criterion, of: layers, in: model, context, verb: Pruning.verb)
    return try worth(saliency.scores, model)
  }

  /// The worth of units, from that of weights.
  func worth(_ scores: [String: [Float]], _ model: Graph) throws -> [String: [Float]] {
    var worth: [String: [Float]] = [:]
    for group in groups {
      for member in group.members {
        guard let kernel = model.parameters[member.kernel] else { continue }
        worth[member.kernel] = try self.worth(
          member, scores[member.kernel] ?? [], kernel: kernel.decoded(), model)
      }
    }
    return worth
  }

  /// The worth of the units of one kernel.
  ///
  /// - Parameters:
  ///   - member: the kernel.
  ///   - scores: the worth of its weights.
  ///   - kernel: its weights as they are, zero where they are pruned.
  ///   - model: the model it is in.
  /// - Returns: the worth of each unit.
  /// - Throws: when memory cannot be had.
  func worth(
    _ member: PruningGroup.Member, _ scores: [Float], kernel: Tensor, _ model: Graph
  ) throws -> [Float] {
    let worth = member.units.worth(scores, kernel: kernel, criterion.aggregation)
    if criterion == .lamp { return LayerAdaptiveMagnitude.scores(worth) }
    guard criterion == .normScale, unit == .column,
      let layer = layers.first(where: { $0.kernel == member.kernel }),
      let scale = try model.normalizationScale(after: layer)
    else { return worth }
    return zip(worth, scale).map { $0 == -.infinity ? $0 : $1 }
  }

  /// A model with the least worthy units of each group zero.
  ///
  /// - Parameters:
  ///   - model: the model to prune.
  ///   - worth: the worth of units by kernel.
  ///   - zeros: how many units of a group shall be zero.
  /// - Returns: the model with zeros pinned.
  /// - Throws: when memory cannot be had.
  func prune(
    _ model: Graph, by worth: [String: [Float]], zeros: (PruningGroup) -> Int
  ) throws -> Graph {
    var result = model
    for group in groups where group.isOpen {
      let kept = group.keep(worth, zeros: zeros(group))
      for member in group.members {
        guard let kernel = result.parameters[member.kernel], let kept = kept[member.kernel] else {
          continue
        }
        let keep = try kernel.decoded().with(Float.self) { member.units.spread(kept, $0) }
        try result.set(kernel.pruned(keeping: keep))
      }
    }
    return result
  }
}

extension UnitPartition {
  /// Which weights stay when some units do: those of the units that are not zero.
  func spread(_ kept: [Bool], _ weights: UnsafeBufferPointer<Float>) -> [Bool] {
    weights.indices.map { weights[$0] != 0 && kept[unit($0)] }
  }
}
