import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

/// Files made to take much more memory or time than they have bytes.
@Suite struct BoundsTests {
  private func message(_ bytes: [UInt8]) -> String? {
    do {
      _ = try decode(bytes)
      return nil
    } catch {
      return (error as? WaneError)?.message ?? "\(error)"
    }
  }

  /// The number of an operation and its flags.
  private func head(_ name: String, _ flags: NodeHead = []) -> Int {
    (OperationTable.number(of: name) ?? 0) << 3 | Int(flags.rawValue)
  }

  /// Parameters with names of their own behind a path that stands once in the file.
  @Test func manyNamesBehindOneLongPath() {
    var writer = ByteWriter()
    let count = 20_000
    for number in [0, count] { writer.count(number) }
    for index in 0..<count {
      writer.count(head("parameter", index == 0 ? .hasLayer : []))
      if index == 0 { writer.string(String(repeating: "p", count: 100_000)) }
      writer.byte(ParameterForm.plainFloats.rawValue)
      writer.string("\(index)")
      writer.count(0)
    }
    writer.count(0)
    let bytes = HostileFile.file(
      description: writer.bytes, values: [UInt8](repeating: 0, count: 4 * count))
    HostileFile.read(bytes)
    #expect(message(bytes) == "the data is damaged: names are longer than the file justifies")
  }

