import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

@Suite struct RoundTripTests {
  private func check(_ graph: Graph, _ metadata: [String: String] = [:]) throws {
    let bytes = try WaneFile(graph, metadata: metadata).encoded()
    let file = try decode(bytes)
    #expect(try listing(file.graph) == listing(graph))
    #expect(file.metadata == metadata)
    #expect(try file.encoded() == bytes)
    #expect(try WaneFile.size(of: graph, metadata: metadata) == bytes.count)
  }

  @Test func everyOperation() throws { try check(Fixtures.everyOperation()) }
  @Test func everyEncoding() throws { try check(Fixtures.everyEncoding()) }
  @Test func emptyGraph() throws { try check(Graph()) }
  @Test func compressedNetwork() throws { try check(Fixtures.pruned()) }

  @Test func metadata() throws {
    try check(
      Graph(),
      ["name": "tiny", "created_by": "wane 0.1", "": "", "ключ": "значение", "dense_1": "name"])
  }

  @Test func namesOfAllKinds() throws {
    var graph = Graph()
    for name in [
      "plain", "layer/kernel", "layer/", "/", "dense_007", "dense_7", "dense_-1",
      "conv2d_9999999999", "é/ü",
      "layer/kernel/deep", "_", "_1",
    ] {
      _ = try graph.add(parameter: Parameter(name, Tensor(scalar: 1)), layer: "layer")
    }
    _ = try graph.add(parameter: Parameter("é/kernel", Tensor(scalar: 1)), layer: "é")
    // Another way to write the same letter is another name for bytes, not for Swift.
    _ = try graph.add(parameter: Parameter("e\u{301}/bias", Tensor(scalar: 1)), layer: "é")
    try check(graph)
  }

  @Test func everyOperationHasARow() {
    for name in Graph.operations.keys {
      #expect(OperationTable.number(of: name) != nil, "\(name) has no row")
    }
  }

  @Test func rowsKnowEveryAttribute() throws {
    // What a row does not know is written with its name; here it would only cost bytes.
    for node in try Fixtures.everyOperation().nodes where !(node.operation is ParameterRead) {
      let name = type(of: node.operation).name
      let row = OperationTable.number(of: name).flatMap { OperationTable.row($0) }
      let known = Set(row?.attributes.map(\.name) ?? [])
      #expect(known == Set(node.operation.attributes.keys), "\(name)")
    }
  }

  @Test func internalOperationsAreRefused() throws {
    var graph = Graph()
    _ = try graph.add(
      one: Ones(Attributes(["dimensions": .ints([2])], of: "ones")), [], layer: "x")
    #expect(throws: WaneError("save", "operation 'ones' has no file form")) {
      try WaneFile(graph).encoded()
    }
  }

  @Test func emptyParametersAreRefused() throws {
    var graph = Graph()
    _ = try graph.add(parameter: Parameter("x/kernel", Tensor(zeros: Shape([3, 0]))), layer: "x")
    #expect(
      throws: WaneError("save", "parameter 'x/kernel' of shape 3x0 has no file form")
    ) { try WaneFile(graph).encoded() }
  }
}
