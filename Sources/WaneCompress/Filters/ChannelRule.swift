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
  ///   - node: the node with the operation, as it was.
  ///   - index: where the node stands in the model.
  ///   - narrowing: what is removed.
  /// - Returns: the operation that takes the place of this one.
  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation
}

extension ChannelRule {
  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation { self }
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
extension Unary: ChannelwiseRule {}
extension Clip: ChannelwiseRule {}
extension Cast: ChannelwiseRule {}

extension Conv2D: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    if isDepthwise(node, channels.model) {
      return connectDepthwise(node, result, layout, &channels)
    }
    let filters = channels.channels(of: node.inputs[1], axis: 3)
    if groups > 1 {
      // Groups are of one size, so each loses the channels and the filters at the same positions.
      channels.unite(runs: groups, of: layout)
      channels.unite(runs: groups, of: filters)
    }
    channels.bind(node.inputs[1], axis: 2, to: Array(layout.prefix(layout.count / groups)))
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: filters) }
    channels.set(result, filters)
  }

  private func isDepthwise(_ node: Node, _ model: Graph) -> Bool {
    groups > 1 && groups == model.type(of: node.inputs[0]).channels
  }

  /// Every channel makes results of its own, side by side: they stay or go with it.
  private func connectDepthwise(
    _ node: Node, _ result: Value, _ layout: [ChannelGraph.Channel], _ channels: inout ChannelGraph
  ) {
    let copies = node.outputs[0].channels / groups
    let made = layout.flatMap { Array(repeating: $0, count: copies) }
    channels.bind(node.inputs[1], axis: 3, to: made)
    if node.inputs.count > 2 { channels.bind(node.inputs[2], axis: 0, to: made) }
    channels.set(result, made)
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    guard isDepthwise(node, narrowing.channels.model) else { return self }
    let copies = max(node.outputs[0].channels / groups, 1)
    let count = max(narrowing.count(index) / copies, 1)
    return Conv2D(window, groups: count, isReLUFused: isReLUFused)
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
