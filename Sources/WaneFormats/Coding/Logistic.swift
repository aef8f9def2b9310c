/// The logistic function and its inverse on fixed-point numbers.
///
/// Models add up evidence in the logistic domain: `stretch(p) = ln(p / (1 - p))`, in units of 1/256,
/// from -2047 to 2047. The tables come from integer arithmetic alone, so that every machine has the
/// same ones and reads what another has written.
///
/// The tables are made once and stay for as long as the process lives.
struct Logistic: @unchecked Sendable {
  /// The largest magnitude in the logistic domain.
  ///
  /// Probabilities keep a distance of 1 / (1 + e^8), 23 / 65536, from 0 and 1.
  static let limit = 2047

  static let shared = Logistic()

  /// The probability, in units of 2^-16, of the logistic values from `-limit` to `limit`.
  let squash: UnsafePointer<UInt16>
  /// The logistic value of a probability of 0 to 4095 units of 2^-12.
  let stretch: UnsafePointer<Int16>
  /// By how much of what it missed, in units of 2^-16, a counter moves that has seen 0 to 255
  /// decisions.
  let reciprocal: UnsafePointer<UInt32>

  private init() {
    let limit = Logistic.limit
    let squash = UnsafeMutablePointer<UInt16>.allocate(capacity: 2 * limit + 1) + limit
    // e^(k / 256) in units of 2^-24. The factor is e^(1 / 256) in units of 2^-28; the product stays
    // below 2^64, since e^8 < 2^11.6.
    var power: UInt64 = 1 << 24
    for k in 0...limit {
      let probability = (power << 16) / (power + (1 << 24))
      squash[k] = UInt16(probability)
      squash[-k] = UInt16(65536 - probability)
      power = (power * 269_486_083 + (1 << 27)) >> 28
    }
    let stretch = UnsafeMutablePointer<Int16>.allocate(capacity: 4096)
    var k = -limit
    for index in 0..<4096 {
      // The first value whose probability reaches the middle of the cell.
      while k < limit, Int(squash[k]) < 16 * index + 8 { k += 1 }
      stretch[index] = Int16(k)
    }
    let seen = Int(Evidence.seenLimit)
    let reciprocal = UnsafeMutablePointer<UInt32>.allocate(capacity: seen + 1)
    for count in 0...seen { reciprocal[count] = UInt32(65536 / (count + 2)) }
    self.squash = UnsafePointer(squash)
    self.stretch = UnsafePointer(stretch)
    self.reciprocal = UnsafePointer(reciprocal)
  }
}
