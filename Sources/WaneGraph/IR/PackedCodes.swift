import CKernels
import WaneTensor

/// Unsigned codes of 1 to 8 bits, packed without gaps, the first code in the lowest bits.
public struct PackedCodes: Sendable {
  /// Bits of a code.
  public let bits: Int
  /// The number of codes.
  public let count: Int
  /// The packed bytes.
  public let packed: Tensor

  /// Packs codes.
  ///
  /// - Throws: when a code needs more bits.
  public init(_ codes: [UInt8], bits: Int) throws {
    guard (1...8).contains(bits) else {
      throw WaneError("pack", "bits must be in 1..8, got \(bits)")
    }
    if let highest = codes.max(), Int(highest) >= 1 << bits {
      throw WaneError("pack", "code \(highest) needs more than \(bits) bits")
    }
    var packed = try Tensor(zeros: Shape([PackedCodes.byteCount(codes.count, bits: bits)]), .u8)
    try packed.withMutableElements(UInt8.self) { target in
      codes.withUnsafeBufferPointer { source in
        if let from = source.baseAddress, let to = target.baseAddress {
          wane_bits_pack(from, codes.count, Int32(bits), to)
        }
      }
    }
    self.bits = bits
    self.count = codes.count
    self.packed = packed
  }

  /// Takes over packed bytes.
  ///
  /// - Throws: when their number is not what `count` codes need.
  public init(packed: Tensor, bits: Int, count: Int) throws {
    guard (1...8).contains(bits), packed.dtype == .u8, count >= 0, count < 1 << 48,
      packed.count == PackedCodes.byteCount(count, bits: bits)
    else {
      throw WaneError("unpack", "\(packed.count) bytes do not hold \(count) codes of \(bits) bits")
    }
    self.bits = bits
    self.count = count
    self.packed = packed
  }

  /// The codes, one a byte.
  public func unpacked() throws -> [UInt8] {
    packed.with(UInt8.self) { source in
      [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
        if let from = source.baseAddress, let to = target.baseAddress {
          wane_bits_unpack(from, count, Int32(bits), to)
        }
        initialized = count
      }
    }
  }

  /// The highest code; 0 when there is none.
  ///
  /// They are unpacked some at a time.
  public func highest() -> Int {
    // Eight codes take whole bytes.
    let block = 4096
    return packed.with(UInt8.self) { source in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: block) { codes in
        guard let from = source.baseAddress, let to = codes.baseAddress else { return 0 }
        var highest: UInt8 = 0
        for start in stride(from: 0, to: count, by: block) {
          let some = min(block, count - start)
          wane_bits_unpack(from + start / 8 * bits, some, Int32(bits), to)
          for index in 0..<some { highest = max(highest, codes[index]) }
        }
        return Int(highest)
      }
    }
  }

  /// Bytes in memory.
  public var byteCount: Int { packed.byteCount }

  /// The smallest number of bits that tells `symbols` symbols apart, at least 1.
  public static func bits(forSymbols symbols: Int) -> Int {
    max(1, Int.bitWidth - max(symbols - 1, 0).leadingZeroBitCount)
  }

  static func byteCount(_ count: Int, bits: Int) -> Int { (count * bits + 7) / 8 }
}
