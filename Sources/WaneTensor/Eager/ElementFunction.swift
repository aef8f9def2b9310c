import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A function of each element by itself.
public enum ElementFunction: String, CaseIterable, Sendable {
  /// -x.
  case negate = "neg"
  /// |x|.
  case abs
  /// -1, 0 or 1.
  case sign
  /// x x.
  case square
  /// max(x, 0).
  case relu
  /// To the nearest whole number, halves to even.
  case round
  /// Down to a whole number.
  case floor
  /// Up to a whole number.
  case ceil
  /// The square root.
  case sqrt
  /// 1 / sqrt(x).
  case rsqrt
  /// 1 / x.
  case reciprocal
  /// e to the power of x.
  case exp
  /// The natural logarithm.
  case log
  /// 1 / (1 + exp(-x)).
  case sigmoid
  /// The hyperbolic tangent.
  case tanh
  /// The sine.
  case sin
  /// The cosine.
  case cos
  /// The error function, 2 / sqrt(pi) times the integral of exp(-t t) from 0 to x.
  case erf

  /// Whether whole numbers stay whole.
  var keepsIntegers: Bool {
    switch self {
    case .negate, .abs, .sign, .square, .relu, .round, .floor, .ceil: true
    case .sqrt, .rsqrt, .reciprocal, .exp, .log, .sigmoid, .tanh, .sin, .cos, .erf: false
    }
  }

  /// The function of every element: in f32, or in i32 (saturating) for functions that keep whole
  /// numbers whole.
  public func apply(_ x: Tensor) throws -> Tensor {
    if !x.dtype.isFloatingPoint, keepsIntegers {
      return try integers(try x.converted(to: .i32))
    }
    let n = x.count
    return try .built(x.shape, .f32, for: rawValue) { (y: UnsafeMutablePointer<Float>) in
      try x.converted(to: .f32).reading(Float.self) { runFloats($0, y, n) }
    }
  }

  /// The function of n elements in f32; in place is allowed.
  package func runFloats(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    switch self {
    case .negate: wane_scale_f32(x, -1, y, n)
    case .abs: wane_abs_f32(x, y, n)
    case .square: wane_square_f32(x, y, n)
    case .relu: wane_relu_f32(x, y, n)
    case .sqrt: wane_sqrt_f32(x, y, n)
    case .rsqrt:
      wane_sqrt_f32(x, y, n)
      wane_reciprocal_f32(y, 1, y, n)
    case .reciprocal: wane_reciprocal_f32(x, 1, y, n)
    case .exp: wane_exp_f32(x, y, n)
    case .log: wane_log_f32(x, y, n)
    case .sigmoid: wane_sigmoid_f32(x, y, n)
    case .tanh: wane_tanh_f32(x, y, n)
    case .sign: for i in 0..<n { y[i] = x[i] > 0 ? 1 : x[i] < 0 ? -1 : x[i] }
    case .round: for i in 0..<n { y[i] = x[i].rounded(.toNearestOrEven) }
    case .floor: for i in 0..<n { y[i] = x[i].rounded(.down) }
    case .ceil: for i in 0..<n { y[i] = x[i].rounded(.up) }
    case .sin: for i in 0..<n { y[i] = sinf(x[i]) }
    case .cos: for i in 0..<n { y[i] = cosf(x[i]) }
    case .erf: for i in 0..<n { y[i] = erff(x[i]) }
    }
  }

  private func integers(_ x: Tensor) throws -> Tensor {
    let zero = Operand.scalar(.integer(0))
    return switch self {
    case .negate: try x.negated()
    case .abs: try Arithmetic.maximum.apply(.tensor(x), .tensor(x.negated()))
    case .square: try Arithmetic.multiply.apply(.tensor(x), .tensor(x))
    case .relu: try Arithmetic.maximum.apply(.tensor(x), zero)
    case .sign:
      try Arithmetic.maximum.apply(
        .tensor(try Arithmetic.minimum.apply(.tensor(x), .scalar(.integer(1)))),
        .scalar(.integer(-1)))
    default: x
    }
  }
}

extension Tensor {
  /// Elements below `low` become `low`, those above `high` become `high`.
  ///
  /// NaN stays. Whole numbers stay whole between whole limits.
  ///
  /// - Throws: when `low` is above `high`.
  public func clamped(_ low: Scalar?, _ high: Scalar?) throws -> Tensor {
    if let low, let high, !(low.double <= high.double) {
      throw WaneError("clamp", "low must be at most high, got \(low) and \(high)")
    }
    if dtype.isFloatingPoint {
      return try .built(shape, .f32, for: "clamp") { y in
        try converted(to: .f32).reading(Float.self) { x in
          let (low, high) = (low?.double ?? -.infinity, high?.double ?? .infinity)
          wane_clamp_f32(x, Float(low), Float(high), y, count)
        }
      }
    }
    var result = try converted(to: .i32)
    if let low { result = try result.arithmetic(.maximum, .scalar(low)) }
    if let high { result = try result.arithmetic(.minimum, .scalar(high)) }
    return result
  }

  /// exp(x) / sum(exp(x)) along an axis, f32.
  ///
  /// - Throws: when there is no such axis.
  public func softmax(axis: Int, logarithmic: Bool = false) throws -> Tensor {
    let name = logarithmic ? "log_softmax" : "softmax"
    let axis = try shape.axis(axis, operation: name)
    guard axis == shape.rank - 1 else {
      return try swappingAxes(axis, shape.rank - 1).softmax(axis: -1, logarithmic: logarithmic)
        .swappingAxes(axis, shape.rank - 1)
    }
    let columns = shape[axis]
    let rows = columns == 0 ? 0 : count / columns
    return try .built(shape, .f32, for: name) { y in
      try converted(to: .f32).reading(Float.self) { x in
        if logarithmic {
          wane_log_softmax_f32(x, y, rows, columns)
        } else {
          wane_softmax_f32(x, y, rows, columns)
        }
      }
    }
  }
}
