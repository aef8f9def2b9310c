import WaneGraph

// Units of recurrent layers and channels of embeddings go like filters: with them go their columns in
// every gate, the row of the state that they are, and what reads them.

extension ChannelRule where Self: RecurrentOperation {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    channels.bind(node.inputs[1], axis: 0, to: channels.layout(node.inputs[0]))
    let units = channels.channels(of: node.inputs[2], axis: 0)
    let columns = (0..<recurrence.cell.gates).flatMap { _ in units }
    channels.bind(node.inputs[1], axis: 1, to: columns)
    channels.bind(node.inputs[2], axis: 1, to: columns)
    let places = recurrence.places(ofOperands: node.inputs.count)
    if let bias = places.bias {
      let axis = recurrence.biasExtents.count - 1
      channels.bind(node.inputs[bias], axis: axis, to: columns)
    }
    for state in places.states { channels.unite(channels.layout(node.inputs[state]), units) }
    channels.set(result, units)
    for output in [recurrence.stateResult, recurrence.cellResult].compactMap({ $0 }) {
      channels.set(Value(node: result.node, output: output), units)
    }
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    let narrow = attributes.merging(["units": .int(narrowing.count(index))]) { $1 }
    // One unit or more stay, so this does not fail; if it did, inference would say so.
    return (try? Self(Attributes(narrow, of: Self.name))) ?? self
  }
}

extension SimpleRNN: ChannelRule {}
extension LSTM: ChannelRule {}
extension GRU: ChannelRule {}

extension Embedding: ChannelRule {
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    channels.set(result, channels.channels(of: node.inputs[1], axis: 1))
  }
}

/// The mask of a value has no channels.
extension Masked: ChannelwiseRule {}

extension Attention: ChannelRule {
  /// Heads go whole: fewer keys a head would change the scale of its scores.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layouts = node.inputs[..<3].map(channels.layout)
    for head in 0..<heads {
      channels.unite(
        all: layouts.flatMap { layout in
          let size = layout.count / heads
          return layout[head * size..<(head + 1) * size]
        })
    }
    channels.set(result, layouts[2])
    let weights = Value(node: result.node, output: 1)
    if channels.model.outputs.contains(weights)
      || channels.model.nodes.contains(where: { $0.inputs.contains(weights) })
    {
      channels.lock(result, "belongs to heads whose weights are used")
    }
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    let size = max(node.outputs[0].channels / heads, 1)
    // One head or more stay, so this does not fail; if it did, inference would say so.
    return (try? with(heads: max(narrowing.count(index) / size, 1))) ?? self
  }
}

extension SampleNorm: ChannelRule {
  /// The statistics become those of the channels that stay; groups stay of one size.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let layout = channels.layout(node.inputs[0])
    if let groups = sharedGroups(layout.count) { channels.unite(runs: groups, of: layout) }
    for parameter in node.inputs[1...] { channels.bind(parameter, axis: 0, to: layout) }
    channels.set(result, layout)
  }

  /// The number of groups, unless every channel is normalized by itself.
  private func sharedGroups(_ channels: Int) -> Int? {
    if case .group(let count) = kind, count < channels { count } else { nil }
  }

  func narrowed(_ node: Node, _ index: Int, _ narrowing: Narrowing) -> any Operation {
    guard case .group = kind, sharedGroups(node.outputs[0].channels) == nil else { return self }
    return SampleNorm(
      .group(max(narrowing.count(index), 1)), epsilon: epsilon, isScaled: isScaled,
      isShifted: isShifted)
  }
}

extension MatMul: ChannelRule {
  /// A product with a matrix of weights is a dense layer; one of two values mixes all their channels.
  func connect(_ node: Node, _ result: Value, _ channels: inout ChannelGraph) {
    let (rows, weights) = (node.inputs[0], node.inputs[1])
    guard let matrix = channels.model.parameter(weights), matrix.shape.rank == 2,
      !transposesLeft, channels.model.parameter(rows) == nil
    else {
      for input in node.inputs { channels.lock(input, "goes into a product of two values") }
      return
    }
    channels.bind(weights, axis: transposesRight ? 1 : 0, to: channels.layout(rows))
    channels.set(result, channels.channels(of: weights, axis: transposesRight ? 0 : 1))
  }
}
