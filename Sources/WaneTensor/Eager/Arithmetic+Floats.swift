import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Arithmetic {
  /// One run of n elements in f32.
  ///
  /// A step is 1, or 0 for an operand that is one number.
  package func runFloats(
    _ a: UnsafePointer<Float>, _ stepA: Int, _ b: UnsafePointer<Float>, _ stepB: Int,
    _ y: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    if stepA == 1, stepB == 1 { return zip(a, b, y, n) }
    if stepA == 1 { return right(a, b.pointee, y, n) }
    if stepB == 1 { return left(a.pointee, b, y, n) }
    zip(a, b, y, 1)
    y.update(repeating: y.pointee, count: n)
  }

  private func zip(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    switch self {
    case .add: wane_add_f32(a, b, y, n)
    case .subtract: wane_sub_f32(a, b, y, n)
    case .multiply: wane_mul_f32(a, b, y, n)
    case .divide: wane_div_f32(a, b, y, n)
    case .maximum: wane_max_f32(a, b, y, n)
    case .minimum: wane_min_f32(a, b, y, n)
    case .power: for i in 0..<n { y[i] = powf(a[i], b[i]) }
    case .floorDivide: for i in 0..<n { y[i] = (a[i] / b[i]).rounded(.down) }
    case .remainder: for i in 0..<n { y[i] = Self.remainder(a[i], b[i]) }
    }
  }

  /// A number on the right.
  private func right(
    _ a: UnsafePointer<Float>, _ b: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    switch self {
    case .add: wane_offset_f32(a, b, y, n)
    case .subtract: wane_offset_f32(a, -b, y, n)
    case .multiply: wane_scale_f32(a, b, y, n)
    case .divide: for i in 0..<n { y[i] = a[i] / b }
    case .maximum: for i in 0..<n { y[i] = a[i] > b ? a[i] : b }
    case .minimum: for i in 0..<n { y[i] = a[i] < b ? a[i] : b }
    case .power where b == 2: wane_square_f32(a, y, n)
    case .power where b == 3: for i in 0..<n { y[i] = a[i] * a[i] * a[i] }
    case .power: for i in 0..<n { y[i] = powf(a[i], b) }
    case .floorDivide: for i in 0..<n { y[i] = (a[i] / b).rounded(.down) }
    case .remainder: for i in 0..<n { y[i] = Self.remainder(a[i], b) }
    }
  }

  /// A number on the left.
  private func left(
    _ a: Float, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    switch self {
    case .add: wane_offset_f32(b, a, y, n)
    // The product with -1 is exact, so this is a - b.
    case .subtract: wane_affine_f32(b, -1, a, y, n)
    case .multiply: wane_scale_f32(b, a, y, n)
    case .divide: wane_reciprocal_f32(b, a, y, n)
    case .maximum: for i in 0..<n { y[i] = a > b[i] ? a : b[i] }
    case .minimum: for i in 0..<n { y[i] = a < b[i] ? a : b[i] }
    case .power: for i in 0..<n { y[i] = powf(a, b[i]) }
    case .floorDivide: for i in 0..<n { y[i] = (a / b[i]).rounded(.down) }
    case .remainder: for i in 0..<n { y[i] = Self.remainder(a, b[i]) }
    }
  }

  /// The remainder with the sign of the divisor, exact; NaN for a divisor of 0.
  @inline(__always)
  private static func remainder(_ a: Float, _ b: Float) -> Float {
    let remainder = fmodf(a, b)
    return remainder * b < 0 ? remainder + b : remainder
  }
}
