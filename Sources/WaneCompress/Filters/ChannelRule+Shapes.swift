import WaneGraph

extension Binary: ChannelRule {
  /// Both sides lose the same channels, as in the gates of squeeze and excitation; a side of one channel
  /// goes for all.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layouts = node.inputs.map(channels.layout)
    let wide = layouts.filter { $0.count == node.outputs[0].channels }
    for (input, layout) in zip(node.inputs, layouts) where layout.count != wide.first?.count {
      channels.lock(input, "is broadcast along its channels")
    }
    if wide.count == 2 { channels.unite(wide[0], wide[1]) }
    if let layout = wide.first { channels.set(result, layout) }
  }
}

extension BroadcastTo: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    guard layout.count == dimensions.last else {
      channels.lock(node.inputs[0], "is broadcast along its channels")
      return
    }
    channels.set(result, layout)
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    BroadcastTo(dimensions.dropLast() + [narrowing.count(index)])
  }
}

extension Reduce: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let rank = channels.model.type(of: node.inputs[0]).dimensions.count
    guard rank > 0, !axes.contains(rank - 1) else {
      channels.lock(node.inputs[0], "is reduced along its channels")
      return
    }
    channels.set(result, channels.layout(node.inputs[0]))
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
  /// A part of the channels, all of them usually.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    guard let first = starts.last, let extent = extents.last, let step = steps.last,
      step == 1 || extent == 1, extent > 0
    else {
      channels.lock(node.inputs[0], "is cut in steps along its channels")
      return
    }
    let part = Array(layout[first..<first + extent])
    if extent < layout.count { channels.keepSome(of: part) }
    channels.set(result, part)
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    guard let first = starts.last else { return self }
    let before = narrowing.kept(node.inputs[0]).reduce(0) { $0 + ($1 < first ? 1 : 0) }
    return Slice(
      starts: starts.dropLast() + [before], extents: extents.dropLast() + [narrowing.count(index)],
      steps: steps)
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

extension Reshape: ChannelRule {
  /// Channels stay the last axis, or are laid out in a row place by place, or a row of them is broken
  /// into places, all of which then lose the same.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    guard let last = dimensions.last, last > 0, !layout.isEmpty,
      !channels.model.type(of: node.inputs[0]).dimensions.isEmpty,
      last % layout.count == 0 || layout.count % last == 0
    else {
      channels.lock(node.inputs[0], "is reshaped across channels")
      return
    }
    if layout.count > last { channels.unite(runs: layout.count / last, of: layout) }
    let copies = max(last / layout.count, 1)
    channels.set(result, (0..<copies).flatMap { _ in layout.prefix(last) })
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    let old = narrowing.channels.layout(Value(node: index)).count
    let new = narrowing.count(index)
    return old == new ? self : Reshape(dimensions.dropLast() + [new])
  }
}
