import WaneTensor

/// Codes packed without gaps, as `PackedCodes` holds them, filled one after another.
struct PackedBytes {
  /// The packed bytes.
  private(set) var tensor: Tensor

  /// Packs what `next` gives, `count` times.
  ///
  /// - Throws: a `.memory` error, and what `next` throws.
  @inline(__always)
  init(count: Int, bits: Int, next: () throws -> UInt8) throws {
    tensor = try Tensor(
      uninitialized: Shape([PackedBytes.byteCount(count, bits: bits)]), .u8, for: "load")
    try tensor.withMutableElements(UInt8.self) { bytes in
      var pending: UInt32 = 0
      var pendingBits: UInt32 = 0
      var position = 0
      for _ in 0..<count {
        pending |= UInt32(try next()) &<< pendingBits
        pendingBits &+= UInt32(bits)
        while pendingBits >= 8 {
          bytes[position] = UInt8(truncatingIfNeeded: pending)
          position &+= 1
          pending &>>= 8
          pendingBits &-= 8
        }
      }
      if pendingBits > 0 { bytes[position] = UInt8(truncatingIfNeeded: pending) }
    }
  }

  /// Bytes that `count` codes take; `count` is at most 2^48.
  static func byteCount(_ count: Int, bits: Int) -> Int { (count * bits + 7) / 8 }
}