  /// Values of very many axes, made anew by each of many nodes.
  @Test func manyNodesOfManyAxes() {
    var writer = ByteWriter()
    let (axes, count) = (20_000, 20_000)
    for number in [0, count + 1] { writer.count(number) }
    writer.count(head("input", .hasAttributes))
    for number in [1, axes] { writer.count(number) }
    for _ in 0..<axes { writer.signed(1) }
    for _ in 0..<count {
      writer.count(head("add", .hasOperands))
      for number in [2, 2, 2] { writer.count(number) }
    }
    writer.count(0)
    let bytes = HostileFile.file(description: writer.bytes)
    HostileFile.read(bytes)
    #expect(
      message(bytes)
        == "the data is damaged: shape: a value has at most 64 axes, got 20000")
  }

  /// Chains that a walk by recursion would not survive.
  @Test(arguments: ["reshape", "activation"])
  func longChains(operation: String) throws {
    var writer = ByteWriter()
    let count = 100_000
    for number in [0, count + 1] { writer.count(number) }
    writer.count(head("input", .hasAttributes))
    for number in [1, 1] { writer.count(number) }
    writer.signed(1)
    for _ in 0..<count {
      writer.count(head(operation, operation == "reshape" ? .hasAttributes : []))
      if operation == "reshape" {
        for number in [1, 1] { writer.count(number) }
        writer.signed(1)
      }
    }
    for number in [1, 1 << 1] { writer.count(number) }
    let graph = try #require(
      HostileFile.read(HostileFile.file(description: writer.bytes))
    ).graph
    #expect(graph.nodes.count == count + 1)
    let form = try graph.inferenceForm()
    let program = try Program(
      form, batch: 1, mode: .inference, weights: WeightStore(form.parameters))
    program.inputs[0].floats[0] = 3
    program.run()
    #expect(program.outputs[0].floats[0] == 3)
    #expect(try decode(WaneFile(graph).encoded()).graph.nodes.count == count + 1)
  }

  /// A few bytes that stand for as many values as they may.
  @Test func aBombOfZeros() throws {
    var writer = ByteWriter()
    for number in [0, 1, head("parameter")] { writer.count(number) }
    writer.byte(ParameterForm.codedFloats.rawValue)
    writer.string("kernel")
    let length = 200
    for number in [1, 1024 * length, 0, length] { writer.count(number) }
    writer.count(0)
    let values = [UInt8](repeating: 0, count: length)
    let file = try #require(
      HostileFile.read(HostileFile.file(description: writer.bytes, values: values)))
    #expect(file.graph.parameters["/kernel"]?.shape.count == 1024 * length)
  }

  @Test(arguments: [ParameterForm.plainFloats, .codedFloats, .packedIntegers, .packedCodebook])
  func extentsBeyondTheFile(form: ParameterForm) {
    for extents in [[Int(Int32.max)], [1 << 20, 1 << 20], [Int](repeating: 8, count: 16)] {
      var writer = ByteWriter()
      for number in [0, 1, head("parameter")] { writer.count(number) }
      writer.byte(form.rawValue)
      writer.string("kernel")
      writer.count(extents.count)
      for extent in extents { writer.count(extent) }
      switch form {
      case .codedFloats: for number in [0, 20] { writer.count(number) }
      case .packedIntegers:
        writer.byte(GridWidths(codeBits: 1, gridBits: 1).byte)
        writer.count(0)
        writer.count(0)
        writer.float(1)
      default:
        writer.byte(GridWidths(codeBits: 1, gridBits: 1).byte)
        writer.byte(0)
        writer.count(0)
        writer.float(1)
      }
      writer.count(0)
      let bytes = HostileFile.file(
        description: writer.bytes, values: [UInt8](repeating: 0, count: 20))
      HostileFile.read(bytes)
      #expect(message(bytes)?.hasPrefix("the data is damaged: ") == true)
    }
  }

  /// Each of these says something twice, or something that nothing reads.
  @Test func whatIsSaidTwice() throws {
    var words = ByteWriter()
    words.count(2)
    for text in ["a", "b", "a", "c"] { words.string(text) }
    for number in [0, 0] { words.count(number) }
    #expect(
      message(HostileFile.file(description: words.bytes))
        == "the data is damaged: the word 'a' is given twice")

    var attributes = ByteWriter()
    for number in [0, 1, head("softmax", .hasAttributes), 1, 2] { attributes.count(number) }
    for _ in 0..<2 {
      attributes.string("depth")
      attributes.byte(0)
      attributes.byte(1)
    }
    attributes.count(0)
    #expect(
      message(HostileFile.file(description: attributes.bytes))
        == "the data is damaged: the attribute 'depth' is given twice")

    for flag in [ParameterFlags.hasGrid, .isOnGrid] {
      var writer = ByteWriter()
      for number in [0, 1, head("parameter")] { writer.count(number) }
      writer.byte(ParameterForm.plainFloats.rawValue | flag.rawValue)
      writer.string("kernel")
      for number in [0, 0] { writer.count(number) }
      #expect(
        message(HostileFile.file(description: writer.bytes, values: [0, 0, 0, 0]))
          == "the data is damaged: a parameter of form 0 has a codebook's flags")
    }
  }

  /// Tables of channels that a parameter of shape [2, 3] has not, and codes that they have not.
  @Test func tablesThatDoNotFit() throws {
    /// A parameter with a table of two values for each position of an axis.
    func file(
      _ form: ParameterForm, axis: Int, isMasked: Bool = false, tables: Int = 3, rank: Int = 2,
      bits: Int = 1, values: [UInt8]
    ) -> [UInt8] {
      var writer = ByteWriter()
      for number in [0, 1, head("parameter")] { writer.count(number) }
      writer.byte(form.rawValue | (isMasked ? ParameterFlags.isMasked.rawValue : 0))
      writer.string("kernel")
      writer.count(rank)
      for extent in [2, 3].prefix(rank) { writer.count(extent) }
      var widths = GridWidths(codeBits: bits, gridBits: 1)
      widths.hasTables = true
      writer.byte(widths.byte)
      writer.byte(1)
      writer.count(axis)
      writer.count(0)
      for entry in 0..<2 * tables { writer.float(Float(entry) - 2) }
      if form == .codedCodebook {
        writer.byte(0)
        for number in [0, values.count] { writer.count(number) }
      }
      writer.count(0)
      return HostileFile.file(description: writer.bytes, values: values)
    }
    let good = file(.packedCodebook, axis: 1, values: [0b10_0110])
    let kernel = try #require(HostileFile.read(good)).graph.parameters["/kernel"]
    #expect(try kernel?.decoded().array(Float.self) == [-2, 1, 3, -2, 0, 3])

    let damaged = "the data is damaged: "
    for (bytes, expected) in [
      (file(.packedCodebook, axis: 2, values: [0]), damaged + "an axis is 2"),
      (file(.packedCodebook, axis: 0, rank: 0, values: [0]), damaged + "a number has no channels"),
      // Behind the tables of two rows begins what nothing reads.
      (file(.packedCodebook, axis: 0, values: [0]), damaged),
      (file(.packedCodebook, axis: 1, tables: 2, values: [0]), damaged),
      (file(.packedCodebook, axis: 1, values: []), damaged + "1 bytes of values are 0 bytes"),
      (
        file(.packedCodebook, axis: 1, bits: 2, values: [0xFF, 0xFF]),
        damaged + "parameter '/kernel': code 3 is beyond the 2"
      ),
      (
        file(.packedCodebook, axis: 1, isMasked: true, values: [0]),
        damaged + "parameter '/kernel': zeros are pinned, and no entry is zero"
      ),
    ] {
      HostileFile.read(bytes)
      #expect(message(bytes)?.hasPrefix(expected) == true, "\(message(bytes) ?? "read")")
    }
    // Of the ranks that all tables have together each table has some: most codes are not its own.
    var refused = 0
    for first in 0...UInt8.max {
      let bytes = file(.codedCodebook, axis: 1, values: [first, 77, 1])
      HostileFile.checkSound(bytes)
      if message(bytes) == damaged + "a code is beyond those of its channel" { refused += 1 }
    }
    #expect(refused > 100)
  }
}
