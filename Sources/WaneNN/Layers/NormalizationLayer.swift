import CKernels
import WaneGraph
import WaneTensor

/// Values brought to mean 0 and variance 1 by statistics that were learned from data before training:
/// Keras's `Normalization`.
///
/// Parameters `mean` and `variance`, each `[C]`, which training leaves alone and files keep.
public struct NormalizationLayer: StepwiseLayer {
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
    public init(of samples: Tensor) throws { try self.init(of: .tensor(samples)) }

    /// Learns the statistics of each channel from samples, some at a time.
    ///
    /// - Parameter samples: `[N, ..., C]`, f32; bytes stand for 0...1 as in a data set.
    /// - Throws: when there are none, one cannot be read, or they are of another type or not finite.
    public init(of samples: Column) throws {
      let shape = samples.shape
      guard shape.rank > 1, shape.count > 0, samples.dtype == .f32 || samples.dtype == .u8 else {
        throw WaneError(
          NormalizationLayer.kind,
          "adapt takes f32 or u8 samples [N, ..., channels], got \(samples.dtype) \(shape)")
      }
      let channels = shape[shape.rank - 1]
      let size = max(1, Statistics.pieceCount / max(shape.count / shape[0], 1))
      let reader = PieceReader([samples], size: size, depth: 2)
      var mean = [Double](repeating: 0, count: channels)
      var squares = mean
      var rows = 0.0
      for piece in 0..<(shape[0] - 1) / size + 1 {
        let part = try reader.piece(piece)[0]
        let values =
          part.dtype == .f32
          ? part.array(Float.self) : part.array(UInt8.self).map { Float($0) / 255 }
        let count = values.count / channels
        var (partMean, partSquares) = (
          [Float](repeating: 0, count: channels), [Float](repeating: 0, count: channels)
        )
        wane_batch_norm_moments_f32(values, &partMean, &partSquares, count, channels)
        // Moments of two parts together, after Chan, Golub and LeVeque (1983).
        let total = rows + Double(count)
        for channel in 0..<channels {
          let distance = Double(partMean[channel]) - mean[channel]
          mean[channel] += distance * Double(count) / total
          squares[channel] +=
            Double(partSquares[channel]) + distance * distance * rows * Double(count) / total
        }
        rows = total
      }
      try self.init(
        mean: mean.map { Float($0) }, variance: squares.map { Float($0) / Float(rows) })
    }

    /// Values that are looked at together.
    private static let pieceCount = 1 << 22
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
  public func adapted(to samples: Column) throws -> NormalizationLayer {
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
