/// Reads the decisions that a `RangeEncoder` wrote.
///
/// Never reads beyond its bytes: behind the end it sees zeros, as the format says. Any bytes decode
/// to something. Whether all bytes could be read, the stream says afterwards.
struct RangeDecoder: BinaryCoder {
  private let stream: BufferedBytes
  private var next: UnsafePointer<UInt8>?
  private var left = 0
  // Where the number lies in the interval, from its lower end.
  private var offset: UInt32 = 0
  private var range: UInt32 = .max

  /// Starts on the bytes that a stream has left.
  init(_ stream: BufferedBytes) {
    self.stream = stream
    for _ in 0..<4 { shift() }
  }

  /// Starts on the bytes that a stream has left, of which the first is handed out as it is.
  ///
  /// - Parameters:
  ///   - stream: the stream.
  ///   - head: the first byte; nil when there is none.
  init(_ stream: BufferedBytes, head: inout UInt8?) {
    self.stream = stream
    refill()
    if left > 0, let byte = next {
      head = byte.pointee
      next = byte + 1
      left -= 1
    }
    for _ in 0..<4 { shift() }
  }

  @inline(__always)
  mutating func code(_: Int, probability: UInt32) -> Int {
    let bound = (range &>> 16) &* probability
    let isOne = offset < bound
    range = isOne ? bound : range &- bound
    offset = isOne ? offset : offset &- bound
    normalize()
    return isOne ? 1 : 0
  }

  @inline(__always)
  mutating func code(plain _: UInt32, bits: UInt32) -> UInt32 {
    range &>>= bits
    // `range` is at least 2^24 between decisions, so 2^12 here.
    let value = min(offset / range, (1 &<< bits) &- 1)
    offset &-= value &* range
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

  @inline(__always)
  private mutating func shift() {
    offset &<<= 8
    if left == 0 { refill() }
    if left > 0, let byte = next {
      offset |= UInt32(byte.pointee)
      next = byte + 1
      left &-= 1
    }
  }

  @inline(never)
  private mutating func refill() {
    let bytes = stream.next()
    next = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    left = bytes.count
  }
}
