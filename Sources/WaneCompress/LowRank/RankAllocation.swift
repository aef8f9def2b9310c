import WaneGraph
import WaneNN
import WaneTensor

/// What a model split into low ranks may take.
public enum RankBudget: Sendable, Equatable {
  /// Multiply-accumulate operations for one sample.
  case macs(Int)
  /// So many times fewer of them.
  case macsRatio(Double)
  /// Numbers in all parameters.
  case parameters(Int)

  func validate(_ verb: String) throws {
    switch self {
    case .macs(let count), .parameters(let count):
      guard count > 0 else {
        throw WaneError(verb, "target \(reported.name) must be positive, got \(count)")
      }
    case .macsRatio(let times):
      guard times >= 1, times.isFinite else {
        throw WaneError(verb, "target macs_ratio must be at least 1, got \(times)")
      }
    }
  }

  var reported: (name: String, value: ReportValue) {
    switch self {
    case .macs(let count): ("macs", .number(Double(count)))
    case .macsRatio(let times): ("macs_ratio", .number(times))
    case .parameters(let count): ("parameters", .number(Double(count)))
    }
  }
}

/// Ranks for all layers together: those that change what the model answers least within a budget.
///
/// Each layer alone is put at some ranks and the change of the answers measured on samples; the changes
/// of several layers count as if they added up. Without samples the share of the squared weights that is
/// lost stands for it.
struct RankAllocation {
  private let candidates: [LowRank.Candidate]
  private let model: Graph
  private let verb: String
  private let context: CompressionContext

  /// Ranks that are tried for a layer.
  private static let levels = 10

  init(
    _ candidates: [LowRank.Candidate], in model: Graph, _ verb: String,
    _ context: CompressionContext
  ) {
    self.candidates = candidates
    self.model = model
    self.verb = verb
    self.context = context
  }

  /// How each layer is split; nil where it stays whole.
  ///
  /// - Throws: when the budget is out of reach, samples do not fit, or the user stops.
  func ways(within budget: RankBudget) throws -> [SplitWay?] {
    let isWork: Bool
    let (total, limit): (Int, Int)
    switch budget {
    case .macs(let count): (isWork, total, limit) = (true, model.work, count)
    case .macsRatio(let times):
      (isWork, total, limit) = (true, model.work, Int(Double(model.work) / times))
    case .parameters(let count):
      (isWork, total, limit) = (
        false, model.parameters.reduce(0) { $0.addingClamped($1.shape.count) }, count
      )
    }
    func cost(_ way: SplitWay) -> Int { isWork ? way.work : way.weights }
    func whole(_ geometry: KernelGeometry) -> Int { isWork ? geometry.work : geometry.weights }

    let options = candidates.map { candidate in
      levels(candidate.ways.filter { $0.pays(for: candidate.geometry) }, cost)
    }
    let losses = try self.losses(options)
    let choices = candidates.indices.map { index in
      zip(options[index], losses[index]).map { way, loss in
        LayerAllocation<SplitWay?>.Choice(setting: way, cost: Double(cost(way)), loss: loss)
      } + [.init(setting: nil, cost: Double(whole(candidates[index].geometry)), loss: 0)]
    }
    let others = total - candidates.reduce(0) { $0 + whole($1.geometry) }
    let front = LayerAllocation(choices).front
    guard let best = front.first(where: { Double(others) + $0.cost <= Double(limit) }) else {
      let least = (front.last?.cost ?? 0) + Double(others)
      throw WaneError(
        verb,
        "the target of \(limit) \(isWork ? "MACs" : "parameters") is out of reach: "
          + "\(Int(least)) are left at least")
    }
    return best.settings
  }

  /// Some of the ways, each the best for what it costs, at about even distances.
  private func levels(_ ways: [SplitWay], _ cost: (SplitWay) -> Int) -> [SplitWay] {
    var best: [SplitWay] = []
    for way in ways.sorted(by: { (cost($0), -$0.energy) < (cost($1), -$1.energy) })
    where way.energy > best.last?.energy ?? -1 {
      best.append(way)
    }
    guard best.count > Self.levels, let least = best.first, let most = best.last else {
      return best
    }
    var chosen: [SplitWay] = []
    for step in 0..<Self.levels {
      let share = Double(step) / Double(Self.levels - 1)
      let wanted = Double(cost(least)) + share * Double(cost(most) - cost(least))
      if let way = best.last(where: { Double(cost($0)) <= wanted }),
        chosen.last.map({ cost($0) < cost(way) }) ?? true
      {
        chosen.append(way)
      }
    }
    return chosen
  }

  /// What each layer loses at each of its levels.
  private func losses(_ options: [[SplitWay]]) throws -> [[Double]] {
    guard let samples = context.calibration ?? context.data, samples.count > 0 else {
      return options.map { $0.map { 1 - $0.energy } }
    }
    let sensitivity = try BitSensitivity(model, on: samples, verb, context)
    let total = options.reduce(0) { $0 + $1.count }
    var done = 0
    let losses = try zip(candidates, options).map { candidate, ways in
      try ways.map { way -> Double in
        try context.poll()
        guard let values = try candidate.split(way)?.approximation(way) else { return 0 }
        let kernel = try candidate.kernel.replacing(
          .dense(Tensor(values, candidate.kernel.shape)))
        let loss = try sensitivity.loss(with: kernel)
        done += 1
        context.progress.reportIfWanted(
          Progress(title: "\(verb) ranks", completed: done, total: total))
        return loss.isFinite ? loss : .infinity
      }
    }
    context.progress.finishStage()
    return losses
  }
}
