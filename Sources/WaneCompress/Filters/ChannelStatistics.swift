import WaneGraph
import WaneNN
import WaneTensor

/// What the channels of values are like on samples.
struct ChannelStatistics {
  /// The mean of each channel.
  private(set) var means: [Value: [Double]] = [:]
  /// The mean magnitude of each channel.
  private(set) var magnitudes: [Value: [Double]] = [:]
  /// The share of each channel's numbers that are not zero.
  private(set) var activities: [Value: [Double]] = [:]

  /// Samples that are looked at; more change no mean of interest.
  static let usualCount = 1024

  /// Runs a model on samples and looks at some of its values.
  ///
  /// - Throws: when samples do not fit the model, or the user interrupts.
  init(
    of values: [Value], in model: Graph, _ samples: Dataset, _ context: CompressionContext,
    verb: String
  ) throws {
    guard !values.isEmpty else { return }
    let probe = try Probe(values, in: model, samples, context, verb: verb)
    var sums = values.map { Sums(channels: model.type(of: $0).channels) }
    try probe.run(context) { outputs in
      for index in sums.indices { sums[index].add(outputs[index]) }
    }
    for (value, sum) in zip(values, sums) {
      let count = Double(max(sum.count, 1))
      means[value] = sum.values.map { $0 / count }
      magnitudes[value] = sum.magnitudes.map { $0 / count }
      activities[value] = sum.active.map { Double($0) / count }
    }
  }

  /// Sums over rows of channels.
  private struct Sums {
    var count = 0
    var values: [Double]
    var magnitudes: [Double]
    var active: [Int]

    init(channels: Int) {
      values = Array(repeating: 0, count: channels)
      magnitudes = values
      active = Array(repeating: 0, count: channels)
    }

    mutating func add(_ tensor: Tensor) {
      let channels = max(values.count, 1)
      count += tensor.count / channels
      tensor.with(Float.self) { numbers in
        for (index, number) in numbers.enumerated() {
          let channel = index % channels
          values[channel] += Double(number)
          magnitudes[channel] += Double(abs(number))
          if number != 0 { active[channel] += 1 }
        }
      }
    }
  }
}
