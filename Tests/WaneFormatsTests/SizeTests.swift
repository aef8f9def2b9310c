import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

@Suite struct SizeTests {
  @Test func descriptionIsShort() throws {
    let graph = try Fixtures.pruned()
    let file = WaneFile(graph)
    let values = try FileImage(file).pieces.dropFirst(3).reduce(0) { $0 + $1.count }
    let description = try file.encoded().count - values
    // Sixteen bytes a codebook and six scales of activations are in it.
    #expect(description < 300, "\(description)")
  }

  @Test func everyFormOccurs() throws {
    let forms = try WaneFile(Fixtures.everyForm()).storedForms().map(\.form)
    #expect(
      forms == [
        "f32", "coded f32", "coded int8", "coded int2", "coded codebook of 4",
        "coded codebook of 4 per channel", "coded codebook of 4 per channel", "packed int8",
        "packed int2", "packed codebook of 4", "packed codebook of 4 per channel",
        "packed codebook of 4 per channel",
      ])
  }

  @Test func formsAddUp() throws {
    for graph in [try Fixtures.everyEncoding(), try Fixtures.pruned()] {
      let file = WaneFile(graph)
      let forms = try file.storedForms()
      let size = try WaneFile.size(of: graph)
      #expect(forms.map(\.parameter) == graph.parameters.map(\.name))
      #expect(forms.reduce(0) { $0 + $1.byteCount } < size)
      #expect(size - forms.reduce(0) { $0 + $1.byteCount } < 120)
    }
  }

  @Test func smallestFormIsChosen() throws {
    var graph = Graph()
    var numbers = Numbers(state: 2)
    func add(_ name: String, _ payload: Parameter.Payload, _ count: Int) throws {
      _ = try graph.add(
        parameter: Parameter(name, payload, shape: Shape([count])), layer: "layer")
    }
    let grid = try WeightGrid(bits: 4, scales: [1], axis: nil)
    let noise = (0..<1000).map { _ in UInt8.random(in: 0...14, using: &numbers) }
    let sparse = (0..<1000).map { $0 % 10 == 0 ? noise[$0] : 7 }
    try add("random int4", .integer(codes: PackedCodes(noise, bits: 4), grid: grid), 1000)
    try add("sparse int4", .integer(codes: PackedCodes(sparse, bits: 4), grid: grid), 1000)
    try add("ones", .dense(Tensor([Float](repeating: 1, count: 300))), 300)
    try add("noise", .dense(Tensor((0..<5000).map { _ in numbers.normal() })), 5000)
    try add(
      "sparse", .dense(Tensor((0..<5000).map { $0 % 4 == 0 ? numbers.normal() : 0 })), 5000)
    let forms = try WaneFile(graph).storedForms()
    #expect(
      forms.map(\.form) == ["packed int4", "coded int4", "coded f32", "f32", "coded f32"],
      "\(forms)")
    #expect(forms[1].byteCount < 150 && forms[2].byteCount < 30 && forms[4].byteCount < 5000)
  }
}
