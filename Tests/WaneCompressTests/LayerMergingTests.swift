import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// One layer for several computes what they did.
@Suite struct LayerMergingTests {
  static func merge(_ layers: [any Layer], seed: Int = 5) throws -> (Graph, PassResult) {
    let model = try Fixture.randomized(ModelBuilder.sequential(layers), seed: seed)
    return (model, try merge(model))
  }

  static func merge(_ model: Graph) throws -> PassResult {
    let result = try LayerMerging().apply(to: model, Fixture.context())
    let (got, expected) = (try Fixture.outputs(result.model), try Fixture.outputs(model))
    #expect(FilterReductionTests.close(got, expected), "\(got) \(expected)")
    return result
  }

  static func kernels(_ model: Graph) -> [[Int]] {
    model.weightedLayers().compactMap { model.parameters[$0.kernel]?.shape.dimensions }
  }

  @Test func denseLayersInARow() throws {
    let (_, result) = try Self.merge([
      InputLayer([6]), DenseLayer(units: 9), DenseLayer(units: 8, usesBias: false),
      DenseLayer(units: 5, activation: .relu), DenseLayer(units: 2),
    ])
    #expect(Self.kernels(result.model) == [[6, 5], [5, 2]])
    #expect(
      result.report.layers.map(\.action) == ["took 'dense' in", "took 'dense_1' in"])
    #expect(
      Set(result.model.parameters.map(\.name)) == [
        "dense_2/kernel", "dense_2/bias", "dense_3/kernel", "dense_3/bias",
      ])
  }

  @Test func aThinMiddleStays() throws {
    let (_, result) = try Self.merge([InputLayer([8]), DenseLayer(units: 1), DenseLayer(units: 8)])
    #expect(result.report.layers.isEmpty)
    #expect(
      result.report.skipped == [
        .init("dense_1", "follows 'dense', but one layer would do more work")
      ])
  }

  @Test func convolutionsInARow() throws {
    func window(_ size: Int, _ stride: Int = 1, _ padding: Padding = .valid) throws -> Window2D {
      try Fixture.window(size, stride: stride, padding)
    }
    let cases: [(Window2D, Window2D, Bool)] = try [
      (window(3, 1, .same), window(1), true), (window(3, 2), window(1, 2), true),
      (window(3, 2, .same), window(1, 2), false), (window(1), window(3), true),
      (window(1), window(3, 2), true), (window(1), window(3, 1, .same), false),
      (window(2), window(2, 2), true), (window(2, 2), window(2), false),
    ]
    for (first, second, isExact) in cases {
      // A wide middle, so that one layer is less work.
      let (_, result) = try Self.merge([
        InputLayer([9, 9, 2]), Conv2DLayer(filters: 40, window: first),
        Conv2DLayer(filters: 2, window: second, activation: .relu), FlattenLayer(),
        DenseLayer(units: 2),
      ])
      #expect(Self.kernels(result.model).count == (isExact ? 2 : 3), "\(first) \(second)")
      #expect(result.report.layers.isEmpty != isExact)
    }
  }

  /// Padding meets no bias where there is none.
  @Test func pointsBeforeAPaddedWindow() throws {
    let (_, result) = try Self.merge([
      InputLayer([7, 7, 2]),
      Conv2DLayer(filters: 40, window: Fixture.window(1), usesBias: false),
      Conv2DLayer(filters: 3, window: Fixture.window(3, stride: 2, .same)), FlattenLayer(),
      DenseLayer(units: 2),
    ])
    #expect(Self.kernels(result.model)[0] == [3, 3, 2, 3])
  }

  @Test func normalizationsFold() throws {
    let (_, result) = try Self.merge([
      InputLayer([6, 6, 2]), BatchNormLayer(), Conv2DLayer(filters: 3, window: Fixture.window(3)),
      BatchNormLayer(), FlattenLayer(), DenseLayer(units: 2),
    ])
    #expect(result.report.layers.map(\.layer) == ["batch_norm_1"])
    #expect(result.report.skipped.map(\.layer) == ["batch_norm"])
  }

  /// RepVGG's block: a window, a point and nothing, each normalized, added.
  @Test func branchesOfRepVGG() throws {
    for stride in [1, 2] {
      let input = try ChannelRuleTests.apply(InputLayer([7, 7, 3]))
      var sum = try ChannelRuleTests.apply(
        AddLayer(),
        ChannelRuleTests.apply(
          BatchNormLayer(),
          ChannelRuleTests.apply(
            Conv2DLayer(filters: 3, window: Fixture.window(3, stride: stride, .same)), input)),
        ChannelRuleTests.apply(
          BatchNormLayer(),
          ChannelRuleTests.apply(
            Conv2DLayer(
              filters: 3, window: Fixture.window(1, stride: stride), usesBias: false), input)))
      if stride == 1 {
        sum = try ChannelRuleTests.apply(
          AddLayer(), sum, ChannelRuleTests.apply(BatchNormLayer(), input))
        sum = try ChannelRuleTests.apply(AddLayer(), sum, input)
      }
      let output = try ChannelRuleTests.apply(
        DenseLayer(units: 2),
        ChannelRuleTests.apply(
          FlattenLayer(), ChannelRuleTests.apply(ActivationLayer(.relu), sum)))
      let result = try Self.merge(ChannelRuleTests.graph([input], [output]))
      #expect(Self.kernels(result.model).first == [3, 3, 3, 3])
      #expect(Self.kernels(result.model).count == 2)
      #expect(result.model.nodes.contains { $0.operation is Add } == false)
    }
  }

  @Test func denseBranches() throws {
    let input = try ChannelRuleTests.apply(InputLayer([4]))
    let sum = try ChannelRuleTests.apply(
      AddLayer(), ChannelRuleTests.apply(DenseLayer(units: 4), input),
      ChannelRuleTests.apply(DenseLayer(units: 4, usesBias: false), input), input)
    let output = try ChannelRuleTests.apply(DenseLayer(units: 2, activation: .tanh), sum)
    let result = try Self.merge(ChannelRuleTests.graph([input], [output]))
    #expect(Self.kernels(result.model) == [[4, 2]])
  }

  /// What is used elsewhere, or lives under constraints, stays.
  @Test func whatIsNeededStays() throws {
    let input = try ChannelRuleTests.apply(InputLayer([4]))
    let first = try ChannelRuleTests.apply(DenseLayer(units: 9), input)
    let second = try ChannelRuleTests.apply(DenseLayer(units: 3), first)
    let output = try ChannelRuleTests.apply(ConcatLayer(), first, second)
    let model = try ChannelRuleTests.graph([input], [output])
    #expect(try Self.merge(model).report.layers.isEmpty)

    let row = try Fixture.randomized(
      ModelBuilder.sequential([InputLayer([6]), DenseLayer(units: 9), DenseLayer(units: 2)]),
      seed: 1)
    let pruned = try Pruning(sparsity: 0.5)(row, Fixture.context()).model
    #expect(try Self.merge(pruned).report.layers.isEmpty)
    let partly = try LayerMerging(selection: Selection(only: ["dense"]))
      .apply(to: row, Fixture.context())
    #expect(partly.report.layers.isEmpty)
  }
}
