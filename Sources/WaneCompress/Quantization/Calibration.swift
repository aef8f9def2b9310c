import WaneGraph
import WaneNN
import WaneTensor

/// The grids of activations, from what occurs when a model runs on samples.
public struct Calibration {
  let observer: RangeObserverKind
  /// Bits of an activation.
  let bits: Int
  let verb: String
  /// Samples taken from training data when none are given for calibration.
  public static let usualCount = 512

  /// The samples to look at.
  ///
  /// - Throws: when there are none.
  func samples(_ context: CompressionContext) throws -> Dataset {
    if let given = context.calibration {
      guard given.count > 0 else { throw WaneError(verb, "the calibration data are empty") }
      return given
    }
    guard let data = context.data, data.count > 0 else {
      throw WaneError(
        verb,
        "the ranges of activations are told from samples: give the option 'calibration' or 'data'")
    }
    return try data.slice(0..<min(Self.usualCount, data.count))
  }

  /// A grid for each of some values.
  ///
  /// - Throws: when samples do not fit the model, or the user interrupts.
  func grids(for values: [Value], in model: Graph, _ context: CompressionContext) throws
    -> [Value: ActivationGrid]
  {
    guard !values.isEmpty else { return [:] }
    let samples = try samples(context)
    let inputs = try samples.columns(for: model, verb)
    let bytes = Set(zip(model.inputs, inputs).filter { $0.1.dtype == .u8 }.map(\.0))
    var grids: [Value: ActivationGrid] = [:]
    var observed: [Value] = []
    for value in values {
      if bytes.contains(value) {
        // Bytes are on this grid from the start, so nothing is lost and nothing computed.
        grids[value] = try ActivationGrid(scale: 1 / 255, zero: 0)
      } else {
        observed.append(value)
      }
    }
    for (value, range) in zip(observed, try ranges(of: observed, in: model, samples, context)) {
      let (low, high) = range.ends(bits: bits)
      grids[value] = try ActivationGrid(covering: low, high, bits: bits)
    }
    return grids
  }

  private func ranges(
    of values: [Value], in model: Graph, _ samples: Dataset, _ context: CompressionContext
  ) throws -> [ObservedRange] {
    guard !values.isEmpty else { return [] }
    var ranges = values.map { _ in ObservedRange(observer) }
    let probe = try ValueProbe(
      model, values, on: samples, verb, context, title: "\(verb) calibration")
    try probe.forEachBatch { outputs in
      for index in ranges.indices {
        outputs[index].with(Float.self) { ranges[index].observe($0) }
      }
    }
    return ranges
  }
}
