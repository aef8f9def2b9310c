import WaneGraph
import WaneTensor

/// What a model consists of, layer by layer.
public struct Summary: Sendable {
  /// One layer.
  public struct Row: Sendable {
    /// The layer's path.
    public let layer: String
    /// What kind of layer it is, its activation included.
    public let kind: String
    /// The type of its result.
    public let output: ValueType
    /// The number of its parameters' values.
    public let parameters: Int
    /// Those that are not zero.
    public let nonzero: Int
    /// Multiply-accumulate operations for one sample.
    public let macs: Int
    /// Bytes its parameters take in memory.
    public let bytes: Int
    /// How its parameters are encoded, when not plainly.
    public let encoding: String
  }

  /// The layers in order.
  public let rows: [Row]

  /// Surveys a model.
  public init(_ graph: Graph) throws {
    var order: [String] = []
    var members: [String: [Node]] = [:]
    for node in graph.nodes {
      // Parameters may be read long before they are used; a layer stands where it computes.
      if !(node.operation is ParameterRead), !order.contains(node.layer) {
        order.append(node.layer)
      }
      members[node.layer, default: []].append(node)
    }
    var counted = Set<String>()
    rows = try order.compactMap { layer in
      guard let nodes = members[layer], let last = nodes.last else { return nil }
      let operations = nodes.filter { !($0.operation is ParameterRead) }
      // A shared parameter is read more than once, and is there once all the same.
      let parameters = nodes.compactMap { node in
        (node.operation as? ParameterRead).flatMap { graph.parameters[$0.name] }
      }.filter { counted.insert($0.name).inserted }
      let encodings = Set(parameters.map(\.encodingDescription)).subtracting(["f32"])
      return Row(
        layer: layer,
        kind: operations.map(Summary.kind).joined(separator: " + "),
        output: operations.last?.outputs[0] ?? last.outputs[0],
        parameters: parameters.reduce(0) { $0 + $1.shape.count },
        nonzero: try parameters.reduce(0) { try $0 + $1.nonzeroCount() },
        macs: operations.reduce(0) { $0.addingClamped(graph.work(of: $1)) },
        bytes: parameters.reduce(0) { $0 + $1.byteCount },
        encoding: encodings.sorted().joined(separator: ", "))
    }
  }

  private static func kind(_ node: Node) -> String {
    if let activation = node.operation as? Activation { return activation.kind.rawValue }
    if let norm = node.operation as? SampleNorm { return norm.kind.name }
    return type(of: node.operation).name
  }

  /// All parameters' values.
  public var parameters: Int { rows.reduce(0) { $0 + $1.parameters } }
  /// Those that are not zero.
  public var nonzero: Int { rows.reduce(0) { $0 + $1.nonzero } }
  /// Multiply-accumulate operations for one sample.
  public var macs: Int { rows.reduce(0) { $0.addingClamped($1.macs) } }
  /// Bytes the parameters take in memory.
  public var bytes: Int { rows.reduce(0) { $0 + $1.bytes } }
}
