import WaneGraph
import WaneTensor

/// Writes the description of a model: words about it, nodes, outputs; and collects the values of its
/// parameters.
struct GraphWriter {
  private var writer = ByteWriter()
  /// The values of the parameters, in the order of their first reads.
  private(set) var values: [FilePiece] = []
  /// Their forms.
  private(set) var forms: [StoredForm] = []
  private var usual = UsualOperands()
  private var layer = ""
  private var numbers: [String: Int] = [:]

  /// The description.
  var bytes: [UInt8] { writer.bytes }

  /// Describes a model.
  ///
  /// - Throws: an error that names what has no file form, and a `.memory` error.
  init(_ file: WaneFile) throws {
    writer.count(file.metadata.count)
    for (key, value) in file.metadata.sorted(by: { $0.key < $1.key }) {
      writer.string(key)
      writer.string(value)
    }
    let graph = file.graph
    let layouts = graph.flattenedLayouts()
    writer.count(graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      try write(node, at: index, of: graph, layouts)
    }
    writer.count(graph.outputs.count)
    for output in graph.outputs { write(output, before: graph.nodes.count) }
  }

  private mutating func write(
    _ node: Node, at index: Int, of graph: Graph, _ layouts: [String: WeightLayout]
  ) throws {
    let operation = node.operation
    let name = type(of: operation).name
    guard Graph.operations[name] != nil else {
      throw WaneError("save", "operation '\(name)' has no file form")
    }
    let number = OperationTable.number(of: name) ?? 0
    let attributes = StoredAttributes(operation.attributes, row: OperationTable.row(number))
    let read = operation as? ParameterRead
    let known = read.flatMap { numbers[$0.parameter] }

    var head = NodeHead()
    if node.layer != layer { head.insert(.hasLayer) }
    if node.inputs != usual.expected(for: operation) { head.insert(.hasOperands) }
    if read == nil ? !attributes.isStandard : known != nil { head.insert(.hasAttributes) }
    writer.unsigned(UInt64(number) << NodeHead.width | head.rawValue)
    if number == 0 { writer.string(name) }
    if head.contains(.hasLayer) { writer.string(node.layer) }
    layer = node.layer
    if head.contains(.hasOperands) {
      writer.count(node.inputs.count)
      for input in node.inputs { write(input, before: index) }
    }
    usual.append(operation, at: index)
    guard let read else {
      if head.contains(.hasAttributes) { attributes.write(to: &writer) }
      return
    }
    if let known {
      writer.count(known)
    } else if let parameter = graph.parameters[read.parameter] {
      numbers[read.parameter] = numbers.count
      try write(parameter, layouts[read.parameter])
    } else {
      throw WaneError("save", "there is no parameter named '\(read.parameter)'")
    }
  }

  private mutating func write(_ parameter: Parameter, _ layout: WeightLayout?) throws {
    let before = writer.bytes.count
    let stored = try ParameterWriter.write(parameter, layer: layer, layout: layout, to: &writer)
    values.append(stored.data)
    forms.append(
      StoredForm(
        parameter: parameter.name, form: stored.form.describing(parameter.payload),
        byteCount: writer.bytes.count - before + stored.data.count))
  }

  /// Writes a value by the distance to its node; of results other than the first, their number.
  private mutating func write(_ value: Value, before index: Int) {
    writer.unsigned(UInt64(index - value.node) << 1 | (value.output == 0 ? 0 : 1))
    if value.output != 0 { writer.count(value.output) }
  }
}

extension ParameterForm {
  /// The form in a few words.
  fileprivate func describing(_ payload: Parameter.Payload) -> String {
    let values =
      switch payload {
      case .dense: "f32"
      case .integer(_, let grid): "int\(grid.bits)"
      case .codebook(_, let centroids, _):
        "codebook of \(centroids.size)" + (centroids.axis == nil ? "" : " per channel")
      }
    return switch self {
    case .plainFloats: values
    case .packedIntegers, .packedCodebook: "packed \(values)"
    case .codedFloats, .codedIntegers, .codedCodebook: "coded \(values)"
    }
  }
}
