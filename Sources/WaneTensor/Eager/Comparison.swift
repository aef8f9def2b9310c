/// Elementwise comparison of two operands, with broadcasting; the result is bool.
public enum Comparison: String, CaseIterable, Sendable {
  /// a = b.
  case equal = "eq"
  /// a differs from b.
  case notEqual = "ne"
  /// a < b.
  case less = "lt"
  /// a <= b.
  case lessOrEqual = "le"
  /// a > b.
  case greater = "gt"
  /// a >= b.
  case greaterOrEqual = "ge"

  /// The result for two operands.
  ///
  /// - Throws: when shapes do not broadcast.
  public func apply(_ a: Operand, _ b: Operand) throws -> Tensor {
    let name = rawValue
    let plan = try BroadcastPlan(a.shape, b.shape, operation: name)
    return try .built(plan.shape, .bool, for: name) { (y: UnsafeMutablePointer<UInt8>) in
      if DType.promoted(a.arithmeticType, b.arithmeticType) == .f32 {
        try a.withFloats(for: name) { a in
          try b.withFloats(for: name) { b in run(plan, a, b, y) }
        }
      } else {
        try a.withIntegers(for: name) { a in
          try b.withIntegers(for: name) { b in run(plan, a, b, y) }
        }
      }
    }
  }

  private func run<Element: Comparable>(
    _ plan: BroadcastPlan, _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>,
    _ y: UnsafeMutablePointer<UInt8>
  ) {
    @inline(__always)
    func each(_ holds: (Element, Element) -> Bool) {
      let (stepA, stepB) = (plan.run.a, plan.run.b)
      plan.forEachRun { startA, startB, start in
        for i in 0..<plan.run.extent {
          y[start &+ i] = holds(a[startA &+ i &* stepA], b[startB &+ i &* stepB]) ? 1 : 0
        }
      }
    }
    switch self {
    case .equal: each { $0 == $1 }
    case .notEqual: each { $0 != $1 }
    case .less: each { $0 < $1 }
    case .lessOrEqual: each { $0 <= $1 }
    case .greater: each { $0 > $1 }
    case .greaterOrEqual: each { $0 >= $1 }
    }
  }
}

/// Elementwise logic of two operands, with broadcasting: an element is true when it is not 0.
public enum Logic: String, CaseIterable, Sendable {
  /// Both.
  case and = "logical_and"
  /// One or both.
  case or = "logical_or"
  /// One but not both.
  case exclusiveOr = "logical_xor"

  /// The result for two tensors, bool.
  ///
  /// - Throws: when shapes do not broadcast.
  public func apply(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    let (left, right) = (
      Operand.tensor(try a.converted(to: .bool)), Operand.tensor(try b.converted(to: .bool))
    )
    return switch self {
    case .and: try Arithmetic.minimum.apply(left, right).converted(to: .bool)
    case .or: try Arithmetic.maximum.apply(left, right).converted(to: .bool)
    case .exclusiveOr: try Comparison.notEqual.apply(left, right)
    }
  }
}

extension Tensor {
  /// True where the element is 0, elementwise.
  public func logicalNot() throws -> Tensor {
    try Comparison.equal.apply(.tensor(try converted(to: .bool)), .scalar(.integer(0)))
  }

  /// Elements of `a` where this tensor is not 0, of `b` elsewhere; all three broadcast.
  ///
  /// - Throws: when shapes do not broadcast.
  public func selecting(_ a: Operand, else b: Operand) throws -> Tensor {
    let name = "where"
    let shape = try self.shape.broadcast(with: a.shape, operation: name)
      .broadcast(with: b.shape, operation: name)
    let dtype: DType
    if case .tensor(let a) = a, case .tensor(let b) = b, a.dtype == b.dtype {
      dtype = a.dtype
    } else {
      dtype = .promoted(a.arithmeticType, b.arithmeticType)
    }
    func expanded(_ operand: Operand) throws -> Tensor {
      switch operand {
      case .tensor(let tensor):
        try tensor.converted(to: dtype).broadcast(to: shape, for: name)
      case .scalar(let scalar): try Tensor(repeating: scalar, shape, dtype, for: name)
      }
    }
    let condition = try converted(to: .bool).broadcast(to: shape, for: name)
    let (yes, no) = (try expanded(a), try expanded(b))
    func choose<Element: BitwiseCopyable>(_: Element.Type) throws -> Tensor {
      try .built(shape, dtype, for: name) { (y: UnsafeMutablePointer<Element>) in
        try condition.reading(UInt8.self) { condition in
          try yes.reading(Element.self) { yes in
            try no.reading(Element.self) { no in
              for i in 0..<shape.count { y[i] = condition[i] != 0 ? yes[i] : no[i] }
            }
          }
        }
      }
    }
    switch dtype.byteCount {
    case 4: return try choose(UInt32.self)
    case 2: return try choose(UInt16.self)
    default: return try choose(UInt8.self)
    }
  }
}
