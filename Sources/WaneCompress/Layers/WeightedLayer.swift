import WaneGraph
import WaneTensor

/// A layer with a kernel: what passes treat.
///
/// A recurrent layer is two of them, one for the kernel that sees its inputs and one for that which
/// sees its state.
struct WeightedLayer: Sendable {
  /// The layer's path.
  let path: String
  /// What it is called in reports: the path, and the name of a kernel that is not the layer's first.
  let label: String
  /// The operation: `conv2d`, `dense`, `lstm`.
  let kind: String
  /// The nodes that compute it; more than one when the layer is applied to several values.
  var nodes: [Int]
  /// The name of its kernel.
  let kernel: String
  /// The name of its bias, if it has one that goes with the kernel alone.
  let bias: String?
  /// Columns of the kernel that belong to one unit: the gates of recurrent layers.
  let columnsPerUnit: Int

  /// What the columns of the kernel are.
  var unit: String {
    switch kind {
    case Conv2D.name, Conv2DTranspose.name: "filters"
    case Embedding.name: "channels"
    default: "units"
    }
  }

  /// The axis of the kernel whose positions are its units, counted from the last one backwards.
  var unitAxis: Int { kind == Conv2DTranspose.name ? 2 : 1 }

  /// The inputs that share a scale; nil when all do, and where the axis before the units is none of
  /// inputs.
  func groupSize(_ sharing: WeightFormat.Sharing) -> Int? {
    guard case .group(let size) = sharing, unitAxis == 1, kind != Embedding.name else { return nil }
    return size
  }

  /// Whether the kernel is what the layer's input is multiplied by.
  var multipliesInput: Bool {
    switch kind {
    case Conv2D.name, Conv2DTranspose.name, Dense.name, Embedding.name, MatMul.name: true
    case LSTM.name, GRU.name, SimpleRNN.name: true
    default: false
    }
  }

  /// Whether it can run on integers.
  var isFloatOnly: Bool { kind != Conv2D.name && kind != Dense.name }
}

extension Graph {
  /// The layers that have a kernel, in order.
  ///
  /// A kernel that several layers read belongs to the first of them.
  func weightedLayers() -> [WeightedLayer] {
    var layers: [WeightedLayer] = []
    var known: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for operand in node.operation.kernels {
        guard let kernel = parameter(node.inputs[operand])?.name else { continue }
        if let layer = known[kernel] {
          layers[layer].nodes.append(index)
          continue
        }
        known[kernel] = layers.count
        let recurrence = (node.operation as? any RecurrentOperation)?.recurrence
        let leaf = kernel.split(separator: "/").last.map(String.init) ?? kernel
        layers.append(
          WeightedLayer(
            path: node.layer, label: operand == 1 ? node.layer : "\(node.layer)/\(leaf)",
            kind: Swift.type(of: node.operation).name, nodes: [index], kernel: kernel,
            bias: recurrence == nil && node.inputs.count > 2
              ? parameter(node.inputs[2])?.name : nil,
            columnsPerUnit: recurrence?.cell.gates ?? 1))
      }
    }
    return layers
  }

  /// The convolution of a layer, unless it is of another kind.
  func convolution(of layer: WeightedLayer) -> Conv2D? {
    layer.nodes.first.flatMap { nodes[$0].operation as? Conv2D }
  }
}

extension Operation {
  /// The operands that are kernels.
  fileprivate var kernels: [Int] {
    switch self {
    case is Conv2D, is Conv2DTranspose, is Dense, is Embedding: [1]
    case is any RecurrentOperation: [1, 2]
    default: []
    }
  }
}
