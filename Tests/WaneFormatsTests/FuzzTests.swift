import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Many small files that nobody wrote.
///
/// The same ones in every run; `WANE_FUZZ=n` makes n times as many, as `scripts/check --sanitize` does.
@Suite struct FuzzTests {
  private static let factor = getenv("WANE_FUZZ").flatMap { Int(String(cString: $0)) } ?? 1

  private static func seeds() throws -> [BodyMutator.Seed] {
    var empty = Graph()
    empty.outputs = [
      try empty.add(one: Input(index: 0, type: .batched([3])), [], layer: "input")
    ]
    return try [
      Fixtures.everyOperation(), Fixtures.everyForm(), Fixtures.everyEncoding(), empty,
    ].map { graph in
      let parts = try HostileFile.parts(of: WaneFile(graph, metadata: ["name": "seed"]).encoded())
      return BodyMutator.Seed(description: parts.description, values: parts.values)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func whateverStandsInAFileIsAModelOrAnError(seed: UInt64) throws {
    var mutator = BodyMutator(try Self.seeds(), state: seed)
    for _ in 0..<100 * Self.factor { HostileFile.checkSound(mutator.next()) }
  }

  /// What can be read can be looked at and run, whatever its attributes are.
  @Test(arguments: 1...2 as ClosedRange<UInt64>)
  func whatIsReadCanBeRun(seed: UInt64) throws {
    var mutator = BodyMutator([try Self.seeds()[0], try Self.seeds()[3]], state: 100 + seed)
    var numbers = Numbers(state: seed)
    var runs = 0
    for _ in 0..<150 * Self.factor {
      guard let file = HostileFile.read(mutator.next(changes: 1)) else { continue }
      do {
        if try run(file.graph, &numbers) { runs += 1 }
      } catch let error as WaneError {
        #expect(!error.message.isEmpty)
      }
    }
    #expect(runs > 0)
  }

  /// Runs a small model on numbers of all kinds.
  ///
  /// - Returns: whether it was small enough.
  private func run(_ graph: Graph, _ numbers: inout Numbers) throws -> Bool {
    let elements = graph.nodes.reduce(0) { sum, node in
      node.outputs.reduce(sum) { $0.addingClamped($1.sampleCount) }
    }
    guard graph.work < 1 << 22, elements < 1 << 18 else { return false }
    let form = try graph.inferenceForm()
    let program = try Program(
      form, batch: 2, mode: .inference, weights: WeightStore(form.parameters))
    for buffer in program.inputs {
      let bytes = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: buffer.count)
      for index in bytes.indices { bytes[index] = .random(in: 0...255, using: &numbers) }
    }
    program.run()
    return true
  }
}
