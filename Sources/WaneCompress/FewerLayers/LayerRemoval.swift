import WaneGraph
import WaneNN
import WaneTensor

/// How layers that a model can do without are told.
public enum LayerCriterion: String, CaseIterable, Sendable {
  /// By how alike their result is to their operand: Pearson's correlation coefficient where both have
  /// one shape, linear centred kernel alignment where not (Kornblith et al., 2019).
  case correlation
  /// By how much the loss on data grows without them.
  case cost
}

/// Takes whole layers out: those whose result is like their operand, or without which the loss grows
/// least.
///
/// A layer whose operand has the shape of its result is left out; so is the branch of a sum beside its
/// shortcut. A convolution of another shape is replaced by one of single places, a dense layer before
/// another one by nothing, the next layer reading its operand; what takes their place is fitted by least
/// squares to what they gave. Nothing is replaced by more work.
public struct LayerRemoval: ModelPass {
  public static let verb = "compress"
  /// How layers are told.
  public let criterion: LayerCriterion
  /// The correlation from which a layer goes.
  public let threshold: Double
  /// How many go at most; by correlation all that reach the threshold when nil, by cost one.
  public let count: Int?
  /// The share of the selected layers that goes at most, instead of a count.
  public let ratio: Double?
  /// The layers that may go.
  public let selection: Selection
  /// What the pass is called in messages and its report.
  public var name = LayerRemoval.verb

  /// Samples on which a loss is measured.
  private static let samples = 2048

  /// Creates a pass.
  ///
  /// - Throws: when the threshold is not in [-1, 1], the count not positive, or the ratio not in [0, 1).
  public init(
    _ criterion: LayerCriterion = .correlation, threshold: Double = 0.95, count: Int? = nil,
    ratio: Double? = nil, selection: Selection = .all
  ) throws {
    try LayerLimits.check(threshold: threshold, count: count, Self.verb)
    if let ratio, !(0..<1 ~= ratio) {
      throw WaneError(Self.verb, "ratio must be in [0, 1), got \(ratio)")
    }
    self.criterion = criterion
    self.threshold = threshold
    self.count = count
    self.ratio = ratio
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(name, context, defaults: .init(learningRate: 1e-3))
    guard let data = context.data, data.count > 0 else {
      throw WaneError(name, "layers are judged on samples: give the option 'data'")
    }
    let chosen = try selection.choose(in: model, name)
    let selected = Set(chosen.layers.map(\.path))
    let fit = LayerFit(data: data, context: context, verb: name)
    var report = Report(name, options: reportedOptions)
    var current = model
    var taken = 0
    // A branch is several layers; one that has become a projection does not count again.
    var layersLeft = ratio.map { Int(($0 * Double(selected.count)).rounded(.down)) } ?? .max
    var last: LayerCandidates
    var left: [Judged]
    repeat {
      last = try LayerCandidates(current, selected: selected)
      let small = last.candidates.filter { $0.layers.count <= layersLeft }
      left = try judge(small, current, fit, context)
      guard let best = left.first, isEnough(best), taken < limit, let next = best.model else {
        break
      }
      report.layers += rows(best, current, next)
      current = next
      taken += 1
      layersLeft -= best.candidate.layers.count
    } while true
    report.layers += left.map { row($0, "kept", current, current) }
    let large = last.candidates.filter { $0.layers.count > layersLeft }
    report.skipped =
      chosen.skipped + last.skipped
      + large.map {
        .init($0.path, "\(layersLeft) more may go by the ratio, and it has \($0.layers.count)")
      }
    let tuned = try tune(current)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  private var limit: Int { count ?? (criterion == .cost && ratio == nil ? 1 : .max) }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    [("method", .text("layers")), ("criterion", .text(criterion.rawValue))]
      + (criterion == .correlation && (ratio == nil || threshold > -1)
        ? [("threshold", .number(threshold))] : [])
      + (limit < .max ? [("count", .number(Double(limit)))] : [])
      + (ratio.map { [("ratio", .number($0))] } ?? []) + selection.reported
  }

  /// A candidate and what speaks for it.
  private struct Judged {
    let candidate: LayerCandidate
    /// How alike result and operand are.
    let correlation: Double
    /// The loss before and after.
    var loss: (before: Double, after: Double)?
    /// The model without it, where it is known.
    var model: Graph?
  }

  private func isEnough(_ judged: Judged) -> Bool {
    criterion == .cost || judged.correlation >= threshold
  }

  /// Candidates, the best first; the best with the model without it.
  private func judge(
    _ candidates: [LayerCandidate], _ model: Graph, _ fit: LayerFit, _ context: CompressionContext
  ) throws -> [Judged] {
    guard !candidates.isEmpty else { return [] }
    let values = candidates.flatMap { [$0.operand, $0.result] }
    let alike = try Resemblance(values, in: model, fit.data, context, verb: name)
    var judged = try candidates.enumerated().map { index, candidate in
      Judged(
        candidate: candidate,
        correlation: candidate.isOfOneShape
          ? alike.correlation(2 * index, 2 * index + 1)
          : try alike.alignment(2 * index, 2 * index + 1))
    }
    if criterion == .correlation {
      judged.sort { $0.correlation > $1.correlation }
      if let best = judged.first, isEnough(best) {
        judged[0].model = try best.candidate.removed(from: model, fit)
      }
      return judged
    }
    let before = try loss(model, fit.data, context)
    for index in judged.indices {
      try context.poll()
      guard let without = try judged[index].candidate.removed(from: model, fit) else { continue }
      judged[index].model = without
      judged[index].loss = (before, try loss(without, fit.data, context))
    }
    func cost(_ judged: Judged) -> Double {
      judged.loss.map { $0.after.isNaN ? .infinity : $0.after } ?? .infinity
    }
    return judged.sorted { cost($0) < cost($1) }
  }

  private func loss(_ model: Graph, _ data: Dataset, _ context: CompressionContext) throws -> Double
  {
    let data = context.validation ?? data
    return try Evaluation(
      model, on: data.slice(0..<min(Self.samples, data.count)), context.fineTuning.objective,
      pool: context.pool, poll: context.poll
    ).loss
  }

  /// A row for what goes, and one for each layer of a branch.
  private func rows(_ judged: Judged, _ before: Graph, _ after: Graph) -> [Report.Row] {
    let own = row(judged, judged.candidate.action, before, after)
    let others = judged.candidate.layers.filter { $0 != judged.candidate.path }
    return [own]
      + others.map {
        Report.Row(layer: $0, action: "removed with '\(judged.candidate.path)'", numbers: [])
      }
  }

  private func row(_ judged: Judged, _ action: String, _ before: Graph, _ after: Graph)
    -> Report.Row
  {
    var numbers: [Report.Change] = [.init("correlation", 1, judged.correlation)]
    if let loss = judged.loss { numbers.append(.init("loss", loss.before, loss.after)) }
    if before.work != after.work {
      numbers.append(.init("macs", Double(before.work), Double(after.work)))
    }
    return Report.Row(layer: judged.candidate.path, action: action, numbers: numbers)
  }
}
