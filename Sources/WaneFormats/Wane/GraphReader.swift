import WaneGraph
import WaneTensor

/// Reads what a `GraphWriter` wrote, trusting none of it.
struct GraphReader {
  private var reader: ByteReader
  private var parameters: ParameterReader
  private var graph = Graph()
  private var usual = UsualOperands()
  private var layer = ""
  private var names: [String] = []
  /// Bytes that the names of the parameters still to come may have.
  ///
  /// A path stands once and a name has it anew, so that many short parameters behind a long path would
  /// take the square of what they have in the file.
  private var nameBytes: Int

  /// Bytes of names for a byte of the description; what is written has at most a few.
  private static let namesPerByte = 256

  /// Reads the model behind a header.
  ///
  /// - Throws: a `FileDefect`, an error of the graph that does not accept what it is given, an `.io`
  ///   or a `.memory` error.
  static func read(_ source: some ByteSource, _ header: FileHeader) throws -> WaneFile {
    var reader = GraphReader(
      reader: ByteReader(
        try source.bytes(at: header.descriptionStart, count: header.descriptionCount)),
      parameters: ParameterReader(source, from: header.descriptionStart + header.descriptionCount))
    let metadata = try reader.metadata()
    for _ in 0..<(try reader.reader.items("nodes")) { try reader.node() }
    for _ in 0..<(try reader.reader.items("outputs")) {
      reader.graph.outputs.append(try reader.value())
    }
    let rest = reader.reader.remaining + reader.parameters.remaining
    guard rest == 0 else { throw FileDefect.damaged("\(rest) bytes belong to nothing") }
    return WaneFile(reader.graph, metadata: metadata)
  }

  private init(reader: ByteReader, parameters: ParameterReader) {
    self.reader = reader
    self.parameters = parameters
    // A description is in memory, so this is far from overflow.
    nameBytes = GraphReader.namesPerByte * reader.remaining
  }

  private mutating func metadata() throws -> [String: String] {
    var metadata: [String: String] = [:]
    for _ in 0..<(try reader.items("words", atLeast: 2)) {
      let key = try reader.string()
      guard metadata.updateValue(try reader.string(), forKey: key) == nil else {
        throw FileDefect.damaged("the word '\(key)' is given twice")
      }
    }
    return metadata
  }

  private mutating func node() throws {
    let number = try reader.unsigned()
    let head = NodeHead(rawValue: number & 7)
    let row = OperationTable.row(Int(number >> NodeHead.width))
    let name: String
    if let row {
      name = row.name
    } else if number >> NodeHead.width == 0 {
      name = try reader.string()
    } else {
      throw FileDefect.damaged("there is no operation \(number >> NodeHead.width)")
    }
    guard let type = Graph.operations[name] else {
      throw FileDefect.damaged("there is no operation '\(name)'")
    }
    if head.contains(.hasLayer) { layer = try reader.string() }
    let listed = head.contains(.hasOperands) ? try operands() : nil
    let index = graph.nodes.count

    if type == ParameterRead.self {
      guard listed == nil else { throw FileDefect.damaged("a parameter has operands") }
      try parameter(isKnown: head.contains(.hasAttributes))
    } else {
      let attributes = try StoredAttributes.read(
        &reader, isStandard: !head.contains(.hasAttributes), row: row)
      let operation = try type.init(Attributes(attributes, of: name))
      let operands = listed ?? usual.expected(for: operation)
      let results = try graph.add(operation, operands, layer: layer)
      // An empty extent lets the others be any size, which the next operation may multiply.
      guard results.allSatisfy({ graph.type(of: $0).dimensions.allSatisfy { $0 > 0 } }) else {
        throw FileDefect.damaged("'\(layer)' makes values without elements")
      }
    }
    usual.append(graph.nodes[index].operation, at: index)
  }

  private mutating func parameter(isKnown: Bool) throws {
    if isKnown {
      let number = try reader.unsigned()
      guard number < names.count else {
        throw FileDefect.damaged("there is no parameter \(number)")
      }
      _ = try graph.read(names[Int(number)], layer: layer)
    } else {
      let parameter = try parameters.read(&reader, layer: layer)
      nameBytes -= parameter.name.utf8.count
      guard nameBytes >= 0 else {
        throw FileDefect.damaged("names are longer than the file justifies")
      }
      _ = try graph.add(parameter: parameter, layer: layer)
      names.append(parameter.name)
    }
  }

  private mutating func operands() throws -> [Value] {
    try (0..<(try reader.items("operands"))).map { _ in try value() }
  }

  private mutating func value() throws -> Value {
    let number = try reader.unsigned()
    let output =
      number & 1 == 0 ? 0 : try reader.count("a result's number", in: 1...Int(UInt16.max))
    let distance = number >> 1
    guard distance >= 1, distance <= graph.nodes.count else {
      throw FileDefect.damaged("an operand comes before the first node")
    }
    let node = graph.nodes.count - Int(distance)
    guard output < graph.nodes[node].outputs.count else {
      throw FileDefect.damaged("a node has no result \(output + 1)")
    }
    return Value(node: node, output: output)
  }
}
