import WaneGraph
import WaneNN
import WaneTensor

/// What removed channels were, added to the biases of the layers that read them.
///
///     b'[o] = b[o] + sum over removed c: m[c] * (sum over the window: W[.., c, o])
///
/// with m the value of a channel that never changes, or the mean of one that does, on data. Layers
/// whose windows reach beyond the image are left out, since a sum of part of the window belongs there.
struct ConstantFolding {
  /// Biases that change, by name.
  private(set) var biases: [String: Parameter] = [:]
  /// Biases for layers without one, by the node that gets them.
  private(set) var extra: [Int: Parameter] = [:]

  /// Works out the biases.
  ///
  /// - Throws: when samples do not fit the model, or the user interrupts.
  init(
    _ channels: ChannelGraph, _ removed: Set<ChannelGraph.Channel>, _ context: CompressionContext,
    verb: String
  ) throws {
    let model = channels.model
    let readers = Dictionary(
      model.nodes.compactMap { ($0.operation as? ParameterRead)?.name }.map { ($0, 1) },
      uniquingKeysWith: +)
    let layers = model.weightedLayers().filter { layer in
      guard layer.nodes.count == 1, let node = layer.nodes.first.map({ model.nodes[$0] }) else {
        return false
      }
      let isPlain = (node.operation as? Conv2D)?.groups == 1 || node.operation is Dense
      return isPlain && !node.isPadded(model)
        && channels.roots(of: node.inputs[0]).contains(where: removed.contains)
        && Self.canChange(layer.bias.flatMap { model.parameters[$0] }, readers)
    }
    let values = layers.map { model.nodes[$0.nodes[0]].inputs[0] }
    let means = try Self.means(of: values, model, context, verb)
    for (layer, value) in zip(layers, values) {
      guard let mean = means[value], let kernel = model.parameters[layer.kernel] else { continue }
      let roots = channels.roots(of: value)
      let terms = roots.indices.map { removed.contains(roots[$0]) ? mean[$0] : 0 }
      let change = try Self.change(kernel, terms)
      guard change.contains(where: { $0 != 0 }) else { continue }
      try add(change, to: layer, in: model)
    }
  }

  /// Whether a bias can take a term up; a missing one is added.
  private static func canChange(_ bias: Parameter?, _ readers: [String: Int]) -> Bool {
    guard let bias else { return true }
    if case .dense = bias.payload { return !bias.isMasked && readers[bias.name] == 1 }
    return false
  }

  /// What the channels of values are on the mean, zero where that is not known.
  private static func means(
    of values: [Value], _ model: Graph, _ context: CompressionContext, _ verb: String
  ) throws -> [Value: [Double]] {
    if let data = context.data ?? context.calibration, data.count > 0 {
      return try ChannelStatistics(of: values, in: model, data.sample(), context, verb: verb).means
    }
    let constants = try ConstantChannels(model)
    let known = values.filter { constants.flags($0).contains(true) }
    guard !known.isEmpty else { return [:] }
    // Any input will do for what does not depend on it.
    var probe = model
    probe.outputs = known
    let inputs = try model.inputs.map { input in
      let type = model.type(of: input)
      return try Tensor(zeros: Shape([1] + type.dimensions), type.dtype)
    }
    let outputs = try InferenceSession(probe, pool: context.pool).run(inputs, poll: context.poll)
    var means: [Value: [Double]] = [:]
    for (value, output) in zip(known, outputs) {
      let flags = constants.flags(value)
      means[value] = output.with(Float.self) { numbers in
        flags.indices.map { flags[$0] && $0 < numbers.count ? Double(numbers[$0]) : 0 }
      }
    }
    return means
  }

  /// What each filter gets of terms on its channels.
  private static func change(_ kernel: Parameter, _ terms: [Double]) throws -> [Double] {
    let filters = max(kernel.shape.dimensions.last ?? 1, 1)
    var change = [Double](repeating: 0, count: filters)
    try kernel.decoded().with(Float.self) { weights in
      for index in weights.indices {
        change[index % filters] += terms[index / filters % terms.count] * Double(weights[index])
      }
    }
    return change
  }

  private mutating func add(_ change: [Double], to layer: WeightedLayer, in model: Graph) throws {
    guard let name = layer.bias else {
      let taken = "\(layer.path)/bias"
      let name = model.parameters[taken] == nil ? taken : "\(layer.kernel)/bias"
      extra[layer.nodes[0]] = try Parameter(name, Tensor(change.map { Float($0) }))
      return
    }
    guard let bias = model.parameters[name] else { return }
    let values = try bias.decoded().array(Float.self)
    let sums = zip(values, change).map { Float(Double($0) + $1) }
    biases[name] = try bias.replacing(.dense(Tensor(sums, bias.shape)))
  }
}
