import Testing
import WaneGraph
import WaneNN
import WaneTensor

extension FixtureOptions {
  /// The layer of that kind, for kinds without recurrence that `layer(_:name:)` does not know.
  func feedForwardLayer(_ kind: String, name: String) throws -> any Layer {
    switch kind {
    case "depthwise_conv2d":
      return try DepthwiseConv2DLayer(
        window: window(kind, kernel_size), depthMultiplier: #require(depth_multiplier),
        activation: activationName(), usesBias: #require(use_bias as Bool?), name: name)
    case "separable_conv2d":
      return try SeparableConv2DLayer(
        filters: #require(filters), window: window(kind, kernel_size),
        depthMultiplier: #require(depth_multiplier), activation: activationName(),
        usesBias: #require(use_bias as Bool?), name: name)
    case "conv1d":
      return try Conv1DLayer(
        filters: #require(filters), window: window(kind, kernel_size), groups: #require(groups),
        activation: activationName(), usesBias: #require(use_bias as Bool?), name: name)
    case "conv2d_transpose":
      return try Conv2DTransposeLayer(
        filters: #require(filters), window: window(kind, kernel_size),
        activation: activationName(), usesBias: #require(use_bias as Bool?), name: name)
    case "max_pool1d": return try MaxPool1DLayer(window(kind, pool_size), name: name)
    case "avg_pool1d": return try AveragePool1DLayer(window(kind, pool_size), name: name)
    case "global_max_pool2d", "global_avg_pool2d", "global_max_pool1d", "global_avg_pool1d":
      return GlobalPoolingLayer(
        kind.contains("max") ? .maximum : .average, rank: kind.hasSuffix("2d") ? 2 : 1,
        keepsAxes: try #require(keep_dims as Bool?), name: name)
    case "up_sample2d":
      return try UpSampleLayer(
        #require(size), #require(interpolation.flatMap(Interpolation.init)), name: name)
    case "up_sample1d": return try UpSampleLayer(repeating: #require(size?.first), name: name)
    case "reshape": return try ReshapeLayer(#require(shape), name: name)
    default: return try elementwiseLayer(kind, name: name)
    }
  }

  private func elementwiseLayer(_ kind: String, name: String) throws -> any Layer {
    switch kind {
    case "leaky_relu":
      return ActivationLayer(
        try Activation(.leakyReLU, alpha: Float(#require(negative_slope))), kind: kind, name: name)
    case "elu":
      return ActivationLayer(
        try Activation(.elu, alpha: Float(#require(alpha))), kind: kind, name: name)
    case "gelu":
      let isApproximate = try #require(approximate as Bool?)
      return ActivationLayer(
        Activation(isApproximate ? .geluTanh : .gelu), kind: kind, name: name)
    case "prelu":
      // Axes of the fixture count the batch as 1, those of the layer begin behind it.
      return PReLULayer(sharedAxes: try #require(shared_axes).map { $0 - 2 }, name: name)
    case "layer_norm": return try sampleNorm(.layer, name)
    case "group_norm": return try sampleNorm(.group(#require(groups)), name)
    case "rms_norm": return try sampleNorm(.rootMeanSquare, name)
    case "normalization":
      return NormalizationLayer(
        try NormalizationLayer.Statistics(mean: [0], variance: [1]), name: name)
    case "spatial_dropout2d", "spatial_dropout1d":
      return try SpatialDropoutLayer(
        rate: Float(#require(rate)), rank: kind.hasSuffix("2d") ? 2 : 1, name: name)
    case "gaussian_noise":
      return try GaussianNoiseLayer(deviation: Float(#require(stddev)), name: name)
    default: return try arrangingLayer(kind, name: name)
    }
  }

  private func arrangingLayer(_ kind: String, name: String) throws -> any Layer {
    if let merging = Merging(rawValue: kind) { return MergeLayer(merging, name: name) }
    switch kind {
    case "concat":
      return ConcatLayer(axis: try #require(axis?.ofSample.first), name: name)
    case "permute": return PermuteLayer(try #require(order).map { $0 - 1 }, name: name)
    case "zero_pad2d", "zero_pad1d":
      let widths = try #require(padding?.widths)
      return try BorderLayer(
        .pad, before: widths.map { $0[0] }, after: widths.map { $0[1] }, name: name)
    case "crop2d", "crop1d":
      let widths = try #require(cropping)
      return try BorderLayer(
        .crop, before: widths.map { $0[0] }, after: widths.map { $0[1] }, name: name)
    default: throw WaneError("fixture", "there is no layer '\(kind)'")
    }
  }

  private func sampleNorm(_ kind: SampleNormKind, _ name: String) throws -> SampleNormLayer {
    try SampleNormLayer(
      kind, epsilon: Float(#require(epsilon)), isScaled: scale ?? true, isShifted: center ?? true,
      axes: axis?.ofSample ?? [-1], name: name)
  }
}
