import CKernels
import WaneTensor

/// An affine grid of unsigned codes for activations: `value = (code - zero) * scale`.
public struct ActivationGrid: Hashable, Sendable {
  /// The distance between neighbours, positive.
  public let scale: Float
  /// The code of the value 0.
  public let zero: Int
  /// Bits of a code, 1 to 8 or 16.
  public let bits: Int

  /// Creates a grid.
  ///
  /// - Throws: when scale, zero point or bits are out of range.
  public init(scale: Float, zero: Int, bits: Int = 8) throws {
    guard scale > 0, scale.isFinite, ActivationGrid.areBits(bits),
      (0..<(1 << bits)).contains(zero)
    else {
      throw WaneError("quantize", "no grid of scale \(scale), zero point \(zero), \(bits) bits")
    }
    self.scale = scale
    self.zero = zero
    self.bits = bits
  }

  /// The grid that covers a range of values, stretched to hold zero exactly.
  public init(covering low: Float, _ high: Float, bits: Int = 8) throws {
    guard low.isFinite, high.isFinite, ActivationGrid.areBits(bits) else {
      throw WaneError("quantize", "no grid of \(bits) bits over \(low)..\(high)")
    }
    let low = min(low, 0)
    let high = max(high, 0)
    let steps = Float((1 << bits) - 1)
    // Divided first: the width of the range may be more than a float holds.
    let scale = high / steps - low / steps
    // All values equal to zero: any scale will do. A subnormal one is so coarse that the quotient can
    // be beyond the grid.
    try self.init(
      scale: scale > 0 ? scale : 1,
      zero: scale > 0 ? Int(min((-low / scale).rounded(), steps)) : 0, bits: bits)
  }

  /// Whether there are grids of so many bits.
  static func areBits(_ bits: Int) -> Bool { (1...8).contains(bits) || bits == 16 }

  /// The highest code.
  public var highest: Int { (1 << bits) - 1 }

  init(_ attributes: Attributes) throws {
    try self.init(
      scale: attributes.float("scale"), zero: attributes.int("zero", in: 0...65535),
      bits: attributes.int("bits", in: 1...16))
  }

  var attributes: [String: Attribute] {
    ["scale": .float(scale), "zero": .int(zero), "bits": .int(bits)]
  }
}

/// Rounds activations to a grid.
///
/// What training sees is the rounded value as a float; when a program for inference is compiled,
/// the values between such nodes become bytes (`Graph.integerForm`).
public struct Quantize: Operation {
  public static let name = "quantize"
  /// The grid.
  public let grid: ActivationGrid
  /// How training moves the grid; nil for one that stays, and in files.
  let range: MovingRange?

  /// Rounds to `grid`.
  public init(_ grid: ActivationGrid) { self.init(grid, nil) }

  init(_ grid: ActivationGrid, _ range: MovingRange?) {
    self.grid = grid
    self.range = range
  }

  public init(_ attributes: Attributes) throws { self.init(try ActivationGrid(attributes)) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched else {
      throw WaneError(Self.name, "rounds activations, got \(inputs[0])")
    }
    return inputs
  }

  /// Straight through (Bengio et al., 2013): as if nothing had been rounded, nothing where the value
  /// was clamped.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(QuantizeGradient(grid), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output()
    let grid = try context.kernelGrid(grid, count: y.count)
    return { [y = y.floats] _ in withUnsafePointer(to: grid) { wane_fake_quantize_f32($0, x, y) } }
  }
}

/// The gradient of `Quantize`: `dy, x -> dx`.
public struct QuantizeGradient: Operation {
  public static let name = "quantize_gradient"
  let grid: ActivationGrid

  init(_ grid: ActivationGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { grid = try ActivationGrid(attributes) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  /// Straight through once more: rounding is like nothing, so the slope does not change.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(QuantizeGradient(grid), [g, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1).floats
    let dx = context.output()
    let grid = try context.kernelGrid(grid, count: dx.count)
    return { [dx = dx.floats] _ in
      withUnsafePointer(to: grid) { wane_fake_quantize_grad_f32($0, x, dy, dx) }
    }
  }
}

/// Floats to the bytes of a grid: where floats enter the integer part of a compiled graph.
public struct ToBytes: Operation {
  public static let name = "to_bytes"
  let grid: ActivationGrid

  init(_ grid: ActivationGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { grid = try ActivationGrid(attributes) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return [.batched(inputs[0].dimensions, .u8)]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output()
    let grid = try context.kernelGrid(grid, count: y.count)
    return { [y = y.bytes] _ in withUnsafePointer(to: grid) { wane_quantize_f32_u8($0, x, y) } }
  }
}

/// Bytes of a grid to floats: where the integer part of a compiled graph is left.
public struct FromBytes: Operation {
  public static let name = "from_bytes"
  let grid: ActivationGrid

  init(_ grid: ActivationGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { grid = try ActivationGrid(attributes) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .u8)
    return [.batched(inputs[0].dimensions)]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).bytes
    let y = context.output()
    let grid = try context.kernelGrid(grid, count: y.count)
    return { [y = y.floats] _ in withUnsafePointer(to: grid) { wane_dequantize_u8_f32($0, x, y) } }
  }
}

extension LoweringContext {
  /// The grid as the kernels want it, for `count` values.
  func kernelGrid(_ grid: ActivationGrid, count: Int) throws -> wane_grid {
    wane_grid(
      scale: try constants([grid.scale], "scale"), zero: try constants([Int32(grid.zero)], "zero"),
      low: 0, high: Int32(grid.highest), outer: 1, channels: 1, inner: count)
  }
}
