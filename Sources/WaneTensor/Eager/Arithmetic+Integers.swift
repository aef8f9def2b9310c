extension Arithmetic {
  /// One run of n elements in i32, saturating.
  ///
  /// A step is 1, or 0 for an operand that is one number. Divisors are not 0.
  @inline(__always)
  func runIntegers(
    _ a: UnsafePointer<Int32>, _ stepA: Int, _ b: UnsafePointer<Int32>, _ stepB: Int,
    _ y: UnsafeMutablePointer<Int32>, _ n: Int
  ) {
    // Two factors of 32 bits, and their sums, fit 64.
    @inline(__always)
    func each(_ function: (Int64, Int64) -> Int64) {
      for i in 0..<n {
        y[i] = Int32(clamping: function(Int64(a[i &* stepA]), Int64(b[i &* stepB])))
      }
    }
    switch self {
    case .add: each { $0 &+ $1 }
    case .subtract: each { $0 &- $1 }
    case .multiply: each { $0 &* $1 }
    case .maximum: each { $0 > $1 ? $0 : $1 }
    case .minimum: each { $0 < $1 ? $0 : $1 }
    case .floorDivide: each(Self.floorDivide)
    case .remainder: each { a, b in a &- b &* Self.floorDivide(a, b) }
    // Always computed in f32.
    case .divide, .power: break
    }
  }

  @inline(__always)
  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    let quotient = a / b
    return a % b != 0 && (a < 0) != (b < 0) ? quotient &- 1 : quotient
  }
}
