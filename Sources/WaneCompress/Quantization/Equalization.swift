import WaneGraph
import WaneTensor

/// Gives the channels between two layers like ranges, so that one grid suits all of them (Nagel et al.,
/// "Data-free quantization through weight equalization and bias correction", 2019, section 4.1).
///
///     W1[:, c] / s,  b1[c] / s,  W2[c, :] * s     with s = sqrt(r1 / r2)
///
/// r1 and r2 are the largest magnitudes of a channel in the kernel that makes it and in that which reads
/// it; both become sqrt(r1 r2). What the model computes stays: a positive factor passes through what
/// lies between them.
struct Equalization {
  /// A layer that makes channels and the only one that reads them.
  struct Pair: Equatable {
    let first: String
    let second: String
  }

  private struct Link {
    let first: WeightedLayer
    let second: WeightedLayer
    /// Channels between them.
    let channels: Int
    /// Groups of the second.
    let groups: Int
  }

  /// Rounds over all pairs; chains of layers settle within a few.
  private static let mostRounds = 40
  /// Where factors are this near to one, nothing is left to do.
  private static let tolerance: Float = 1e-3

  /// Equalizes every pair of layers between which only operations lie that a positive factor passes
  /// through: `relu`, `leaky_relu`, `prelu`, pooling, padding with zeros, flattening, dropout.
  ///
  /// - Returns: the model, and the pairs.
  /// - Throws: when memory cannot be had.
  static func apply(to model: Graph) throws -> (model: Graph, pairs: [Pair]) {
    let links = links(of: model)
    guard !links.isEmpty else { return (model, []) }
    var values: [String: [Float]] = [:]
    for link in links {
      let names = [link.first.kernel, link.first.bias, link.second.kernel].compactMap { $0 }
      for name in names where values[name] == nil {
        values[name] = try model.parameters[name]?.decoded().array(Float.self)
      }
    }
    for _ in 0..<mostRounds {
      var change: Float = 0
      for link in links { change = max(change, equalize(link, in: model, &values)) }
      if change < tolerance { break }
    }
    var result = model
    for (name, values) in values {
      guard let parameter = model.parameters[name] else { continue }
      try result.set(parameter.replacing(.dense(Tensor(values, parameter.shape))))
    }
    return (result, links.map { Pair(first: $0.first.path, second: $0.second.path) })
  }

  /// Rescales the channels of a link; returns the largest deviation of a factor from one.
  private static func equalize(_ link: Link, in model: Graph, _ values: inout [String: [Float]])
    -> Float
  {
    guard var first = values[link.first.kernel], var second = values[link.second.kernel],
      let columns = model.parameters[link.second.kernel]?.shape.dimensions.last
    else { return 0 }
    let channels = link.channels
    let (inside, width) = (channels / link.groups, columns / link.groups)
    /// The channel that an element of the second kernel reads.
    func channel(_ index: Int) -> Int {
      let (row, column) = (index / columns % inside, index % columns)
      // A flattened image has the channels of each place side by side.
      return link.groups == 1 ? index / columns % channels : column / width * inside + row
    }
    var made = [Float](repeating: 0, count: channels)
    var read = made
    for index in first.indices {
      made[index % channels] = max(made[index % channels], abs(first[index]))
    }
    for index in second.indices {
      let channel = channel(index)
      read[channel] = max(read[channel], abs(second[index]))
    }
    let factors = zip(made, read).map { made, read -> Float in
      let factor = (made / read).squareRoot()
      return factor.isNormal && (1 / factor).isNormal ? factor : 1
    }
    for index in first.indices { first[index] /= factors[index % channels] }
    for index in second.indices { second[index] *= factors[channel(index)] }
    guard first.allSatisfy(\.isFinite), second.allSatisfy(\.isFinite) else { return 0 }
    values[link.first.kernel] = first
    values[link.second.kernel] = second
    if let name = link.first.bias, let bias = values[name] {
      values[name] = zip(bias, factors).map { $0 / $1 }
    }
    return factors.reduce(0) { max($0, abs($1 - 1)) }
  }

  private static func links(of model: Graph) -> [Link] {
    let users = model.users()
    let isOutput = Set(model.outputs.map(\.node))
    let layers = model.weightedLayers().filter { isFree($0, in: model) }
    let byNode = Dictionary(layers.map { ($0.nodes[0], $0) }) { first, _ in first }
    return layers.compactMap { first in
      var node = first.nodes[0]
      let channels = model.nodes[node].outputs[0].channels
      while !isOutput.contains(node), users[node].count == 1, let next = users[node].first,
        model.nodes[next].inputs.first == Value(node: node)
      {
        if let second = byNode[next] {
          let groups = model.convolution(of: second)?.groups ?? 1
          let rows = model.nodes[next].inputs[0]
          guard model.type(of: rows).channels % channels == 0,
            groups == 1 || model.type(of: rows).channels == channels
          else { return nil }
          return Link(first: first, second: second, channels: channels, groups: groups)
        }
        guard passesFactors(model.nodes[next]),
          model.nodes[next].outputs[0].channels % channels == 0
        else { return nil }
        node = next
      }
      return nil
    }
  }

  /// Whether the weights of a layer may be rescaled: floats that nothing else reads, in one place.
  private static func isFree(_ layer: WeightedLayer, in model: Graph) -> Bool {
    guard layer.kind == Conv2D.name || layer.kind == Dense.name, layer.nodes.count == 1 else {
      return false
    }
    let node = model.nodes[layer.nodes[0]]
    if (node.operation as? Conv2D)?.isReLUFused == true { return false }
    return node.inputs[1...].allSatisfy { input in
      guard let parameter = model.parameter(input), case .dense = parameter.payload else {
        return false
      }
      let readers = model.nodes.indices.filter { index in
        model.nodes[index].inputs.contains { model.parameter($0)?.name == parameter.name }
      }
      return readers == [layer.nodes[0]]
    }
  }

  private static func passesFactors(_ node: Node) -> Bool {
    switch node.operation {
    case let activation as Activation:
      activation.kind == .relu || activation.kind == .leakyReLU
    case let pad as Pad:
      pad.value == 0 && [pad.before, pad.after, pad.between].allSatisfy { $0.last ?? 0 == 0 }
    case is PReLU, is MaxPool2D, is AveragePool2D, is Reshape, is Dropout, is SpatialDropout: true
    default: false
    }
  }
}
