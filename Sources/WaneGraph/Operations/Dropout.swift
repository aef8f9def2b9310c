import CKernels
import WaneTensor

/// Sets a random fraction of the elements to zero in training and scales the rest up (Srivastava et
/// al., "Dropout", 2014).
///
/// In inference it is nothing.
public struct Dropout: Operation {
  public static let name = "dropout"
  /// The fraction, in [0, 1).
  public let rate: Float
  /// Tells apart the random numbers of several dropout layers.
  public let stream: Int

  /// Creates a dropout.
  ///
  /// - Throws: when the rate is not in [0, 1).
  public init(rate: Float, stream: Int) throws {
    guard rate >= 0, rate < 1 else {
      throw WaneError("dropout", "rate must be in [0, 1), got \(rate)")
    }
    self.rate = rate
    self.stream = stream
  }

  public init(_ attributes: Attributes) throws {
    try self.init(rate: attributes.float("rate"), stream: attributes.int("stream"))
  }

  public var attributes: [String: Attribute] { ["rate": .float(rate), "stream": .int(stream)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
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
    let sample = UInt64(context.inputTypes[0].sampleCount)
    if context.mode == .inference {
      let bytes = y.count * 4
      return { [x = x.pointer, y = y.pointer] _ in
        if x != y { y.copyMemory(from: x, byteCount: bytes) }
      }
    }
    let count = y.count
    return { [rate, stream = UInt64(truncatingIfNeeded: stream), x = x.floats, y = y.floats] run in
      // One stream a layer and step; 2^32 steps are more than a run has.
      wane_dropout_f32(
        x, rate, run.seed, stream &* 0x1_0000_0000 &+ run.step,
        UInt64(run.firstSample) &* sample, y, count)
    }
  }
}
