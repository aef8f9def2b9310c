import WaneGraph
import WaneNN
import WaneTensor

/// Batch normalizations with the statistics of data, computed anew.
///
/// Moving averages are of the model as it was while it trained. After weights were pruned, shared or
/// rounded without training, what reaches a normalization has another mean and variance; they are
/// measured here over all samples and places, of sequences over the steps that are not masked,
///
///     mean = E[x]    variance = E[(x - mean)^2]    for each channel,
///
/// in the order of the model, each normalization seeing those before it with their new statistics.
public struct StatisticsEstimate {
  private static let verb = "reestimate"

  /// What belongs to one pair of statistics.
  private struct Normalization {
    let mean: String
    let variance: String
    var inputs: [Value]
  }

  private let context: CompressionContext
  private let samples: Dataset

  /// Creates an estimate from the data of a context.
  ///
  /// - Throws: when there are none.
  public init(_ context: CompressionContext) throws {
    guard let data = context.data, data.count > 0 else {
      throw WaneError(Self.verb, "the data set is empty")
    }
    samples = data
    self.context = context
  }

  /// A model with new statistics.
  ///
  /// - Parameter model: the model; it stays as it is.
  /// - Returns: the same with other moving means and variances.
  /// - Throws: when the data do not fit, a value is not finite, or the user stops.
  public func callAsFunction(_ model: Graph) throws -> Graph {
    var result = model
    for (index, norm) in normalizations(of: model).enumerated() {
      guard let mean = model.parameters[norm.mean], let variance = model.parameters[norm.variance]
      else { continue }
      let found = try statistics(of: norm.inputs, in: result, "\(index + 1)")
      guard (found.mean + found.variance).allSatisfy(\.isFinite) else {
        throw WaneError(Self.verb, "what reaches '\(norm.mean)' is not finite")
      }
      try result.set(
        mean.replacing(.dense(Tensor(found.mean.map { Float($0) }, mean.shape)), isMasked: false))
      try result.set(
        variance.replacing(
          .dense(Tensor(found.variance.map { Float($0) }, variance.shape)), isMasked: false))
    }
    return result
  }

  /// The normalizations in order; one that stands in several places counts once, with all of them.
  private func normalizations(of model: Graph) -> [Normalization] {
    var result: [Normalization] = []
    for node in model.nodes where node.operation is BatchNorm && node.inputs.count == 5 {
      guard let mean = model.parameter(node.inputs[3])?.name,
        let variance = model.parameter(node.inputs[4])?.name
      else { continue }
      if let known = result.firstIndex(where: { $0.mean == mean }) {
        result[known].inputs.append(node.inputs[0])
      } else {
        result.append(Normalization(mean: mean, variance: variance, inputs: [node.inputs[0]]))
      }
    }
    return result
  }

  /// Mean and variance of each channel, by the deviations from the first value of each, so that large
  /// means do not eat small variances.
  private func statistics(of values: [Value], in model: Graph, _ number: String) throws -> (
    mean: [Double], variance: [Double]
  ) {
    let channels = values.first.map { model.type(of: $0).channels } ?? 0
    var origin: [Double] = []
    var (sums, squares) = (
      [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
    )
    var count = 0.0
    let places = values.map(model.unmasked)
    let probe = try ValueProbe(
      model, places.map(\.value) + places.compactMap(\.mask), on: samples, Self.verb, context,
      title: "\(Self.verb) layer \(number)")
    try probe.forEachBatch { tensors in
      var masks = tensors[places.count...]
      for (place, tensor) in zip(places, tensors) {
        let mask = place.mask.flatMap { _ in masks.popFirst() }?.array(Float.self)
        guard channels > 0, tensor.count >= channels else { continue }
        let rows = tensor.count / channels
        let rowsPerStep = mask.map { rows / max($0.count, 1) } ?? rows
        tensor.with(Float.self) { numbers in
          if origin.isEmpty { origin = numbers[..<channels].map(Double.init) }
          for row in 0..<rows where mask.map({ $0[row / rowsPerStep] != 0 }) ?? true {
            for channel in 0..<channels {
              let deviation = Double(numbers[row * channels + channel]) - origin[channel]
              sums[channel] += deviation
              squares[channel] += deviation * deviation
            }
            count += 1
          }
        }
      }
    }
    guard count > 0 else { return (sums, squares) }
    let mean = zip(origin, sums).map { $0 + $1 / count }
    let variance = zip(squares, sums).map { max(0, $0 / count - ($1 / count) * ($1 / count)) }
    return (mean, variance)
  }
}
