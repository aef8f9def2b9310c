import Testing
import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

@Suite struct StatisticsTests {
  /// After it, what leaves every normalization has its offset as mean and its factor as deviation.
  @Test func normalizedValuesHaveTheirOffsetAndFactor() throws {
    let window = try Fixture.window(3)
    let model = try Fixture.randomized(
      ModelBuilder.sequential([
        InputLayer([8, 8, 1]), Conv2DLayer(filters: 3, window: window), BatchNormLayer(),
        ActivationLayer(.relu), Conv2DLayer(filters: 4, window: window), BatchNormLayer(),
      ]), seed: 4)
    let data = try Fixture.data(64)
    let result = try StatisticsEstimate(Fixture.context(data: data))(model)
    for node in result.nodes where node.operation is BatchNorm {
      var probe = result
      let index = try #require(
        result.nodes.firstIndex { $0.layer == node.layer && $0.operation is BatchNorm })
      probe.outputs = [Value(node: index)]
      let values = try InferenceSession(
        probe.pruned().feeding(.u8, operation: "test"), pool: Fixture.pool()
      ).run([data.inputs])[0]
      let numbers = values.array(Float.self)
      let channels = try #require(values.shape.dimensions.last)
      let gamma = try #require(result.parameter(node.inputs[1])).decoded().array(Float.self)
      let beta = try #require(result.parameter(node.inputs[2])).decoded().array(Float.self)
      for channel in 0..<channels {
        let own = stride(from: channel, to: numbers.count, by: channels).map { Double(numbers[$0]) }
        let mean = own.reduce(0, +) / Double(own.count)
        let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(own.count)
        #expect(abs(mean - Double(beta[channel])) < 1e-3)
        // The epsilon of the normalization takes a little away.
        #expect(abs(variance.squareRoot() - Double(gamma[channel])) < 0.05 * Double(gamma[channel]))
      }
    }
    // The argument stays.
    #expect(
      try Fixture.values(model, "batch_norm/moving_mean")
        != Fixture.values(result, "batch_norm/moving_mean"))
  }
}
