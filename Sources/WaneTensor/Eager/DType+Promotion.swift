/// In which type operations compute.
///
/// There are two: f32, and i32 when every operand is whole. Bytes and bools widen to i32, whose
/// results saturate at its ends; they never wrap around. Floats of 16 bits widen to f32, and results
/// stay there. `/` and `^` give f32, as in Lua.
extension DType {
  /// The type in which elements of this type are computed with.
  public var arithmeticType: DType { isFloatingPoint ? .f32 : .i32 }

  /// The type in which elements of two types are computed with.
  static func promoted(_ a: DType, _ b: DType) -> DType {
    a.isFloatingPoint || b.isFloatingPoint ? .f32 : .i32
  }

  /// The whole numbers that an integer type holds; for floats those of i32.
  var wholeNumbers: ClosedRange<Int> {
    switch self {
    case .f32, .i32, .f16, .bf16: Int(Int32.min)...Int(Int32.max)
    case .u8: 0...255
    case .i8: -128...127
    case .bool: 0...1
    }
  }

  /// The type of that name.
  ///
  /// - Throws: for another name; the message lists the valid ones.
  public static func named(_ name: String, operation: String) throws -> DType {
    if let found = DType(name: name) { return found }
    let names = allCases.map { "'\($0)'" }.joined(separator: ", ")
    throw WaneError(operation, "dtype must be one of \(names), got '\(name)'")
  }
}
