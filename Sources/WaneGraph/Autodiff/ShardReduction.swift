/// Makes sums over the batch whole where a batch is cut into shards.
///
/// A value without a batch axis that is computed from values with one (a gradient of a parameter,
/// batch statistics) is, on each shard, only that shard's part of a sum. Parts may flow through
/// operations that are linear in them; before anything else reads one, it must be added up across
/// the shards. This pass puts an `AllReduce` there. Outputs of the graph stay in parts: whoever
/// runs the shards adds those up.
extension Graph {
  /// The same graph with reductions between shards where they are needed.
  public func withShardReductions() throws -> Graph {
    var partial = Set<Value>()
    var whole: [Value: Value] = [:]
    return try rewritten { index, node, inputs, graph in
      var inputs = inputs
      var resultsArePartial = false
      let types = node.inputs.map(self.type(of:))
      let samples = types.contains { $0.isBatched }
      for (operand, input) in node.inputs.enumerated() where partial.contains(input) {
        let isLinearHere =
          node.operation.isLinear(in: operand)
          // A sum of a part and a whole would count the whole once a shard.
          && node.inputs.indices.allSatisfy { other in
            other == operand || partial.contains(node.inputs[other])
              || !node.operation.isLinear(in: other) || types[other].isBatched
          }
        if isLinearHere && !samples {
          resultsArePartial = true
        } else {
          let reduced = try whole[input] ?? graph.add(one: AllReduce(), [inputs[operand]])
          whole[input] = reduced
          inputs[operand] = reduced
        }
      }
      let results = try graph.copy(node, inputs, of: self)
      for (output, type) in node.outputs.enumerated() where !type.isBatched {
        if (samples || resultsArePartial) && !node.operation.spansShards {
          partial.insert(Value(node: index, output: output))
        }
      }
      return results
    }
  }
}
