import Testing
import WaneGraph

@testable import WaneCompress

@Suite struct SelectionTests {
  static func chosen(_ selection: Selection) throws -> [String] {
    try selection.choose(in: Fixture.cnn(), "prune").layers.map(\.path)
  }

  /// The layers of the fixture are conv2d, max_pool2d, conv2d_1, flatten, dense, dense_1.
  @Test func wordsAreNamesThenKindsThenPatterns() throws {
    #expect(try Self.chosen(.all) == ["conv2d", "conv2d_1", "dense", "dense_1"])
    // A layer of that very name goes before the kind.
    #expect(try Self.chosen(Selection(only: ["conv2d"])) == ["conv2d"])
    #expect(try Self.chosen(Selection(only: ["^conv"])) == ["conv2d", "conv2d_1"])
    #expect(try Self.chosen(Selection(only: ["_1$"])) == ["conv2d_1", "dense_1"])
    #expect(try Self.chosen(Selection(only: ["dense_1", "conv2d"])) == ["conv2d", "dense_1"])
    #expect(try Self.chosen(Selection(except: ["dense_1"])) == ["conv2d", "conv2d_1", "dense"])
    #expect(try Self.chosen(Selection(only: ["^conv"], except: ["conv2d"])) == ["conv2d_1"])
  }

  @Test func kindsAreThoseOfOperations() throws {
    // No layer is called so, but several hold an activation.
    let plain = LayerNames(try Fixture.cnn())
    #expect(try plain.resolve("activation", "x").layers.contains("dense"))
    // A layer's path comes before a kind of the same name.
    let names = LayerNames(try Fixture.cnn(normalizes: true))
    #expect(try names.resolve("activation", "x").layers == ["activation"])
    #expect(try names.resolve("batch_norm", "x").1 == .path)
  }

  @Test func layersWithoutKernelAreReported() throws {
    let chosen = try Selection(only: ["flatten", "dense"]).choose(in: Fixture.cnn(), "prune")
    #expect(chosen.layers.map(\.path) == ["dense"])
    #expect(chosen.skipped == [.init("flatten", "has no kernel")])
  }

  @Test func mistakesAreErrors() throws {
    #expect(
      Fixture.message { _ = try Self.chosen(Selection(only: ["lstm"])) }
        == "prune: no layer is called or of kind 'lstm', nor is that found as a pattern in 'conv2d', "
        + "'max_pool2d', 'conv2d_1', 'flatten', 'dense', 'dense_1'")
    #expect(
      Fixture.message { _ = try Self.chosen(Selection(only: ["[a"])) }
        == "pattern: malformed pattern '[a': missing ']'")
    #expect(
      Fixture.message { _ = try Self.chosen(Selection(only: ["flatten"])) }
        == "prune: no layer with weights is selected")
  }

  @Test func ofSeveralWordsTheClosestCounts() throws {
    let names = LayerNames(try Fixture.cnn())
    let values = try names.assign(
      [("dense", 1), (".", 2), ("^conv", 2), ("conv2d_1", 3)], "bits", "quantize")
    #expect(values["dense"] == 1)
    #expect(values["dense_1"] == 2)
    #expect(values["conv2d"] == 2)
    #expect(values["conv2d_1"] == 3)
    #expect(
      Fixture.message { _ = try names.assign([("^c", 1), ("2d$", 2)], "bits", "quantize") }
        == "quantize: '^c' and '2d$' give layer 'conv2d' different bits")
  }
}
