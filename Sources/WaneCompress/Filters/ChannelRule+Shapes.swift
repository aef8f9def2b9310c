import WaneGraph

extension Binary: ChannelRule {
  /// Both sides of the same shape lose the same channels; what is broadcast keeps all.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let (a, b) = (node.inputs[0], node.inputs[1])
    guard channels.model.type(of: a) == channels.model.type(of: b),
      channels.model.parameter(a) == nil, channels.model.parameter(b) == nil
    else {
      for input in node.inputs { channels.lock(input, "is broadcast against another value") }
      return
    }
    channels.unite(channels.layout(a), channels.layout(b))
    channels.set(result, channels.layout(a))
  }
}

extension Concat: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layouts = node.inputs.map(channels.layout)
    if axis == node.outputs[0].dimensions.count - 1 {
      channels.set(result, layouts.flatMap { $0 })
    } else {
      for other in layouts.dropFirst() { channels.unite(layouts[0], other) }
      channels.set(result, layouts[0])
    }
  }
}

extension Pad: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    guard before.last == 0, after.last == 0, between.last == 0 else {
      channels.lock(node.inputs[0], "is padded along its channels")
      return
    }
    channels.set(result, channels.layout(node.inputs[0]))
  }
}

extension Slice: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    guard extents.last == channels.model.type(of: node.inputs[0]).channels else {
      channels.lock(node.inputs[0], "is cut along its channels")
      return
    }
    channels.set(result, channels.layout(node.inputs[0]))
  }

  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation {
    guard extents.last == model.type(of: node.inputs[0]).channels else { return self }
    return Slice(starts: starts, extents: extents.dropLast() + [channels], steps: steps)
  }
}

extension Transpose: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    guard order.last == order.count - 1 else {
      channels.lock(node.inputs[0], "gets another axis for its channels")
      return
    }
    channels.set(result, channels.layout(node.inputs[0]))
  }
}
