import CKernels
import WaneTensor

/// An operation that does something in training and hands its operand on in inference.
public protocol TrainingOnly: Operation {}

extension Dropout: TrainingOnly {}

/// Dropout of whole channels (Tompson et al., 2015): a channel of a sample is kept or set to zero at all
/// its positions.
public struct SpatialDropout: TrainingOnly {
  public static let name = "spatial_dropout"
  private let elements: Dropout

  /// Creates a dropout.
  ///
  /// - Parameters:
  ///   - rate: the fraction of the channels that is dropped, in [0, 1).
  ///   - stream: tells apart the random numbers of several layers.
  /// - Throws: when the rate is not in [0, 1).
  public init(rate: Float, stream: Int) throws {
    elements = try Dropout(rate: rate, stream: stream)
  }

  public init(_ attributes: Attributes) throws { elements = try Dropout(attributes) }

  public var attributes: [String: Attribute] { elements.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, inputs[0].dimensions.count >= 2 else {
      throw WaneError(Self.name, "takes sequences or images, got \(inputs[0])")
    }
    return inputs
  }

  public var overwrites: Int? { 0 }

  /// The mask depends on the position alone, so the backward pass is the same operation.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(self, [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    guard context.mode == .training else { return copying(x, y) }
    let channels = max(context.inputTypes[0].channels, 1)
    let positions = context.inputTypes[0].sampleCount / channels
    let batch = context.batch
    context.reserveScratch(4 * channels)
    let stream = UInt64(truncatingIfNeeded: elements.stream)
    return { [rate = elements.rate, x = x.floats, y = y.floats] run in
      let factors = run.scratch.assumingMemoryBound(to: Float.self)
      for sample in 0..<batch {
        wane_fill_f32(1, factors, channels)
        wane_dropout_f32(
          factors, rate, run.seed, stream &* 0x1_0000_0000 &+ run.step,
          UInt64(run.firstSample + sample) &* UInt64(channels), factors, channels)
        for position in 0..<positions {
          let start = (sample * positions + position) * channels
          wane_mul_f32(x + start, factors, y + start, channels)
        }
      }
    }
  }
}

/// Adds normally distributed noise in training.
public struct GaussianNoise: TrainingOnly {
  public static let name = "gaussian_noise"
  /// The noise's standard deviation, not negative.
  public let deviation: Float
  /// Tells apart the random numbers of several layers.
  public let stream: Int

  /// Creates a source of noise.
  ///
  /// - Throws: when the standard deviation is negative or not finite.
  public init(deviation: Float, stream: Int) throws {
    guard deviation >= 0, deviation.isFinite else {
      throw WaneError(Self.name, "stddev must be at least 0, got \(deviation)")
    }
    self.deviation = deviation
    self.stream = stream
  }

  public init(_ attributes: Attributes) throws {
    try self.init(deviation: attributes.float("stddev"), stream: attributes.int("stream"))
  }

  public var attributes: [String: Attribute] {
    ["stddev": .float(deviation), "stream": .int(stream)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched else {
      throw WaneError(Self.name, "takes activations, got \(inputs[0])")
    }
    return inputs
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    [context.outputGradients[0]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    guard context.mode == .training else { return copying(x, y) }
    let sample = UInt64(context.inputTypes[0].sampleCount)
    let count = y.count
    let stream = UInt64(truncatingIfNeeded: stream)
    return { [deviation, x = x.floats, y = y.floats] run in
      wane_random_normal_f32(
        run.seed, stream &* 0x1_0000_0000 &+ run.step, UInt64(run.firstSample) &* sample, y, count)
      wane_scale_f32(y, deviation, y, count)
      wane_add_f32(x, y, y, count)
    }
  }
}

/// The operand handed on.
private func copying(_ x: Buffer, _ y: Buffer) -> Kernel {
  let bytes = y.count * 4
  return { [x = x.pointer, y = y.pointer] _ in
    if x != y { y.copyMemory(from: x, byteCount: bytes) }
  }
}
