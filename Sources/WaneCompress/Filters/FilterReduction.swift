import WaneGraph
import WaneNN
import WaneTensor

/// Makes layers narrower: the least important filters of convolutions and units of dense and recurrent
/// layers are taken out, together with everything that only they feed.
///
/// Layers whose results are added have to lose the same channels; their importance is added. What a
/// channel that is taken out always was, or on data was on the mean, goes into the bias of the layers
/// that read it, where their windows lie inside the image; else the rest is computed as if the channel
/// had been zero. Normalizations over channels use the statistics of those that stay.
public struct FilterReduction: ModelPass {
  public static let verb = "compress"

  /// How much is taken out.
  public enum Amount: Sendable, Equatable {
    /// A share of the filters.
    case ratio(Double)
    /// As much as it takes to be left with so many multiply-accumulate operations.
    case macs(Int)
    /// As much as it takes for so many times fewer of them.
    case macsRatio(Double)
  }

  /// How much is taken out.
  public let amount: Amount
  /// Shares of layers that differ.
  public let ratios: [(layers: String, ratio: Double)]
  /// What a filter is worth.
  public let criterion: FilterCriterion
  /// Among which filters the least important are looked for.
  public let scope: FilterScope
  /// The numbers of filters left are multiples of this, where there are as many.
  public let multiple: Int
  /// How many filters of a layer stay at least.
  public let least: Int
  /// Whether the weights left are fitted to what the layers gave before; nil as the criterion has it.
  public let refits: Bool?
  /// The layers that are treated.
  public let selection: Selection
  /// What the pass is called in messages and its report.
  public let name: String

  /// Creates a pass that takes a share of the filters out of each layer, at most all but one.
  ///
  /// - Throws: when a ratio is not in [0, 1).
  public init(
    ratio: Double, criterion: FilterCriterion = .l2,
    ratios: [(layers: String, ratio: Double)] = [], selection: Selection = .all
  ) throws {
    try self.init(.ratio(ratio), criterion: criterion, ratios: ratios, selection: selection)
  }

  /// Creates a pass.
  ///
  /// - Parameters:
  ///   - amount: how much is taken out.
  ///   - criterion: what a filter is worth.
  ///   - ratios: shares of layers that differ.
  ///   - scope: among which filters the least important are looked for.
  ///   - multiple: the numbers of filters left are multiples of this, where there are as many.
  ///   - least: how many filters of a layer stay at least.
  ///   - refits: whether the weights left are fitted to what the layers gave before; as the criterion
  ///     has it by default.
  ///   - selection: the layers that are treated.
  ///   - name: what the pass is called in messages and its report.
  /// - Throws: when a number is out of range.
  public init(
    _ amount: Amount, criterion: FilterCriterion = .l2,
    ratios: [(layers: String, ratio: Double)] = [], scope: FilterScope = .layer, multiple: Int = 1,
    least: Int = 1, refits: Bool? = nil, selection: Selection = .all, name: String = verb
  ) throws {
    var shares = ratios.map(\.ratio)
    switch amount {
    case .ratio(let ratio): shares.append(ratio)
    case .macs(let macs):
      guard macs > 0 else {
        throw WaneError(name, "target macs must be positive, got \(macs)")
      }
    case .macsRatio(let times):
      guard times >= 1, times.isFinite else {
        throw WaneError(name, "target macs_ratio must be at least 1, got \(times)")
      }
    }
    for ratio in shares {
      guard ratio >= 0, ratio < 1 else {
        throw WaneError(name, "ratio must be in [0, 1), got \(ratio)")
      }
    }
    for (option, value) in [("round_to", multiple), ("min_filters", least)] {
      guard (1...1 << 20).contains(value) else {
        throw WaneError(name, "\(option) must be in 1..\(1 << 20), got \(value)")
      }
    }
    self.amount = amount
    self.ratios = ratios
    self.criterion = criterion
    self.scope = scope
    self.multiple = multiple
    self.least = least
    self.refits = refits
    self.name = name
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(name, context, defaults: .init(learningRate: 2e-3))
    if criterion.needsData { _ = try FilterScores.data(criterion, context, name) }
    guard refits != true || context.data != nil else {
      throw WaneError(name, "fitting the weights needs the option 'data'")
    }
    let chosen = try selection.choose(in: model, name)
    var report = Report(name, options: reportedOptions)
    report.skipped = chosen.skipped
    let channels = ChannelGraph(model)
    let candidates = try candidates(channels, chosen.layers, context, &report)
    let (removed, ratio) = try choose(candidates, channels)
    if case .ratio = amount {} else { report.options.append(("ratio", .number(ratio))) }
    let narrowed = try narrow(channels, removed, context)
    for layer in chosen.layers where !report.skipped.contains(where: { $0.layer == layer.label }) {
      report.layers.append(row(layer, model, narrowed.model))
    }
    let tuned = try tune(narrowed.model)
    report.history = tuned.history
    return PassResult(tuned.model, report, kept: narrowed.kept)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    var options: [(name: String, value: ReportValue)] = [("method", .text("filters"))]
    switch amount {
    case .ratio(let ratio): options.append(("ratio", .number(ratio)))
    case .macs(let macs): options.append(("macs", .number(Double(macs))))
    case .macsRatio(let times): options.append(("macs_ratio", .number(times)))
    }
    if !ratios.isEmpty {
      options.append(
        ("ratios", .pairs(ratios.map { .init(layers: $0.layers, value: $0.ratio) })))
    }
    options.append(("criterion", .text(criterion.rawValue)))
    options.append(("scope", .text(scope.rawValue)))
    if multiple > 1 { options.append(("round_to", .number(Double(multiple)))) }
    if least > 1 { options.append(("min_filters", .number(Double(least)))) }
    return options + selection.reported
  }

