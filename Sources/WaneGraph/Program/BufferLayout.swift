import WaneTensor

/// Decides where every value of a graph lives while its program runs.
struct BufferLayout {
  /// The place of a value.
  enum Place {
    case arena(Int)
    case destination(UnsafeMutableRawPointer)
  }

  /// Nodes some output needs, and all inputs, in order.
  let needed: [Int]
  /// The arena.
  let plan: ArenaPlan
  /// The place of every value but parameters, which lie in the weight store.
  private(set) var places: [Value: Place] = [:]
  /// Outputs whose value could not be made where it is wanted.
  private(set) var copies: [(output: Int, pointer: UnsafeMutableRawPointer)] = []

  /// Values that share one buffer.
  private struct Group {
    var byteCount: Int
    var first: Int
    var last: Int
    var destination: UnsafeMutableRawPointer?
    var isParameter = false
  }

  init(_ graph: Graph, batch: Int, destinations: [Int: UnsafeMutableRawPointer]) throws {
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    var lastUse: [Value: Int] = [:]
    let end = graph.nodes.count
    for output in graph.outputs {
      isNeeded[output.node] = true
      lastUse[output] = end
    }
    for index in graph.nodes.indices.reversed() {
      if graph.nodes[index].operation is Input { isNeeded[index] = true }
      guard isNeeded[index] else { continue }
      let node = graph.nodes[index]
      for (operand, input) in node.inputs.enumerated() {
        isNeeded[input.node] = true
        // What a view shows is needed as long as the view; its own uses all come later and are known.
        let last = node.operation.aliases == operand ? lastUse[Value(node: index)] ?? index : index
        lastUse[input] = max(lastUse[input] ?? last, last)
      }
    }
    let needed = graph.nodes.indices.filter { isNeeded[$0] }
    self.needed = needed

    var groups: [Group] = []
    var groupOf: [Value: Int] = [:]
    for index in needed {
      let node = graph.nodes[index]
      for (output, type) in node.outputs.enumerated() {
        let value = Value(node: index, output: output)
        guard output == 0 || lastUse[value] != nil else { continue }
        let bytes = try type.shape(batch: batch).count * type.dtype.byteCount
        if let alias = node.operation.aliases, let group = groupOf[node.inputs[alias]] {
          groupOf[value] = group
          continue
        }
        let last = lastUse[value] ?? index
        if output == 0, let operand = node.operation.overwrites,
          let group = groupOf[node.inputs[operand]], !groups[group].isParameter,
          groups[group].byteCount == bytes, groups[group].last == index
        {
          groups[group].last = last
          groupOf[value] = group
          continue
        }
        groupOf[value] = groups.count
        groups.append(
          Group(
            byteCount: bytes, first: node.operation is Input ? -1 : index, last: last,
            isParameter: node.operation is ParameterRead))
      }
    }

    var placedOutputs: [Int: Int] = [:]
    for (output, pointer) in destinations.sorted(by: { $0.key < $1.key }) {
      guard let group = groupOf[graph.outputs[output]] else { continue }
      let isFirst = placedOutputs[group] == nil && groups[group].first >= 0
      if isFirst, !groups[group].isParameter {
        groups[group].destination = pointer
        placedOutputs[group] = output
      } else {
        copies.append((output, pointer))
      }
    }

    let inArena = groups.indices.filter {
      groups[$0].destination == nil && !groups[$0].isParameter
    }
    plan = ArenaPlan(
      inArena.map {
        .init(byteCount: groups[$0].byteCount, first: groups[$0].first, last: groups[$0].last)
      })
    var offset = [Int](repeating: 0, count: groups.count)
    for (position, group) in inArena.enumerated() { offset[group] = plan.offsets[position] }
    for (value, group) in groupOf where !groups[group].isParameter {
      places[value] = groups[group].destination.map(Place.destination) ?? .arena(offset[group])
    }
  }
}
