/// Elementwise arithmetic of two operands, with broadcasting.
///
/// Computes in f32, or in i32 when both operands are whole (`DType+Promotion.swift`).
public enum Arithmetic: String, CaseIterable, Sendable {
  /// a + b.
  case add
  /// a - b.
  case subtract
  /// a b.
  case multiply
  /// a / b, in f32.
  case divide
  /// a to the power of b, in f32.
  case power
  /// a / b rounded down.
  case floorDivide = "floor_divide"
  /// a - b floor(a / b), which has the sign of b, as in Lua.
  case remainder
  /// The larger one; b where a is NaN.
  case maximum
  /// The smaller one; b where a is NaN.
  case minimum

  /// Whether the result is f32 for whole operands, too.
  var isAlwaysReal: Bool { self == .divide || self == .power }

  /// The result for two operands.
  ///
  /// - Throws: when shapes do not broadcast, for division of whole numbers by 0, and for a number
  /// that
  ///   does not fit i32.
  public func apply(_ a: Operand, _ b: Operand) throws -> Tensor {
    let name = rawValue
    let plan = try BroadcastPlan(a.shape, b.shape, operation: name)
    if isAlwaysReal || DType.promoted(a.arithmeticType, b.arithmeticType) == .f32 {
      return try .built(plan.shape, .f32, for: name) { y in
        try a.withFloats(for: name) { a in
          try b.withFloats(for: name) { b in
            plan.forEachRun {
              runFloats(a + $0, plan.run.a, b + $1, plan.run.b, y + $2, plan.run.extent)
            }
          }
        }
      }
    }
    return try .built(plan.shape, .i32, for: name) { y in
      try a.withIntegers(for: name) { a in
        try b.withIntegers(for: name) { b in
          var divisorIsZero = false
          plan.forEachRun {
            if self == .floorDivide || self == .remainder {
              let divisors = UnsafeBufferPointer(
                start: b + $1, count: plan.run.b == 0 ? 1 : plan.run.extent)
              divisorIsZero = divisorIsZero || divisors.contains(0)
            }
            if divisorIsZero { return }
            runIntegers(a + $0, plan.run.a, b + $1, plan.run.b, y + $2, plan.run.extent)
          }
          if divisorIsZero { throw WaneError(name, "division of whole numbers by 0") }
        }
      }
    }
  }
}

extension Tensor {
  /// Elementwise arithmetic with another tensor or a number, this tensor on the left.
  public func arithmetic(_ operation: Arithmetic, _ other: Operand) throws -> Tensor {
    try operation.apply(.tensor(self), other)
  }

  /// The elements with the other sign; whole numbers saturate.
  public func negated() throws -> Tensor {
    try Arithmetic.subtract.apply(
      .scalar(dtype.isFloatingPoint ? .real(-0.0) : .integer(0)), .tensor(self))
  }
}
