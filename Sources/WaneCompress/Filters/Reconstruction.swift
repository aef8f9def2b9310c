import WaneGraph
import WaneNN
import WaneTensor

/// The importance of channels by what the layers that read them lose.
///
/// With z[c] what channel c contributes to a layer's results, a set of channels T is missed by
/// `E(T) = sum over c, d in T: cov(z[c], z[d])`, summed over the results. Channels are taken out one by
/// one, each time the one that makes E the least; its score is what E grows by.
struct ReconstructionScores {
  /// Scores by family.
  private(set) var families: [[ChannelGraph.Channel: Double]] = []

  /// Rows of windows that are looked at.
  private static let rows = 4096

  init(
    _ families: [ChannelFamily], _ channels: ChannelGraph, _ context: CompressionContext,
    verb: String
  ) throws {
    let data = try FilterScores.data(.reconstruction, context, verb)
    let wanted = Set(families.flatMap(\.channels))
    var pairs: [[Pair: Double]] = []
    for layer in channels.model.weightedLayers() {
      for node in layer.nodes {
        let roots = channels.roots(of: channels.model.nodes[node].inputs[0])
        guard roots.contains(where: wanted.contains) else { continue }
        if let covariances = try Self.covariances(
          node, layer, roots, wanted, channels.model, data, context, verb)
        {
          pairs.append(covariances)
        }
      }
    }
    for family in families {
      try context.poll()
      self.families.append(Self.scores(family.channels, pairs))
    }
  }

  /// Two channels, the lower number first.
  private struct Pair: Hashable {
    let low, high: ChannelGraph.Channel

    init(_ a: ChannelGraph.Channel, _ b: ChannelGraph.Channel) {
      (low, high) = (min(a, b), max(a, b))
    }
  }

  /// The covariances of what channels contribute to a layer's results, in parts of the whole variance.
  private static func covariances(
    _ index: Int, _ layer: WeightedLayer, _ roots: [ChannelGraph.Channel],
    _ wanted: Set<ChannelGraph.Channel>, _ model: Graph, _ data: Dataset,
    _ context: CompressionContext, _ verb: String
  ) throws -> [Pair: Double]? {
    let node = model.nodes[index]
    let available = node.outputs[0].dimensions.dropLast().reduce(1, *)
    let samples = min(data.count, available == 1 ? rows : rows / 8)
    guard
      let windows = LayerWindows(node, in: model, places: max(1, rows / max(samples, 1))),
      windows.size <= LayerFit.largestSize, let kernel = model.parameters[layer.kernel]
    else { return nil }
    var moments = LeastSquares(size: windows.size)
    let probe = try Probe(
      [node.inputs[0]], in: model, data.slice(0..<samples), context, verb: verb)
    var first = 0
    try probe.run(context) { outputs in
      try moments.add(windows.rows(outputs[0], first: first))
      first += outputs[0].shape[0]
    }
    try moments.settle()
    return try contributions(moments, kernel, roots, wanted, context)
  }

  private static func contributions(
    _ moments: LeastSquares, _ kernel: Parameter, _ roots: [ChannelGraph.Channel],
    _ wanted: Set<ChannelGraph.Channel>, _ context: CompressionContext
  ) throws -> [Pair: Double] {
    let (size, filters) = (moments.size, max(kernel.shape.dimensions.last ?? 1, 1))
    let weights = try kernel.decoded().array(Float.self)
    let covariances = moments.covariances
    var result: [Pair: Double] = [:]
    var total = 0.0
    for row in 0..<size {
      if row % 64 == 0 { try context.poll() }
      let a = roots[row % roots.count]
      for column in 0...row {
        var product = 0.0
        for filter in 0..<filters {
          product += Double(weights[row * filters + filter] * weights[column * filters + filter])
        }
        // Above and below the diagonal at once.
        let share = product * covariances[row * size + column] * (row == column ? 1 : 2)
        total += share
        let b = roots[column % roots.count]
        guard wanted.contains(a), wanted.contains(b) else { continue }
        // A pair of different channels counts once: E takes it twice.
        result[Pair(a, b), default: 0] += a == b ? share : share / 2
      }
    }
    return total > 0 ? result.mapValues { $0 / total } : result
  }

  /// Takes channels out one by one.
  private static func scores(_ channels: [ChannelGraph.Channel], _ pairs: [[Pair: Double]])
    -> [ChannelGraph.Channel: Double]
  {
    func covariance(_ a: ChannelGraph.Channel, _ b: ChannelGraph.Channel) -> Double {
      pairs.reduce(0) { $0 + ($1[Pair(a, b)] ?? 0) }
    }
    // What E grows by when a channel goes next.
    var growth = Dictionary(uniqueKeysWithValues: channels.map { ($0, covariance($0, $0)) })
    var scores: [ChannelGraph.Channel: Double] = [:]
    var highest = 0.0
    while let next = growth.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      // Later ones never count less than earlier ones, so that their order is kept.
      highest = max(highest, next.value) + Double.leastNormalMagnitude
      scores[next.key] = highest
      growth[next.key] = nil
      for channel in growth.keys {
        growth[channel, default: 0] += 2 * covariance(channel, next.key)
      }
    }
    return scores
  }
}

/// Fits the weights of layers that have lost channels to what the layers gave before, one after the
/// other in the order of the model.
struct Refitting {
  private let original: Graph
  private let narrowed: (model: Graph, kept: KeptPositions)
  private let fit: LayerFit

  init(
    _ channels: ChannelGraph, _ narrowed: (model: Graph, kept: KeptPositions), _ fit: LayerFit
  ) {
    original = channels.model
    self.narrowed = narrowed
    self.fit = fit
  }

  /// The narrowed model with fitted weights; those under constraints stay as they are.
  func model() throws -> Graph {
    var model = narrowed.model
    let before = Dictionary(
      original.weightedLayers().map { ($0.kernel, $0) }, uniquingKeysWith: { first, _ in first })
    for layer in model.weightedLayers() {
      guard let old = before[layer.kernel], layer.nodes.count == 1, old.nodes.count == 1,
        let kept = narrowed.kept[layer.kernel], kept.dropLast().contains(where: { $0 != nil }),
        let bias = layer.bias, isFree(layer.kernel, model), isFree(bias, model)
      else { continue }
      let task = LayerFit.Task(
        node: layer.nodes[0], kernel: layer.kernel, bias: bias, target: Value(node: old.nodes[0]),
        channels: kept.last.flatMap { $0 })
      if let fitted = try fit.fit(task, in: model, to: original) { model = fitted.0 }
    }
    return model
  }

  private func isFree(_ name: String, _ model: Graph) -> Bool {
    guard let parameter = model.parameters[name], case .dense = parameter.payload else {
      return false
    }
    return !parameter.isMasked
  }
}
