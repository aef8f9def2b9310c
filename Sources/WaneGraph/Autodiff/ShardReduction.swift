/// Makes sums over the batch whole where a batch is cut into shards.
///
/// A value without a batch axis that is computed from values with one (a gradient of a parameter,
/// batch statistics) is, on each shard, only that shard's part of a sum. Parts may flow through
/// operations that are linear in them; before anything else reads one, it must be added up across
/// the shards. This pass puts an `AllReduce` there. A whole value that is added to a part becomes a
/// part itself. Outputs of the graph stay in parts: whoever runs the shards adds those up.
extension Graph {
  /// The same graph with reductions between shards where they are needed.
  ///
  /// The first `sums` outputs are those that whoever runs the shards adds up: of them, the ones that
  /// every shard knows whole are cut into parts.
  public func withShardReductions(sums: Int = 0) throws -> Graph {
    var partial = Set<Value>()
    var whole: [Value: Value] = [:]
    var shares: [Value: Value] = [:]
    var made: [Value: Value] = [:]
    var result = try rewritten { index, node, inputs, graph in
      var inputs = inputs
      let types = node.inputs.map(self.type(of:))
      let operands = node.inputs.indices
      let parts = operands.filter { partial.contains(node.inputs[$0]) }
      let samples = types.contains { $0.isBatched }
      let resultsArePartial =
        !samples && !parts.isEmpty && parts.contains { node.operation.isLinear(in: $0) }
      for operand in parts where !resultsArePartial || !node.operation.isLinear(in: operand) {
        let input = node.inputs[operand]
        let reduced = try whole[input] ?? graph.add(one: AllReduce(), [inputs[operand]])
        whole[input] = reduced
        inputs[operand] = reduced
      }
      if resultsArePartial {
        // Linear in this one, too: the operation is a sum of both.
        for operand in operands
        where !parts.contains(operand) && node.operation.isLinear(in: operand) {
          let input = node.inputs[operand]
          let share = try shares[input] ?? graph.add(one: ShardShare(), [inputs[operand]])
          shares[input] = share
          inputs[operand] = share
        }
      }
      let results = try graph.copy(node, inputs, of: self)
      for (output, type) in node.outputs.enumerated() {
        let value = Value(node: index, output: output)
        made[value] = results[output]
        if !type.isBatched, samples || resultsArePartial, !node.operation.spansShards {
          partial.insert(value)
        }
      }
      return results
    }
    for (position, output) in outputs.prefix(sums).enumerated() where !partial.contains(output) {
      guard let value = made[output], !type(of: output).isBatched else { continue }
      result.outputs[position] = try result.add(one: ShardShare(), [value])
    }
    return result
  }
}
