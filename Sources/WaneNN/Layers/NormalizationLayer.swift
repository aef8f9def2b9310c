import CKernels
import WaneGraph
import WaneTensor

/// Values brought to mean 0 and variance 1 by statistics that were learned from data before training:
/// Keras's `Normalization`.
///
/// Parameters `mean` and `variance`, each `[C]`, which training leaves alone and files keep.
public struct NormalizationLayer: Layer {
  /// Mean and variance, a number a channel or one for all.
  public struct Statistics: Sendable {
    /// The means.
    public let mean: [Float]
    /// The variances, not negative.
    public let variance: [Float]

    /// Takes statistics that are known.
    ///
    /// - Throws: when there are not as many variances as means, or one is negative or not finite.
    public init(mean: [Float], variance: [Float]) throws {
      guard mean.count == variance.count, !mean.isEmpty, mean.allSatisfy(\.isFinite),
        variance.allSatisfy({ $0 >= 0 && $0.isFinite })
      else {
        throw WaneError(
          NormalizationLayer.kind,
          "mean and variance must be as many finite numbers, variances not negative, "
            + "got \(mean) and \(variance)")
      }
      self.mean = mean
      self.variance = variance
    }

    /// Learns the statistics of each channel from samples.
    ///
    /// - Parameter samples: `[N, ..., C]`, f32; bytes stand for 0...1 as in a data set.
    /// - Throws: when there are none, or they are of another type or not finite.
    public init(of samples: Tensor) throws {
      let shape = samples.shape
      guard shape.rank > 1, shape.count > 0, samples.dtype == .f32 || samples.dtype == .u8 else {
        throw WaneError(
          NormalizationLayer.kind,
          "adapt takes f32 or u8 samples [N, ..., channels], got \(samples.dtype) \(shape)")
      }
      let channels = shape[shape.rank - 1]
      var values = samples.dtype == .f32 ? samples.array(Float.self) : []
      if samples.dtype == .u8 { values = samples.array(UInt8.self).map { Float($0) / 255 } }
      let rows = values.count / channels
      var mean = [Float](repeating: 0, count: channels)
      var squares = mean
      wane_batch_norm_moments_f32(values, &mean, &squares, rows, channels)
      try self.init(mean: mean, variance: squares.map { $0 / Float(rows) })
    }
  }

  public static let kind = "normalization"
  public let name: String?
  private let statistics: Statistics?

  /// Creates a normalization; without statistics it has to be adapted before it can be built.
  public init(_ statistics: Statistics? = nil, name: String? = nil) {
    self.statistics = statistics
    self.name = name
  }

  /// The same layer with statistics learned from samples.
  ///
  /// - Throws: when the samples have none.
  public func adapted(to samples: Tensor) throws -> NormalizationLayer {
    NormalizationLayer(try Statistics(of: samples), name: name)
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    guard let statistics else {
      throw WaneError(
        Self.kind, "has no statistics; give it mean and variance, or call adapt with data")
    }
    let channels = builder.type(inputs[0]).channels
    guard statistics.mean.count == channels || statistics.mean.count == 1 else {
      throw WaneError(
        Self.kind,
        "statistics of \(statistics.mean.count) channels do not fit \(builder.type(inputs[0]))")
    }
    func values(_ numbers: [Float]) -> Initializer {
      .values(numbers.count == channels ? numbers : Array(repeating: numbers[0], count: channels))
    }
    return try builder.add(
      Standardize(),
      [
        inputs[0],
        builder.parameter("mean", [channels], values(statistics.mean), isTrainable: false),
        builder.parameter("variance", [channels], values(statistics.variance), isTrainable: false),
      ])
  }
}
