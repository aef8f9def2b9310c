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
    if node.inputs.count > 3 {
      let axis = recurrence.cell.bias(units: recurrence.units).count - 1
      channels.bind(node.inputs[3], axis: axis, to: columns)
    }
    channels.set(result, units)
  }

  func narrowed(to channels: Int, _ node: Node, in model: Graph) -> any Operation {
    let narrow = attributes.merging(["units": .int(channels)]) { $1 }
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
