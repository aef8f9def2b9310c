import WaneGraph
import WaneTensor

/// For each parameter that was cut, the positions of each axis that are left; nil for an axis of which all
/// are.
public typealias KeptPositions = [String: [[Int]?]]

extension ChannelGraph {
  /// The model without some channels, and what is left of each parameter that lost any.
  func removing(_ removed: Set<Channel>) throws -> (model: Graph, kept: KeptPositions) {
    var kept: KeptPositions = [:]
    let result = try model.rewritten { index, node, inputs, graph in
      if let read = node.operation as? ParameterRead, let parameter = model.parameters[read.name] {
        guard graph.parameters[read.name] == nil else {
          return [try graph.read(read.name, layer: node.layer)]
        }
        let positions = self.kept(of: read.name, removing: removed)
        if positions.contains(where: { $0 != nil }) { kept[read.name] = positions }
        return [try graph.add(parameter: parameter.keeping(positions), layer: node.layer)]
      }
      guard let rule = node.operation as? any ChannelRule, !node.inputs.isEmpty else {
        return nil
      }
      let count = keptCount(of: Value(node: index), removing: removed)
      let operation = rule.narrowed(to: count, node, in: model)
      return try graph.add(operation, inputs, layer: node.layer)
    }
    return (result, kept)
  }
}
