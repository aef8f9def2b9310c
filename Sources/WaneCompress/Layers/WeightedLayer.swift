import WaneGraph
import WaneTensor

/// A convolution or fully connected layer: what passes treat.
struct WeightedLayer: Sendable {
  /// The layer's path.
  let path: String
  /// `conv2d` or `dense`.
  let kind: String
  /// The nodes that compute it; more than one when the layer is applied to several values.
  var nodes: [Int]
  /// The name of its kernel.
  let kernel: String
  /// The name of its bias, if it has one.
  let bias: String?
}

extension Graph {
  /// The layers that have a kernel, in order.
  ///
  /// A kernel that several layers read belongs to the first of them.
  func weightedLayers() -> [WeightedLayer] {
    var layers: [WeightedLayer] = []
    var known: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      guard node.operation is Conv2D || node.operation is Dense,
        let kernel = parameter(node.inputs[1])?.name
      else { continue }
      if let layer = known[kernel] {
        layers[layer].nodes.append(index)
        continue
      }
      known[kernel] = layers.count
      layers.append(
        WeightedLayer(
          path: node.layer, kind: Swift.type(of: node.operation).name, nodes: [index],
          kernel: kernel,
          bias: node.inputs.count > 2 ? parameter(node.inputs[2])?.name : nil))
    }
    return layers
  }

  /// The convolution of a layer, unless it is a dense one.
  func convolution(of layer: WeightedLayer) -> Conv2D? {
    layer.nodes.first.flatMap { nodes[$0].operation as? Conv2D }
  }
}
