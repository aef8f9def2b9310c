import WaneGraph
import WaneNN
import WaneTensor

/// Takes the mean of what rounding does to the outputs of layers back by their biases (Nagel et al.,
/// "Data-free quantization through weight equalization and bias correction", 2019, section 4.2).
///
///     b' = b + E[y] - E[y~]     for each channel, over samples and places
///
/// y is what the layer gives in the float model, y~ what it gives in the rounded one. Layers are
/// treated in order, each seeing the corrections of those before it.
struct BiasCorrection {
  let verb: String
  let samples: Dataset
  let context: CompressionContext

  /// Corrects the biases of layers.
  ///
  /// - Parameters:
  ///   - rounded: the rounded model; layers without a bias are left alone.
  ///   - float: the model before rounding.
  ///   - kernels: the kernels of the layers, in order.
  /// - Returns: the rounded model with other biases.
  /// - Throws: when samples do not fit, or the user stops.
  func apply(to rounded: Graph, like float: Graph, _ kernels: [String]) throws -> Graph {
    let biases = Dictionary(
      rounded.weightedLayers().compactMap { layer in layer.bias.map { (layer.kernel, $0) } }
    ) { first, _ in first }
    let treated = kernels.filter { kernel in
      biases[kernel].flatMap { rounded.parameters[$0] }.map { !$0.isMasked } == true
    }
    let wanted = try means(float, treated)
    var result = rounded
    for (kernel, mean) in zip(treated, wanted) {
      guard let name = biases[kernel], let bias = result.parameters[name],
        case .dense(let values) = bias.payload, let given = try means(result, [kernel]).first,
        given.count == values.count, mean.count == values.count
      else { continue }
      let corrected = values.array(Float.self).indices.map { channel in
        Double(values.array(Float.self)[channel]) + mean[channel] - given[channel]
      }
      guard corrected.allSatisfy(\.isFinite) else { continue }
      try result.set(
        bias.replacing(.dense(Tensor(corrected.map { Float($0) }, bias.shape))))
    }
    return result
  }

  /// The mean of each channel of what layers give.
  private func means(_ model: Graph, _ kernels: [String]) throws -> [[Double]] {
    let outputs = model.outputs(ofLayersWith: kernels)
    let owners = outputs.enumerated().flatMap { index, values in values.map { (index, $0) } }
    var sums: [[Double]] = outputs.map { values in
      [Double](repeating: 0, count: values.first.map { model.type(of: $0).channels } ?? 0)
    }
    var counts = [Double](repeating: 0, count: kernels.count)
    guard !owners.isEmpty else { return sums }
    let probe = try ValueProbe(model, owners.map(\.1), on: samples, verb, context)
    try probe.forEachBatch { tensors in
      for ((layer, _), tensor) in zip(owners, tensors) {
        let channels = sums[layer].count
        guard channels > 0 else { continue }
        counts[layer] += Double(tensor.count / channels)
        tensor.with(Float.self) { values in
          for start in stride(from: 0, to: values.count, by: channels) {
            for channel in 0..<channels { sums[layer][channel] += Double(values[start + channel]) }
          }
        }
      }
    }
    return zip(sums, counts).map { sum, count in sum.map { count > 0 ? $0 / count : 0 } }
  }
}

extension Graph {
  /// The same model, with a bias of zeros for each layer with one of these kernels that has none.
  func addingBiases(toLayersWith kernels: Set<String>) throws -> Graph {
    var layers: [Int: String] = [:]
    for layer in weightedLayers()
    where layer.bias == nil && kernels.contains(layer.kernel)
      && (layer.kind == Conv2D.name || layer.kind == Dense.name)
    {
      for node in layer.nodes where nodes[node].inputs.count == 2 { layers[node] = layer.kernel }
    }
    guard !layers.isEmpty else { return self }
    var biases: [String: String] = [:]
    return try rewritten { index, node, inputs, graph in
      guard let kernel = layers[index] else { return nil }
      let bias: Value
      if let name = biases[kernel] {
        bias = try graph.read(name, layer: node.layer)
      } else {
        let name = freshName("\(node.layer)/bias", in: graph)
        let zeros = try Tensor(zeros: Shape([node.outputs[0].channels]))
        bias = try graph.add(parameter: Parameter(name, zeros), layer: node.layer)
        biases[kernel] = name
      }
      return try graph.add(node.operation, inputs + [bias], layer: node.layer)
    }
  }
}
