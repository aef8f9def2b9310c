import WaneGraph

extension Concat: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layouts = node.inputs.map { channels.layout($0) }
    guard axis != node.outputs[0].dimensions.count - 1 else {
      return channels.set(result, layouts.flatMap { $0 })
    }
    // Along another axis, each part has the same channels.
    for layout in layouts[1...] { channels.unite(layouts[0], layout) }
    channels.set(result, layouts[0])
  }
}
