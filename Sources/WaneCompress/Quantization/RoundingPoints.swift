import WaneGraph
import WaneTensor

/// Where activations have to be rounded so that some layers see integers.
///
/// A value is rounded where it is made: pooling by maximum, flattening and dropout move rounded values
/// about and leave them on their grid, so the rounding stands before them and bytes flow through.
struct RoundingPoints {
  private let model: Graph
  /// The nodes whose first operand is to be on a grid.
  private let consumers: Set<Int>
  /// The values to round, in order.
  let values: [Value]

  /// Finds them for the nodes of some layers.
  init(_ model: Graph, layers: [WeightedLayer]) {
    self.model = model
    consumers = Set(layers.flatMap(\.nodes))
    var sources = Set<Value>()
    for consumer in consumers {
      let source = RoundingPoints.source(of: model.nodes[consumer].inputs[0], in: model)
      if !RoundingPoints.rounds(model.producer(of: source).operation) { sources.insert(source) }
    }
    values = sources.sorted { ($0.node, $0.output) < ($1.node, $1.output) }
  }

  /// The bits of the grid that a layer's inputs are on; nil when it reads floats.
  static func bits(of layer: WeightedLayer, in model: Graph) -> Int? {
    let bits = layer.nodes.map { node -> Int? in
      let source = source(of: model.nodes[node].inputs[0], in: model)
      switch model.producer(of: source).operation {
      case let rounding as Quantize: return rounding.grid.bits
      case let rounding as DynamicQuantize: return rounding.bits
      default: return nil
      }
    }
    return bits.contains(nil) ? nil : bits.compactMap { $0 }.max()
  }

  /// The grid that the first operand of a node is on; nil when it has none that all samples share.
  static func grid(of node: Node, in model: Graph) -> ActivationGrid? {
    let source = source(of: node.inputs[0], in: model)
    return (model.producer(of: source).operation as? Quantize)?.grid
  }

  private static func rounds(_ operation: any Operation) -> Bool {
    operation is Quantize || operation is DynamicQuantize
  }

  private static func keepsGrid(_ operation: any Operation) -> Bool {
    operation is MaxPool2D || operation is Reshape || operation is any TrainingOnly
  }

  private static func source(of value: Value, in model: Graph) -> Value {
    var value = value
    while keepsGrid(model.producer(of: value).operation) {
      value = model.producer(of: value).inputs[0]
    }
    return value
  }

  /// The model with rounding at these points.
  ///
  /// Only the selected layers read rounded values; others go on reading what they read.
  func round(to grids: [Value: ActivationGrid]) throws -> Graph {
    try round(by: grids.mapValues { Quantize($0) })
  }

  /// The model with these operations at these points.
  func round(by roundings: [Value: any Operation]) throws -> Graph {
    var plain: [Value: Value] = [:]
    var rounded: [Value: Value] = [:]

    func roundedValue(_ value: Value, _ graph: inout Graph) throws -> Value? {
      if let known = rounded[value] { return known }
      let producer = model.producer(of: value)
      let result: Value?
      if RoundingPoints.keepsGrid(producer.operation) {
        guard let input = try roundedValue(producer.inputs[0], &graph) else { return nil }
        result = try graph.add(producer.operation, [input], layer: producer.layer)[value.output]
      } else if let rounding = roundings[value], let source = plain[value] {
        result = try graph.add(rounding, [source], layer: producer.layer)[0]
      } else {
        result = plain[value]
      }
      rounded[value] = result
      return result
    }

    return try model.rewritten { index, node, inputs, graph in
      var inputs = inputs
      if consumers.contains(index), let value = try roundedValue(node.inputs[0], &graph) {
        inputs[0] = value
      }
      let results = try graph.copy(node, inputs, of: model)
      for (output, value) in results.enumerated() {
        plain[Value(node: index, output: output)] = value
      }
      return results
    }.pruned()
  }
}
