import WaneGraph
import WaneNN
import WaneTensor

/// The importance of channels, family by family.
///
/// Layers of a family, and whatever else says something of its channels, add their scores, each
/// measured against its mean, so that none outweighs the others by its scale alone.
struct FilterScores {
  /// The importance of channels, in families' order.
  private(set) var families: [[ChannelGraph.Channel: Double]] = []
  /// Why a family has none, by its place.
  private(set) var obstacles: [Int: String] = [:]

  /// Scores of some channels from one place.
  private struct Source {
    let channels: [ChannelGraph.Channel]
    let scores: [Double]
  }

  /// Scores the channels of families.
  ///
  /// - Throws: when data are missing or do not fit the model, or the user interrupts.
  init(
    _ criterion: FilterCriterion, _ families: [ChannelFamily], _ channels: ChannelGraph,
    _ context: CompressionContext, verb: String
  ) throws {
    if criterion == .reconstruction {
      self.families = try ReconstructionScores(families, channels, context, verb: verb).families
      return
    }
    let sources = try Self.sources(criterion, families, channels, context, verb: verb)
    for (index, family) in families.enumerated() {
      let own = Set(family.channels)
      let touching = sources.filter { $0.channels.contains(where: own.contains) }
      if touching.isEmpty { obstacles[index] = Self.nothing(criterion) }
      self.families.append(
        Self.sum(touching, over: family.channels, normalizes: !criterion.isComparable))
    }
  }

  private static func nothing(_ criterion: FilterCriterion) -> String {
    criterion == .batchNormScale ? "has no batch normalization behind it" : "reaches no layer"
  }

  private static func sum(
    _ sources: [Source], over channels: [ChannelGraph.Channel], normalizes: Bool
  ) -> [ChannelGraph.Channel: Double] {
    var result = Dictionary(uniqueKeysWithValues: channels.map { ($0, 0.0) })
    for source in sources {
      let total = source.scores.reduce(0, +)
      let mean = total / Double(max(source.scores.count, 1))
      let unit = normalizes && mean > 0 && mean.isFinite ? mean : 1
      for (channel, score) in zip(source.channels, source.scores) {
        result[channel]? += score / unit
      }
    }
    return result
  }

  private static func sources(
    _ criterion: FilterCriterion, _ families: [ChannelFamily], _ channels: ChannelGraph,
    _ context: CompressionContext, verb: String
  ) throws -> [Source] {
    let model = channels.model
    let layers = families.flatMap(\.layers)
    func ofLayers(_ scores: (WeightedLayer, Parameter) throws -> [Double]) throws -> [Source] {
      try layers.compactMap { layer in
        guard let kernel = model.parameters[layer.kernel] else { return nil }
        return Source(channels: channels.filters(of: layer), scores: try scores(layer, kernel))
      }
    }
    if let measure = criterion.measure {
      return try ofLayers { layer, kernel in
        try measure.scores(kernel, axis: layer.unitAxis).map(Double.init)
      }
    }
    switch criterion {
    case .taylor:
      let gradients = try FilterGradients(
        layers, in: model, data: Self.data(criterion, context, verb), context, verb: verb)
      return try ofLayers { layer, _ in gradients.scores[layer.kernel] ?? [] }
    case .batchNormScale: return try normalizations(channels)
    case .activation, .activity:
      let values = channels.consumedValues(of: families)
      let statistics = try ChannelStatistics(
        of: values, in: model, Self.data(criterion, context, verb).sample(), context, verb: verb)
      let scores = criterion == .activation ? statistics.magnitudes : statistics.activities
      return values.map { Source(channels: channels.roots(of: $0), scores: scores[$0] ?? []) }
    default:
      var random = SplitMix64(seed: context.fineTuning.seed)
      return try ofLayers { layer, _ in
        channels.filters(of: layer).map { _ in random.nextUnit() }
      }
    }
  }

  /// The data a criterion needs.
  static func data(_ criterion: FilterCriterion, _ context: CompressionContext, _ verb: String)
    throws -> Dataset
  {
    guard let data = context.data, data.count > 0 else {
      throw WaneError(verb, "criterion '\(criterion.rawValue)' needs the option 'data'")
    }
    return data
  }

  private static func normalizations(_ channels: ChannelGraph) throws -> [Source] {
    try channels.model.nodes.compactMap { node in
      guard node.operation is BatchNorm, let gamma = channels.model.parameter(node.inputs[1])
      else { return nil }
      return Source(
        channels: channels.roots(of: gamma.name, axis: 0),
        scores: try gamma.decoded().with(Float.self) { $0.map { Double(abs($0)) } })
    }
  }
}

extension Dataset {
  /// As many samples as statistics need.
  func sample() throws -> Dataset { try slice(0..<min(count, ChannelStatistics.usualCount)) }
}

extension ChannelGraph {
  /// The values that carry channels of families into layers with kernels.
  func consumedValues(of families: [ChannelFamily]) -> [Value] {
    let wanted = Set(families.flatMap(\.channels))
    var values: [Value] = []
    for layer in model.weightedLayers() {
      for node in layer.nodes {
        let value = model.nodes[node].inputs[0]
        if !values.contains(value), roots(of: value).contains(where: wanted.contains) {
          values.append(value)
        }
      }
    }
    return values
  }
}
