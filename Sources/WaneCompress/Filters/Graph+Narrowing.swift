import WaneGraph
import WaneTensor

/// For each parameter that was cut, the positions of each axis that are left; nil for an axis of which all
/// are.
public typealias KeptPositions = [String: [[Int]?]]

/// The removal of some channels from a model, as operations have to know it.
struct Narrowing {
  /// The model and its channels.
  let channels: ChannelGraph
  /// What is removed.
  let removed: Set<ChannelGraph.Channel>

  /// The positions of a value's channels that stay.
  func kept(_ value: Value) -> [Int] {
    let roots = channels.roots(of: value)
    return roots.indices.filter { !removed.contains(roots[$0]) }
  }

  /// How many channels of the first result of a node stay.
  func count(_ index: Int) -> Int { kept(Value(node: index)).count }
}

extension ChannelGraph {
  /// The model without some channels, and what is left of each parameter that lost any.
  ///
  /// - Parameters:
  ///   - removed: the channels that go.
  ///   - extraBiases: biases for layers that have none, by the place of their node.
  ///   - biases: other values for biases, by name; like the extra ones before anything is removed.
  /// - Returns: the narrower model, and what stays of its parameters.
  /// - Throws: when memory cannot be had.
  func removing(
    _ removed: Set<Channel>, extraBiases: [Int: Parameter] = [:],
    _ biases: [String: Parameter] = [:]
  ) throws -> (model: Graph, kept: KeptPositions) {
    var kept: KeptPositions = [:]
    let narrowing = Narrowing(channels: self, removed: removed)
    let result = try model.rewritten { index, node, inputs, graph in
      if let read = node.operation as? ParameterRead, let parameter = model.parameters[read.name] {
        guard graph.parameters[read.name] == nil else {
          return [try graph.read(read.name, layer: node.layer)]
        }
        let positions = self.kept(of: read.name, removing: removed)
        if positions.contains(where: { $0 != nil }) { kept[read.name] = positions }
        let whole = biases[read.name] ?? parameter
        return [try graph.add(parameter: whole.keeping(positions), layer: node.layer)]
      }
      guard let rule = node.operation as? any ChannelRule, !node.inputs.isEmpty else {
        return nil
      }
      let operation = rule.narrowed(node, index, narrowing)
      var operands = inputs
      if let bias = extraBiases[index] {
        let filters = narrowing.kept(Value(node: index))
        operands.append(try graph.add(parameter: bias.keeping([filters]), layer: node.layer))
      }
      return try graph.add(operation, operands, layer: node.layer)
    }
    return (result, kept)
  }
}
