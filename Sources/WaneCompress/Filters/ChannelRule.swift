import WaneGraph

/// How an operation passes channels on.
///
/// An operation without a rule keeps all channels that reach it from being removed.
protocol ChannelRule: Operation {
  /// Labels the results of a node, and says which channels are the same.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph)

  /// The operation for operands from which channels have been removed.
  ///
  /// - Parameters:
  ///   - channels: the number of the result's channels that stay.
  ///   - node: the node with the operation, as it was.
  ///   - model: the model the node stands in.
  /// - Returns: the operation that takes the place of this one.
  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation
}

extension ChannelRule {
  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation { self }
}

/// A rule for operations that treat every channel by itself, without parameters.
protocol ChannelwiseRule: ChannelRule {}

extension ChannelwiseRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    channels.set(result, channels.layout(node.inputs[0]))
  }
}

extension Activation: ChannelwiseRule {}
extension Dropout: ChannelwiseRule {}
extension Quantize: ChannelwiseRule {}
extension Rescale: ChannelwiseRule {}
extension AveragePool2D: ChannelwiseRule {}
extension MaxPool2D: ChannelwiseRule {}
extension SpatialDropout: ChannelwiseRule {}
extension GaussianNoise: ChannelwiseRule {}
extension UpSample2D: ChannelwiseRule {}

extension Conv2D: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    if groups == channels.model.type(of: node.inputs[0]).channels, groups > 1 {
      return connectDepthwise(node, result, &channels)
    }
    guard groups == 1 else {
      channels.lock(node.inputs[0], "goes into a grouped convolution")
      return
    }
    channels.bind(node.inputs[1], axis: 2, to: channels.layout(node.inputs[0]))
    let filters = channels.channels(of: node.inputs[1], axis: 3)
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: filters) }
    channels.set(result, filters)
  }

  /// Every channel makes results of its own, side by side: they stay or go with it.
  private func connectDepthwise(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let copies = node.outputs[0].channels / groups
    let layout = channels.layout(node.inputs[0]).flatMap { Array(repeating: $0, count: copies) }
    channels.bind(node.inputs[1], axis: 3, to: layout)
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: layout) }
    channels.set(result, layout)
  }

  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation {
    guard groups > 1 else { return self }
    let copies = max(node.outputs[0].channels / groups, 1)
    return Conv2D(window, groups: max(channels / copies, 1), isReLUFused: isReLUFused)
  }
}

extension Dense: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    channels.bind(node.inputs[1], axis: 0, to: channels.layout(node.inputs[0]))
    let units = channels.channels(of: node.inputs[1], axis: 1)
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: units) }
    channels.set(result, units)
  }
}

extension BatchNorm: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    for parameter in node.inputs[1...] { channels.bind(parameter, axis: 0, to: layout) }
    channels.set(result, layout)
  }
}

extension Standardize: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    for parameter in node.inputs[1...] { channels.bind(parameter, axis: 0, to: layout) }
    channels.set(result, layout)
  }
}

extension PReLU: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    let slopes = channels.model.type(of: node.inputs[1]).dimensions
    if slopes.last == layout.count {
      channels.bind(node.inputs[1], axis: slopes.count - 1, to: layout)
    }
    channels.set(result, layout)
  }
}

extension Conv2DTranspose: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    channels.bind(node.inputs[1], axis: 3, to: channels.layout(node.inputs[0]))
    let filters = channels.channels(of: node.inputs[1], axis: 2)
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: filters) }
    channels.set(result, filters)
  }
}

extension Add: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    channels.unite(layout, channels.layout(node.inputs[1]))
    channels.set(result, layout)
  }
}

extension Softmax: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    // Each result depends on all operands.
    channels.lock(node.inputs[0], "goes into a softmax")
    channels.set(result, channels.layout(node.inputs[0]))
  }
}

extension Input: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {}
}

extension Reshape: ChannelRule {
  /// Whether channels stay the last axis, or images are laid out in a row, pixel by pixel.
  private func follows(_ type: ValueType) -> Bool {
    dimensions.last == type.channels || dimensions.count == 1
  }

  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let type = channels.model.type(of: node.inputs[0])
    let layout = channels.layout(node.inputs[0])
    guard follows(type) else {
      channels.lock(node.inputs[0], "is reshaped across channels")
      return
    }
    let copies = (dimensions.last ?? 1) / max(type.channels, 1)
    channels.set(result, (0..<max(copies, 1)).flatMap { _ in layout })
  }

  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation {
    follows(model.type(of: node.inputs[0])) ? Reshape(dimensions.dropLast() + [channels]) : self
  }
}
