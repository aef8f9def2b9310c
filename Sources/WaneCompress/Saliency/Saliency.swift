import WaneGraph
import WaneNN
import WaneTensor

/// What each weight of some layers is worth.
struct Saliency {
  /// The worth of weights by kernel; the larger, the more it matters.
  private(set) var scores: [String: [Float]] = [:]

  /// Finds the worth of the weights of a model as it is.
  ///
  /// - Parameters:
  ///   - criterion: what is meant by worth; not `movement`, which shows in training only.
  ///   - layers: whose weights.
  ///   - model: the model they are in.
  ///   - context: the data that some criteria look at.
  ///   - verb: who asks, for messages.
  /// - Throws: when data are missing or do not fit the model, or the user interrupts.
  init(
    _ criterion: PruningCriterion, of layers: [WeightedLayer], in model: Graph,
    _ context: CompressionContext, verb: String
  ) throws {
    func data() throws -> Dataset {
      guard let data = context.data else {
        throw WaneError(
          verb, "criterion '\(criterion.rawValue)' needs the option 'data'")
      }
      return data
    }
    switch criterion {
    case .magnitude, .lamp:
      for layer in layers {
        scores[layer.kernel] = try model.values(layer).map(abs)
      }
    case .random:
      for (index, layer) in layers.enumerated() {
        var random = SplitMix64(seed: context.fineTuning.seed &+ UInt64(index) << 32)
        scores[layer.kernel] = try model.values(layer).map { _ in Float(random.nextUnit()) }
      }
    case .normScale:
      for layer in layers {
        guard let scale = try model.normalizationScale(after: layer),
          let matrix = KernelMatrix(layer, in: model), matrix.columns == scale.count
        else { continue }
        scores[layer.kernel] = try model.values(layer).enumerated().map { index, weight in
          abs(weight * scale[matrix.column(index)])
        }
      }
    case .taylor, .fisher, .movement:
      guard criterion != .movement, let kind = criterion.gradientStatistic else {
        throw WaneError(
          verb, "criterion 'movement' shows while training: give the schedule 'cubic'")
      }
      let data = try data()
      let statistics = try GradientStatistics(
        kind, of: layers.compactMap { model.parameters[$0.kernel] }, in: model, data: data,
        context, verb: verb)
      scores = statistics.sums
    case .error, .activation:
      let statistics = try LayerStatistics(
        of: layers, in: model, data: data(), context, verb: verb)
      for layer in layers {
        guard let squares = statistics.inputs[layer.kernel] else { continue }
        let energy = Float(max(statistics.outputs[layer.kernel] ?? 0, .leastNormalMagnitude))
        scores[layer.kernel] = try zip(model.values(layer), squares).map { weight, squares in
          criterion == .error
            ? weight * weight * squares / energy : abs(weight) * squares.squareRoot()
        }
      }
    }
  }

  /// Why a criterion says nothing of a layer, if it does not.
  static func obstacle(
    _ criterion: PruningCriterion, to layer: WeightedLayer, in model: Graph
  ) throws -> String? {
    switch criterion {
    case .magnitude, .lamp, .random: return nil
    case .normScale:
      return try model.normalizationScale(after: layer) == nil
        ? "no batch normalization follows" : nil
    case .taylor, .fisher, .movement:
      return model.parameters[layer.kernel]?.isTrainable == true
        ? nil : "is not trainable, so there are no gradients"
    case .error, .activation:
      return layer.multipliesInput
        ? nil : "its weights do not multiply what goes into the layer"
    }
  }

  /// The worth of each column of a layer's kernel: of its filters or units.
  ///
  /// - Returns: nothing when the criterion says nothing of the layer.
  func columns(of layer: WeightedLayer, in model: Graph, _ criterion: PruningCriterion) throws
    -> [Float]
  {
    guard let weights = scores[layer.kernel], let kernel = model.parameters[layer.kernel],
      let matrix = KernelMatrix(layer, in: model)
    else { return [] }
    if criterion == .normScale { return try model.normalizationScale(after: layer) ?? [] }
    let units = UnitPartition(.column, matrix)
    return units.worth(weights, kernel: try kernel.decoded(), criterion.aggregation)
  }
}

extension Graph {
  fileprivate func values(_ layer: WeightedLayer) throws -> [Float] {
    try parameters[layer.kernel]?.decoded().array(Float.self) ?? []
  }

  /// The magnitudes of the scales of the batch normalization that a layer's result goes to; nil when
  /// it goes elsewhere.
  func normalizationScale(after layer: WeightedLayer) throws -> [Float]? {
    guard var index = layer.nodes.first else { return nil }
    let users = users()
    while users[index].count == 1, let next = users[index].first {
      let node = nodes[next]
      if node.operation is BatchNorm, node.inputs[0].node == index {
        return try parameter(node.inputs[1])?.decoded().array(Float.self).map(abs)
      }
      // A sequence that was laid out as an image, or some of whose steps do not count.
      guard node.operation is Reshape || node.operation is Masked, node.inputs[0].node == index,
        node.outputs[0].channels == nodes[index].outputs[0].channels
      else { return nil }
      index = next
    }
    return nil
  }
}
