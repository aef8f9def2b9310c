/// A number beside a tensor, with the kind that the script gave it.
public enum Scalar: Equatable, Sendable, CustomStringConvertible {
  /// A whole number; beside integers the result stays an integer.
  case integer(Int)
  /// A floating-point number; the result is one, too.
  case real(Double)

  /// The value as a floating-point number.
  public var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    }
  }

  /// The shortest text that reads back as the same value; `3` for 3.0.
  public var description: String {
    switch self {
    case .integer(let value): return "\(value)"
    case .real(let value):
      if let whole = Int(exactly: value), abs(value) < 1e15 { return "\(whole)" }
      return "\(value)"
    }
  }

  /// The value as an element of an integer type.
  ///
  /// - Throws: when it has a fraction or the type cannot hold it.
  public func whole(for dtype: DType, operation: String) throws -> Int {
    let value: Int?
    switch self {
    case .integer(let whole): value = whole
    case .real(let real):
      guard real.rounded() == real || !real.isFinite else {
        throw WaneError(operation, "\(self) is not a whole number, as \(dtype) needs")
      }
      value = Int(exactly: real)
    }
    let range = dtype.wholeNumbers
    guard let value, range.contains(value) else {
      throw WaneError(
        operation, "\(self) does not fit \(dtype) (\(range.lowerBound)..\(range.upperBound))")
    }
    return value
  }
}

/// One side of an operation: a tensor, or a number that is repeated for every element.
public enum Operand: Sendable {
  /// A tensor.
  case tensor(Tensor)
  /// A number.
  case scalar(Scalar)

  /// The extents; those of a scalar for a number.
  public var shape: Shape {
    switch self {
    case .tensor(let tensor): tensor.shape
    case .scalar: .scalar
    }
  }

  /// The type in which the operand computes by itself: f32 or i32.
  var arithmeticType: DType {
    switch self {
    case .tensor(let tensor): tensor.dtype.arithmeticType
    case .scalar(.integer): .i32
    case .scalar(.real): .f32
    }
  }

  /// Calls `body` with the elements in the type of the computation, f32.
  func withFloats<Result>(
    for operation: String, _ body: (UnsafePointer<Float>) throws -> Result
  ) throws -> Result {
    switch self {
    case .tensor(let tensor): return try tensor.converted(to: .f32).reading(Float.self, body)
    case .scalar(let scalar):
      return try withUnsafePointer(to: Float(scalar.double)) { try body($0) }
    }
  }

  /// Calls `body` with the elements in the type of the computation, i32.
  func withIntegers<Result>(
    for operation: String, _ body: (UnsafePointer<Int32>) throws -> Result
  ) throws -> Result {
    switch self {
    case .tensor(let tensor): return try tensor.converted(to: .i32).reading(Int32.self, body)
    case .scalar(let scalar):
      let whole = Int32(clamping: try scalar.whole(for: .i32, operation: operation))
      return try withUnsafePointer(to: whole) { try body($0) }
    }
  }
}