  /// The families that may lose channels, scored; reasons why others may not go into the report.
  private func candidates(
    _ channels: ChannelGraph, _ layers: [WeightedLayer], _ context: CompressionContext,
    _ report: inout Report
  ) throws -> [FilterChoice.Candidate] {
    let ratios = try LayerNames(channels.model).assign(
      self.ratios.map { (layers: $0.layers, value: $0.ratio) }, "ratios", name)
    let selected = Set(layers.map(\.path))
    var families: [ChannelFamily] = []
    func skip(_ family: ChannelFamily, _ reason: String) {
      report.skipped += family.layers.filter { selected.contains($0.path) }
        .map { Report.Skipped($0.label, reason) }
    }
    for family in channels.families()
    where family.layers.contains(where: { selected.contains($0.path) }) {
      if let reason = channels.obstacle(family, selected: selected) {
        skip(family, reason)
      } else {
        families.append(family)
      }
    }
    let scores = try FilterScores(criterion, families, channels, context, verb: name)
    return try families.indices.compactMap { index in
      let family = families[index]
      if let reason = scores.obstacles[index] {
        skip(family, reason)
        return nil
      }
      return FilterChoice.Candidate(
        family: family, scores: scores.families[index], ratio: try ratio(of: family, ratios),
        filtersPerChannel: channels.filters(of: family.layers[0]).count
          / max(family.channels.count, 1))
    }
  }

  private func ratio(of family: ChannelFamily, _ ratios: [String: Double]) throws -> Double? {
    let layers = family.layers
    let wanted = layers.map { ratios[$0.path] }
    if let index = wanted.firstIndex(where: { $0 != wanted[0] }) {
      func text(_ ratio: Double?) -> String { ratio.map { "\($0)" } ?? defaultRatio }
      throw WaneError(
        name,
        "'\(layers[0].path)' and '\(layers[index].path)' share their channels and cannot "
          + "have the ratios \(text(wanted[0])) and \(text(wanted[index]))")
    }
    return wanted[0]
  }

  private var defaultRatio: String {
    if case .ratio(let ratio) = amount { "\(ratio)" } else { "of the target" }
  }

  /// The channels to remove, and the share of them where a target is to be reached.
  private func choose(_ candidates: [FilterChoice.Candidate], _ channels: ChannelGraph) throws -> (
    removed: Set<ChannelGraph.Channel>, ratio: Double
  ) {
    let choice = FilterChoice(
      scope: scope, multiple: multiple, least: least, normalizes: !criterion.isComparable,
      parts: channels.parts.map { Set($0.map(channels.root)) }
        + candidates.flatMap(\.family.layers).map { Set(channels.filters(of: $0)) })
    let limit: Int
    switch amount {
    case .ratio(let ratio): return (choice.removed(candidates, ratio: ratio), ratio)
    case .macs(let macs): limit = macs
    case .macsRatio(let times): limit = Int(Double(channels.model.work) / times)
    }
    func work(_ ratio: Double) throws -> (removed: Set<ChannelGraph.Channel>, work: Int) {
      let removed = choice.removed(candidates, ratio: ratio)
      return (removed, try channels.removing(removed).model.work)
    }
    var (low, high) = (0.0, 1.0)
    var best = try work(high)
    guard best.work <= limit else {
      throw WaneError(
        name, "the target of \(limit) MACs is out of reach: \(best.work) are left at least")
    }
    // As fine as 1 in 65536 filters.
    for _ in 0..<16 {
      let middle = (low + high) / 2
      let tried = try work(middle)
      if tried.work <= limit { (high, best) = (middle, tried) } else { low = middle }
    }
    return (best.removed, high)
  }

  /// The model without some channels, its weights adapted to that.
  private func narrow(
    _ channels: ChannelGraph, _ removed: Set<ChannelGraph.Channel>, _ context: CompressionContext
  ) throws -> (model: Graph, kept: KeptPositions) {
    guard !removed.isEmpty else { return (channels.model, [:]) }
    let folding = try ConstantFolding(channels, removed, context, verb: name)
    var narrowed = try channels.removing(removed, extraBiases: folding.extra, folding.biases)
    if refits ?? (criterion == .reconstruction), let data = context.data {
      let fit = LayerFit(data: data, context: context, verb: name)
      narrowed.model = try Refitting(channels, narrowed, fit).model()
    }
    return narrowed
  }

  private func row(_ layer: WeightedLayer, _ before: Graph, _ after: Graph) -> Report.Row {
    func extent(_ graph: Graph) -> (filters: Double, weights: Double) {
      let shape = graph.parameters[layer.kernel]?.shape
      let columns = (shape?.dimensions.suffix(layer.unitAxis).first ?? 0) / layer.columnsPerUnit
      return (Double(columns), Double(shape?.count ?? 0))
    }
    let (old, new) = (extent(before), extent(after))
    let unit = layer.unit
    let action = old.filters == new.filters ? "kept all \(unit)" : "took out \(unit)"
    return Report.Row(
      layer: layer.label, action: action,
      numbers: [.init(unit, old.filters, new.filters), .init("weights", old.weights, new.weights)])
  }
}
