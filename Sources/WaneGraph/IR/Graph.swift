import WaneTensor

/// One result of one node.
public struct Value: Hashable, Sendable {
  /// The index of the node that makes it.
  public let node: Int
  /// Which of that node's results it is.
  public let output: Int

  /// Names a result of a node.
  public init(node: Int, output: Int = 0) {
    self.node = node
    self.output = output
  }
}

/// An operation applied to values.
public struct Node: Sendable {
  /// What is done.
  public let operation: any Operation
  /// To what; every one is made by an earlier node.
  public let inputs: [Value]
  /// The types of the results.
  public let outputs: [ValueType]
  /// The path of the layer it belongs to, such as `block2/conv1`.
  public let layer: String
}

/// A model: operations in an order in which they can run, and the parameters they read.
///
/// A value: passes return new graphs, and parameters are shared until they are changed.
public struct Graph: Sendable {
  /// The nodes; operands come before their users (static single assignment).
  public private(set) var nodes: [Node] = []
  /// What the graph computes.
  public var outputs: [Value] = []
  /// The parameters by name, in order of creation.
  public private(set) var parameters = ParameterTable()

  /// An empty graph.
  public init() {}

  /// The type of a value.
  public func type(of value: Value) -> ValueType {
    nodes[value.node].outputs[value.output]
  }

  /// The node that makes a value.
  public func producer(of value: Value) -> Node { nodes[value.node] }

  /// The declared inputs, in order.
  public var inputs: [Value] {
    nodes.indices
      .compactMap { index in
        (nodes[index].operation as? Input).map { ($0.index, Value(node: index)) }
      }
      .sorted { $0.0 < $1.0 }
      .map(\.1)
  }

  /// Appends a node and returns its results.
  ///
  /// - Throws: what the operation says against the operands, with the layer's path.
  @discardableResult
  public mutating func add(_ operation: any Operation, _ inputs: [Value], layer: String = "") throws
    -> [Value]
  {
    for input in inputs {
      guard nodes.indices.contains(input.node),
        nodes[input.node].outputs.indices.contains(input.output)
      else { throw WaneError("graph", "operand of '\(layer)' is not a value of this graph") }
    }
    do {
      let types = try operation.infer(inputs.map(type(of:))).map { try $0.validated() }
      nodes.append(Node(operation: operation, inputs: inputs, outputs: types, layer: layer))
      return types.indices.map { Value(node: nodes.count - 1, output: $0) }
    } catch let error as WaneError {
      throw error.inLayer(layer)
    }
  }

  /// Appends a node with one result.
  public mutating func add(
    one operation: any Operation, _ inputs: [Value], layer: String = ""
  ) throws -> Value {
    try add(operation, inputs, layer: layer)[0]
  }

  /// Adds a parameter and the node that reads it.
  ///
  /// - Throws: when the name is taken.
  public mutating func add(parameter: Parameter, layer: String) throws -> Value {
    guard parameters[parameter.name] == nil else {
      throw WaneError("graph", "there are two parameters named '\(parameter.name)'")
    }
    parameters[parameter.name] = parameter
    return try read(parameter.name, layer: layer)
  }

  /// Appends a node that reads an existing parameter.
  public mutating func read(_ name: String, layer: String) throws -> Value {
    guard let parameter = parameters[name] else {
      throw WaneError("graph", "there is no parameter named '\(name)'")
    }
    return try add(
      one: ParameterRead(name: name, dimensions: parameter.shape.dimensions), [], layer: layer)
  }

  /// Replaces a parameter by one of the same name and shape.
  public mutating func set(_ parameter: Parameter) throws {
    guard let old = parameters[parameter.name], old.shape == parameter.shape else {
      throw WaneError(
        "graph", "no parameter '\(parameter.name)' of shape \(parameter.shape) to replace")
    }
    parameters[parameter.name] = parameter
  }

  /// For every node, the indices of the nodes that read its results, in order.
  public func users() -> [[Int]] {
    var users = [[Int]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs where users[input.node].last != index {
        users[input.node].append(index)
      }
    }
    return users
  }

  /// Builds a new graph node by node.
  ///
  /// `visit` is given each node in order with its operands in the new graph, adds what it likes,
  /// and returns the values that stand for the node's results. Parameters are taken over by the
  /// default visit, so those that nothing reads any more are dropped.
  public func rewritten(
    _ visit: (_ index: Int, _ node: Node, _ inputs: [Value], _ graph: inout Graph) throws ->
      [Value]?
  ) throws -> Graph {
    var result = Graph()
    var map: [Value: Value] = [:]
    for (index, node) in nodes.enumerated() {
      let inputs = node.inputs.compactMap { map[$0] }
      guard inputs.count == node.inputs.count else { continue }
      let values = try visit(index, node, inputs, &result) ?? result.copy(node, inputs, of: self)
      for (output, value) in values.enumerated() {
        map[Value(node: index, output: output)] = value
      }
    }
    result.outputs = try outputs.map { output in
      guard let value = map[output] else { throw WaneError("graph", "an output was removed") }
      return value
    }
    return result
  }

  /// Appends a node of another graph, taking over the parameter it reads, if any.
  public mutating func copy(_ node: Node, _ inputs: [Value], of other: Graph) throws -> [Value] {
    if let read = node.operation as? ParameterRead, parameters[read.name] == nil {
      parameters[read.name] = other.parameters[read.name]
    }
    return try add(node.operation, inputs, layer: node.layer)
  }

  /// The same graph without the nodes that no output needs; inputs stay.
  public func pruned() throws -> Graph {
    var needed = [Bool](repeating: false, count: nodes.count)
    for output in outputs { needed[output.node] = true }
    for index in nodes.indices.reversed() {
      if nodes[index].operation is Input { needed[index] = true }
      if needed[index] { for input in nodes[index].inputs { needed[input.node] = true } }
    }
    return try rewritten { index, _, _, _ in needed[index] ? nil : [] }
  }

  /// Multiply-accumulate operations for one sample; `Int.max` when they cannot be counted.
  public var work: Int { nodes.reduce(0) { $0.addingClamped(work(of: $1)) } }

  /// Multiply-accumulate operations of one node for one sample.
  public func work(of node: Node) -> Int {
    node.operation.work(node.inputs.map(type(of:)), node.outputs)
  }
}

extension Int {
  /// The sum of two counts, `Int.max` when it is beyond counting.
  public func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

/// Parameters by name, in order of creation.
public struct ParameterTable: Sendable, Sequence {
  private var order: [String] = []
  private var byName: [String: Parameter] = [:]

  /// The parameter of that name; assigning adds or replaces it.
  public subscript(name: String) -> Parameter? {
    get { byName[name] }
    set {
      if byName[name] == nil, newValue != nil { order.append(name) }
      if newValue == nil { order.removeAll { $0 == name } }
      byName[name] = newValue
    }
  }

  /// The number of parameters.
  public var count: Int { order.count }

  /// The parameters in order.
  public func makeIterator() -> some IteratorProtocol<Parameter> {
    order.lazy.compactMap { byName[$0] }.makeIterator()
  }
}
