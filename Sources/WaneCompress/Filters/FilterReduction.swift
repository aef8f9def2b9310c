import WaneGraph
import WaneNN
import WaneTensor

/// Makes layers narrower: the least important filters of convolutions and units of dense layers are
/// taken out, together with everything that only they feed.
///
/// Layers whose results are added have to lose the same channels; their importance is added, each
/// layer's measured against its mean. The rest is computed exactly as if the channels taken out had
/// been zero.
public struct FilterReduction: ModelPass {
  public static let verb = "compress"
  /// The share of filters that is taken out.
  public let ratio: Double
  /// Shares of layers that differ from `ratio`.
  public let ratios: [(layers: String, ratio: Double)]
  /// What a filter is worth.
  public let criterion: FilterCriterion
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass that takes a share of the filters out of each layer, at most all but one.
  ///
  /// - Throws: when a ratio is not in [0, 1).
  public init(
    ratio: Double, criterion: FilterCriterion = .l2,
    ratios: [(layers: String, ratio: Double)] = [], selection: Selection = .all
  ) throws {
    for ratio in [ratio] + ratios.map(\.ratio) {
      guard ratio >= 0, ratio < 1 else {
        throw WaneError(Self.verb, "ratio must be in [0, 1), got \(ratio)")
      }
    }
    self.ratio = ratio
    self.ratios = ratios
    self.criterion = criterion
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 2e-3))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(Self.verb, options: reportedOptions)
    report.skipped = chosen.skipped

    let channels = ChannelGraph(model)
    let ratios = try ratiosByLayer(model)
    var removed = Set<ChannelGraph.Channel>()
    for family in families(model, channels) {
      let selected = Set(chosen.layers.map(\.path))
      let members = family.filter { selected.contains($0.path) }
      guard !members.isEmpty else { continue }
      if let reason = obstacle(family, members, channels) {
        report.skipped += members.map { Report.Skipped($0.label, reason) }
        continue
      }
      removed.formUnion(
        try leastImportant(of: family, model, channels, ratio: ratio(of: family, ratios)))
    }
    let narrowed = try channels.removing(removed)
    for layer in chosen.layers where !report.skipped.contains(where: { $0.layer == layer.label }) {
      report.layers.append(row(layer, model, narrowed.model))
    }
    let tuned = try tune(narrowed.model)
    report.history = tuned.history
    return PassResult(tuned.model, report, kept: narrowed.kept)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    [("method", .text("filters")), ("ratio", .number(ratio))]
      + (ratios.isEmpty
        ? [] : [("ratios", .pairs(ratios.map { .init(layers: $0.layers, value: $0.ratio) }))])
      + [("criterion", .text(criterion.rawValue))] + selection.reported
  }

  private func ratiosByLayer(_ model: Graph) throws -> [String: Double] {
    try LayerNames(model).assign(
      ratios.map { (layers: $0.layers, value: $0.ratio) }, "ratios", Self.verb)
  }

  /// Layers in sets that share channels, in order.
  private func families(_ model: Graph, _ channels: ChannelGraph) -> [[WeightedLayer]] {
    var families: [(channels: Set<ChannelGraph.Channel>, layers: [WeightedLayer])] = []
    for layer in model.weightedLayers() {
      var joined = (channels: Set(filters(layer, model, channels)), layers: [WeightedLayer]())
      let touching = families.indices.filter {
        !families[$0].channels.isDisjoint(with: joined.channels)
      }
      for index in touching {
        joined.channels.formUnion(families[index].channels)
        joined.layers += families[index].layers
      }
      joined.layers.append(layer)
      for index in touching.reversed() { families.remove(at: index) }
      families.append(joined)
    }
    return families.map(\.layers)
  }

  /// The channels a layer makes, in order.
  private func filters(_ layer: WeightedLayer, _ model: Graph, _ channels: ChannelGraph)
    -> [ChannelGraph.Channel]
  {
    let rank = model.parameters[layer.kernel]?.shape.rank ?? 1
    return channels.roots(of: layer.kernel, axis: rank - layer.unitAxis)
  }

  /// Why a set of layers cannot lose channels.
  private func obstacle(
    _ family: [WeightedLayer], _ selected: [WeightedLayer], _ channels: ChannelGraph
  ) -> String? {
    let selectedPaths = Set(selected.map(\.path))
    if let other = family.first(where: { !selectedPaths.contains($0.path) }) {
      return "shares its channels with '\(other.path)', which is not selected"
    }
    for layer in family {
      let filters = filters(layer, channels.model, channels)
      guard !filters.isEmpty else { return "is a grouped convolution" }
      if let reason = filters.lazy.compactMap(channels.lockReason).first {
        return family.count == 1 ? reason : "shares its channels with others, and one \(reason)"
      }
    }
    return nil
  }

  private func ratio(of family: [WeightedLayer], _ ratios: [String: Double]) throws -> Double {
    let wanted = family.map { ratios[$0.path] ?? ratio }
    if let index = wanted.firstIndex(where: { $0 != wanted[0] }) {
      throw WaneError(
        Self.verb,
        "'\(family[0].path)' and '\(family[index].path)' share their channels and cannot "
          + "have the ratios \(wanted[0]) and \(wanted[index])")
    }
    return wanted[0]
  }

  private func leastImportant(
    of family: [WeightedLayer], _ model: Graph, _ channels: ChannelGraph, ratio: Double
  ) throws -> [ChannelGraph.Channel] {
    var importance: [ChannelGraph.Channel: Float] = [:]
    for layer in family {
      guard let kernel = model.parameters[layer.kernel] else { continue }
      let scores = try criterion.scores(kernel, axis: layer.unitAxis)
      let mean = max(scores.reduce(0, +) / Float(max(scores.count, 1)), .leastNormalMagnitude)
      for (filter, score) in zip(filters(layer, model, channels), scores) {
        importance[filter, default: 0] += score / mean
      }
    }
    let count = min(Int((ratio * Double(importance.count)).rounded()), importance.count - 1)
    let order = importance.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
    return order.prefix(count).map(\.key)
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
