/// Writes binary decisions as a number in [0, 1), byte by byte (range coding after G.
///
/// N. N. Martin, 1979; the delayed carry as in I. Pavlov's LZMA).
///
/// The interval that the decisions so far leave is [low, low + range); a 1 takes the lower
/// `range / 65536 * probability` of it. As long as `range` is below 2^24 the top byte moves out.
struct RangeEncoder: BinaryCoder {
  private var bytes: [UInt8] = []
  // Bit 32 of `low` is a carry into what is held back: the byte `held`, then `run` bytes of 0xFF.
  private var low: UInt64 = 0
  private var range: UInt32 = .max
  private var held: UInt8?
  private var run = 0

  @inline(__always)
  mutating func code(_ bit: Int, probability: UInt32) -> Int {
    let bound = (range &>> 16) &* probability
    if bit != 0 {
      range = bound
    } else {
      low &+= UInt64(bound)
      range &-= bound
    }
    normalize()
    return bit
  }

  @inline(__always)
  mutating func code(plain value: UInt32, bits: UInt32) -> UInt32 {
    range &>>= bits
    low &+= UInt64(value) &* UInt64(range)
    normalize()
    return value
  }

  @inline(__always)
  private mutating func normalize() {
    while range < 1 << 24 {
      range &<<= 8
      shift()
    }
  }

  private mutating func shift() {
    if low < 0xFF00_0000 || low > 0xFFFF_FFFF {
      let carry = UInt8(truncatingIfNeeded: low &>> 32)
      if let held { bytes.append(held &+ carry) }
      for _ in 0..<run { bytes.append(0xFF &+ carry) }
      run = 0
      held = UInt8(truncatingIfNeeded: low &>> 24)
    } else {
      run += 1
    }
    low = (low & 0x00FF_FFFF) &<< 8
  }

  /// Ends the code and returns it.
  ///
  /// The decoder reads zeros behind the end, so of the numbers in the last interval one with the
  /// most zero bits at its end is written, without the zero bytes.
  mutating func finished() -> [UInt8] {
    for zeros in stride(from: UInt64(32), through: 0, by: -1) {
      let mask = (UInt64(1) << zeros) - 1
      let candidate = (low + mask) & ~mask
      if candidate < low + UInt64(range) {
        low = candidate
        break
      }
    }
    for _ in 0..<5 { shift() }
    while bytes.last == 0 { bytes.removeLast() }
    return bytes
  }
}
