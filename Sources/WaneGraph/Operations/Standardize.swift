import CKernels
import WaneTensor

/// `(x - mean) / max(sqrt(variance), 1e-7)` along the last axis, with statistics that no training
/// changes: Keras's `Normalization`.
///
/// Operands: `x`, and mean and variance, each `[C]`.
public struct Standardize: Operation {
  public static let name = "standardize"
  /// Keras's epsilon, which bounds the standard deviation.
  private static let smallest: Float = 1e-7

  /// Creates a standardization.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, !inputs[0].dimensions.isEmpty,
      inputs[1...].allSatisfy({ $0 == .fixed([inputs[0].channels]) })
    else { throw WaneError(Self.name, "\(inputs[0]) does not fit statistics of \(inputs[1])") }
    return [inputs[0]]
  }

  /// With a mean of zero it is the gradient of itself; the statistics have none.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0], context.needs(0) else {
      return [nil, nil, nil]
    }
    let zeros = try context.add(Rescale(scale: 0), [context.inputs[1]])
    return [try context.add(self, [gradient, zeros, context.inputs[2]]), nil, nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let mean = try context.input(1).floats
    let variance = try context.input(2).floats
    let y = context.output().floats
    let channels = context.inputTypes[0].channels
    let rows = context.output().count / max(channels, 1)
    context.reserveScratch(8 * channels)
    return { run in
      let scale = run.scratch.assumingMemoryBound(to: Float.self)
      let zeros = scale + channels
      for channel in 0..<channels {
        scale[channel] = 1 / max(variance[channel].squareRoot(), Standardize.smallest)
        zeros[channel] = 0
      }
      wane_batch_norm_apply_f32(x, mean, scale, zeros, y, rows, channels)
    }
  }
}
