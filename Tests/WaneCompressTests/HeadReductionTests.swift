import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Fewer heads of attention.
@Suite struct HeadReductionTests {
  static func network(seed: Int = 1) throws -> Graph {
    let input = try ChannelRuleTests.apply(InputLayer([5, 6]))
    let seen = try ChannelRuleTests.apply(
      MultiHeadAttentionLayer(heads: 4, keySize: 3, valueSize: 2, isCausal: true, name: "one"),
      input)
    let sum = try ChannelRuleTests.apply(AddLayer(), input, seen)
    let again = try ChannelRuleTests.apply(
      MultiHeadAttentionLayer(heads: 2, keySize: 4, name: "two"), sum)
    let output = try ChannelRuleTests.apply(
      DenseLayer(units: 2), ChannelRuleTests.apply(FlattenLayer(), again))
    return try ChannelRuleTests.graph([input], [output], seed: seed)
  }

  static func heads(_ model: Graph) -> [Int] {
    model.nodes.compactMap { ($0.operation as? Attention)?.heads }
  }

  @Test func headsGoAndTheRestStays() throws {
    let model = try Self.network()
    for (ratio, left) in [(0.25, [3, 1]), (0.5, [2, 1]), (0.9, [1, 1])] {
      let result = try HeadReduction(ratio: ratio).apply(to: model, Fixture.context())
      #expect(Self.heads(result.model) == left)
      #expect(result.report.layers.map(\.layer) == ["one", "two"])
      #expect(result.report.layers[0]["heads"]?.after == Double(left[0]))
      #expect(
        FilterReductionTests.close(
          try ChannelRuleTests.outputs(result.model),
          try ChannelRuleTests.outputs(FilterReductionTests.zeroing(result.kept, in: model))))
      // Nothing but heads has changed.
      #expect(
        result.model.parameters["one/attention_output/kernel"]?.shape.dimensions
          == [2 * left[0], 6])
    }
  }

  /// The head with next to no weights goes, whatever says so.
  @Test func theLeastHeadGoes() throws {
    var model = try Self.network()
    for name in ["query", "key", "value"] {
      let kernel = try #require(model.parameters["one/\(name)/kernel"])
      let columns = kernel.shape[1]
      let values = try kernel.decoded().array(Float.self).enumerated().map { index, value in
        index % columns / (columns / 4) == 2 ? value * 0.001 : value
      }
      try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
    }
    for criterion in [FilterCriterion.l1, .l2] {
      let result = try HeadReduction(
        ratio: 0.25, criterion: criterion, selection: Selection(only: ["one"])
      ).apply(to: model, Fixture.context())
      #expect(result.kept["one/query/kernel"]?[1] == [0, 1, 2, 3, 4, 5, 9, 10, 11])
      #expect(Self.heads(result.model) == [3, 2])
    }
  }

  @Test func gradientsJudgeHeads() throws {
    var random = Fixture.Random(4)
    let data = try Dataset(
      inputs: random.tensor([40, 5, 6]),
      labels: Tensor((0..<40).map { _ in Int32(random.below(2)) }))
    var model = try Self.network()
    // The third head's results are not used, so the loss does not see it.
    let kernel = try #require(model.parameters["one/attention_output/kernel"])
    let values = try kernel.decoded().array(Float.self).enumerated().map { index, value in
      (4..<6).contains(index / 6) ? 0 : value
    }
    try model.set(kernel.replacing(.dense(Tensor(values, kernel.shape))))
    let result = try HeadReduction(
      ratio: 0.25, criterion: .taylor, selection: Selection(only: ["one"])
    ).apply(to: model, Fixture.context(data: data))
    #expect(result.kept["one/value/kernel"]?[1] == [0, 1, 2, 3, 6, 7])
    #expect(
      FilterReductionTests.close(
        try ChannelRuleTests.outputs(result.model), try ChannelRuleTests.outputs(model)))
  }

  @Test func errors() {
    #expect(
      Fixture.message {
        _ = try HeadReduction(ratio: 0.5).apply(to: Fixture.cnn(), Fixture.context())
      } == "prune: there is no attention in the model, or none is selected")
    #expect(
      Fixture.message { _ = try HeadReduction(ratio: 1) }
        == "prune: ratio must be in [0, 1), got 1.0"
    )
    #expect(
      Fixture.message {
        _ = try HeadReduction(ratio: 0.5, criterion: .taylor)
          .apply(to: Self.network(), Fixture.context())
      } == "prune: criterion 'taylor' needs the option 'data'")
  }
}
