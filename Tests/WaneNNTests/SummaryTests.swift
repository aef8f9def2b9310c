import Testing
import WaneGraph
import WaneNN
import WaneTensor

@Suite struct SummaryTests {
  /// The network of the mission.
  private func mission() throws -> Graph {
    try ModelBuilder.sequential([
      InputLayer([28, 28, 1]),
      Conv2DLayer(filters: 32, window: Samples.window(3), activation: .relu),
      MaxPool2DLayer(Samples.window(2, stride: 2)),
      Conv2DLayer(filters: 64, window: Samples.window(3), activation: .relu),
      MaxPool2DLayer(Samples.window(2, stride: 2)), FlattenLayer(),
      DenseLayer(units: 64, activation: .relu), DenseLayer(units: 10, activation: .softmax),
    ])
  }

  @Test func countsTheMissionsNetwork() throws {
    let model = try mission()
    let summary = try Summary(model)
    #expect(summary.parameters == 121_930)
    // Biases start at zero.
    #expect(summary.nonzero == 121_930 - 32 - 64 - 64 - 10)
    #expect(summary.bytes == 4 * 121_930)
    let (first, second) = (26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32)
    #expect(summary.macs == first + second + 1600 * 64 + 64 * 10)
    #expect(summary.macs == model.work)
    #expect(
      summary.rows.map(\.layer) == [
        "input", "conv2d", "max_pool2d", "conv2d_1", "max_pool2d_1", "flatten", "dense", "dense_1",
      ])
    #expect(summary.rows.map(\.parameters) == [0, 320, 0, 18_496, 0, 0, 102_464, 650])
    #expect(summary.rows[1].kind == "conv2d + relu")
    #expect(summary.rows[1].output.description == "Nx26x26x32")
    #expect(summary.rows[7].kind == "dense + softmax")
    #expect(summary.rows.allSatisfy { $0.encoding.isEmpty })
  }

  @Test func countsBytesOfEncodings() throws {
    var model = try mission()
    let kernel = try #require(model.parameters["dense/kernel"])
    let grid = try WeightGrid(bits: 4, scales: [Float](repeating: 0.01, count: 64), axis: 1)
    try model.set(
      kernel.replacing(
        .integer(codes: grid.codes(for: kernel.decoded()), grid: grid), isMasked: true))
    let row = try #require(try Summary(model).rows.first { $0.layer == "dense" })
    #expect(row.bytes == 1600 * 64 / 2 + 4 * 64 + 4 * 64)
    #expect(row.encoding == "masked int4 per channel")
    #expect(row.parameters == 102_464)
  }

  /// Work beyond what can be counted is no reason to stop.
  @Test func workBeyondCountingIsNotATrap() throws {
    let window = try Window2D("conv2d", size: [4096, 4096], strides: [1, 1], padding: .same)
    let model = try ModelBuilder.sequential([
      InputLayer([1 << 20, 1 << 20, 1]), Conv2DLayer(filters: 1, window: window, usesBias: false),
      Conv2DLayer(filters: 1, window: Samples.window(1)),
    ])
    #expect(model.work == .max)
    #expect(try Summary(model).macs == .max)
  }
}
