import CKernels
import WaneTensor

/// Rounds activations to a grid that each sample has for itself, over the range of its values:
/// `x -> y, grids [2]`, scale and zero point.
///
///     low = min(x, 0), high = max(x, 0)
///     scale = high / highest - low / highest,  zero = min(round(-low / scale), highest)
public struct DynamicQuantize: Operation {
  public static let name = "dynamic_quantize"
  /// Bits of a code.
  public let bits: Int

  /// Rounds to `bits` bits, 1 to 8 or 16.
  ///
  /// - Throws: for another number of bits.
  public init(bits: Int) throws {
    guard ActivationGrid.areBits(bits) else {
      throw WaneError(Self.name, "bits must be in 1..8 or 16, got \(bits)")
    }
    self.bits = bits
  }

  public init(_ attributes: Attributes) throws {
    try self.init(bits: attributes.int("bits", in: 1...16))
  }

  public var attributes: [String: Attribute] { ["bits": .int(bits)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched else {
      throw WaneError(Self.name, "rounds activations, got \(inputs[0])")
    }
    return [inputs[0], .batched([2])]
  }

  /// Straight through (Bengio et al., 2013): the grid covers all values, so nothing is clamped.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    [context.outputGradients[0]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output(0).floats
    let grids = context.isUsed(1) ? context.output(1).floats : nil
    let batch = context.batch
    let count = context.output(0).count / max(batch, 1)
    let highest = Float((1 << bits) - 1)
    return { _ in
      for sample in 0..<batch {
        let from = x + sample * count
        var (low, high) = (Float(0), Float(0))
        wane_range_f32(from, count, &low, &high)
        low = max(low, -.greatestFiniteMagnitude)
        high = min(high, .greatestFiniteMagnitude)
        var scale = high / highest - low / highest
        var zero = Int32(0)
        if scale > 0 {
          zero = Int32(min((-low / scale).rounded(), highest))
        } else {
          scale = 1
        }
        var grid = wane_grid(
          scale: nil, zero: nil, low: 0, high: Int32(highest), outer: 1, channels: 1, inner: count)
        withUnsafePointer(to: scale) { scale in
          withUnsafePointer(to: zero) { zero in
            grid.scale = scale
            grid.zero = zero
            wane_fake_quantize_f32(&grid, from, y + sample * count)
          }
        }
        if let grids {
          grids[2 * sample] = scale
          grids[2 * sample + 1] = Float(zero)
        }
      }
    }
  }
}
