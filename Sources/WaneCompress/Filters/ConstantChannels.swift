import WaneGraph
import WaneTensor

/// Which channels of a model are the same whatever it is given: those of filters whose weights are all
/// zero, and what becomes of them.
struct ConstantChannels {
  private var constant: [Value: [Bool]] = [:]

  /// Follows constants through a model.
  init(_ model: Graph) throws {
    for (index, node) in model.nodes.enumerated() {
      let inputs = node.inputs.map { constant[$0] ?? [] }
      if let flags = try Self.flags(node, inputs, model), flags.contains(true) {
        constant[Value(node: index)] = flags
      }
    }
  }

  /// For each channel of a value whether it is constant; empty when none is.
  func flags(_ value: Value) -> [Bool] { constant[value] ?? [] }

  /// The flags of a node's first result; nil when none is constant.
  private static func flags(_ node: Node, _ inputs: [[Bool]], _ model: Graph) throws -> [Bool]? {
    switch node.operation {
    case is Conv2D, is Dense: return try ofFilters(node, inputs[0], model)
    case is Activation, is Dropout, is SpatialDropout, is GaussianNoise, is Rescale, is Unary,
      is Clip, is BatchNorm, is Standardize, is Quantize, is MaxPool2D, is AveragePool2D,
      is UpSample2D, is Reshape:
      guard let flags = inputs.first, !flags.isEmpty else { return nil }
      let channels = node.outputs[0].channels
      guard channels % flags.count == 0 else { return nil }
      return (0..<channels).map { flags[$0 % flags.count] }
    case is Add:
      guard inputs.count == 2, inputs[0].count == inputs[1].count else { return nil }
      return zip(inputs[0], inputs[1]).map { $0 && $1 }
    default: return nil
    }
  }

  /// A filter is constant when all that it gives weight to is; zeros at borders are not what a constant
  /// is inside.
  private static func ofFilters(_ node: Node, _ input: [Bool], _ model: Graph) throws -> [Bool]? {
    guard let kernel = model.parameter(node.inputs[1]) else { return nil }
    let convolution = node.operation as? Conv2D
    guard convolution?.groups ?? 1 == 1 else { return nil }
    let filters = max(node.outputs[0].channels, 1)
    let channels = max(model.type(of: node.inputs[0]).channels, 1)
    let follows = !input.isEmpty && !node.isPadded(model)
    var flags = [Bool](repeating: true, count: filters)
    try kernel.decoded().with(Float.self) { weights in
      for index in weights.indices where weights[index] != 0 {
        if !(follows && input[index / filters % channels]) { flags[index % filters] = false }
      }
    }
    return flags
  }
}

extension Node {
  /// Whether it is a convolution whose windows reach beyond the image.
  func isPadded(_ model: Graph) -> Bool {
    guard let window = (operation as? Conv2D)?.window else { return false }
    let image = model.type(of: inputs[0]).dimensions
    return window.padding != .valid && !isUnpadded(window, image)
  }

  private func isUnpadded(_ window: Window2D, _ image: [Int]) -> Bool {
    (0..<2).allSatisfy { axis in
      let margins = window.extent(image[axis], axis: axis)
      return margins.before == 0 && margins.after == 0
    }
  }
}
