import WaneTensor

/// An integer grid for weights: `value = scale * multiple`.
///
/// A multiple is what a stored code stands for:
///
///     symmetric   code - highest       -highest ... highest, zero among them
///     binary      2 code - 1           -1 and 1, no zero (one bit)
///     affine      code - zero          0 ... 2^bits - 1, moved by the zero point of its scale
public struct WeightGrid: Equatable, Sendable {
  /// Bits of a code, 1 to 8.
  public let bits: Int
  /// The scales: one, one a channel, or for each group of inputs one a channel.
  public let scales: [Float]
  /// The codes of zero, one a scale; nil for a grid that is balanced about zero.
  public let zeros: [Int]?
  /// The axis of the channels; nil for one scale.
  public let axis: Int?
  /// How many inputs of a channel share a scale, the last group maybe fewer; nil when all do.
  ///
  /// Inputs are the axis before the channels, which are the last.
  public let groupSize: Int?

  /// Creates a grid.
  ///
  /// - Throws: when bits, scales or zero points are out of range.
  public init(
    bits: Int, scales: [Float], zeros: [Int]? = nil, axis: Int?, groupSize: Int? = nil
  ) throws {
    guard (1...8).contains(bits) else {
      throw WaneError("grid", "bits must be in 1..8, got \(bits)")
    }
    guard !scales.isEmpty, scales.allSatisfy({ $0.isFinite && $0 > 0 }),
      axis != nil || scales.count == 1
    else { throw WaneError("grid", "scales must be positive, and one without a channel axis") }
    guard groupSize.map({ axis != nil && $0 > 0 }) ?? true else {
      throw WaneError("grid", "groups of \(groupSize ?? 0) inputs need a channel axis")
    }
    if let zeros {
      guard bits > 1, zeros.count == scales.count, zeros.allSatisfy((0..<(1 << bits)).contains)
      else {
        throw WaneError(
          "grid", "zero points must be codes of 2 to 8 bits, one a scale, got \(zeros.count)")
      }
    }
    self.bits = bits
    self.scales = scales
    self.zeros = zeros
    self.axis = axis
    self.groupSize = groupSize
  }

  /// The same grid with other scales, as many.
  public func with(scales: [Float]) throws -> WeightGrid {
    try WeightGrid(bits: bits, scales: scales, zeros: zeros, axis: axis, groupSize: groupSize)
  }

  /// The same grid, or if it is binary and zero is wanted, that of two bits, which has the same points
  /// and zero.
  public func havingZero(_ isWanted: Bool) throws -> WeightGrid {
    guard isBinary, isWanted else { return self }
    return try WeightGrid(bits: 2, scales: scales, axis: axis, groupSize: groupSize)
  }

  /// Whether its points are balanced about zero.
  public var isSymmetric: Bool { zeros == nil }

  /// Whether it has but two points, none of them zero.
  public var isBinary: Bool { bits == 1 }

  /// The largest multiple of a symmetric grid; the smallest is its negative, so that zero has a code
  /// and products are balanced.
  public var highest: Int { WeightGrid.highest(bits: bits) }

  /// The largest multiple of a symmetric grid of `bits` bits.
  public static func highest(bits: Int) -> Int { bits == 1 ? 1 : (1 << (bits - 1)) - 1 }

  /// Bytes of its scales and zero points.
  public var byteCount: Int { 4 * scales.count + (zeros?.count ?? 0) }

  /// How many codes there are.
  public var codeCount: Int { isBinary || !isSymmetric ? 1 << bits : 2 * highest + 1 }

  /// What a stored code of a scale stands for, in steps of that scale.
  public func multiple(_ code: UInt8, scale: Int) -> Int {
    if let zeros { return Int(code) - zeros[scale] }
    return isBinary ? 2 * Int(code) - 1 : Int(code) - highest
  }

  /// The stored code of a multiple that a scale has.
  public func code(_ multiple: Int, scale: Int) -> UInt8 {
    if let zeros { return UInt8(clamping: multiple + zeros[scale]) }
    return UInt8(clamping: isBinary ? (multiple + 1) / 2 : multiple + highest)
  }

  /// The range of multiples of a scale.
  func range(scale: Int) -> ClosedRange<Int> {
    zeros.map { -$0[scale]...((1 << bits) - 1 - $0[scale]) } ?? -highest...highest
  }

  /// Whether every multiple is a signed byte.
  public var fitsBytes: Bool { isSymmetric || bits < 8 }

  /// How many groups a channel of `inputs` inputs has.
  func groupCount(inputs: Int) -> Int { groupSize.map { (inputs + $0 - 1) / $0 } ?? 1 }

  /// Whether scales belong to an array of that shape.
  func fits(_ dimensions: [Int]) -> Bool {
    guard let axis else { return true }
    guard dimensions.indices.contains(axis) else { return false }
    guard groupSize != nil else { return dimensions[axis] == scales.count }
    guard axis > 0, axis == dimensions.count - 1 else { return false }
    let (count, overflow) = groupCount(inputs: dimensions[axis - 1])
      .multipliedReportingOverflow(by: dimensions[axis])
    return !overflow && count == scales.count
  }
}

extension WeightGrid: CustomStringConvertible {
  /// `int4 per channel`.
  public var description: String {
    let form =
      isBinary ? "binary" : isSymmetric ? "int\(bits)" : "affine int\(bits)"
    if let groupSize { return "\(form) per group of \(groupSize)" }
    return "\(form) per \(axis == nil ? "tensor" : "channel")"
  }
}
