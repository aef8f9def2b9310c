import CKernels

extension Tensor {
  /// The elements in another type.
  ///
  /// From a float to an integer: towards zero, saturating, NaN becomes 0. Between integers: saturating.
  /// To floats of fewer bits: to the nearest, ties to even.
  /// To bool: whether the element is not 0.
  public func converted(to target: DType) throws -> Tensor {
    if target == dtype { return self }
    let n = count
    func make<From: BitwiseCopyable, To: BitwiseCopyable>(
      _ convert: (UnsafePointer<From>, UnsafeMutablePointer<To>, Int) -> Void
    ) throws -> Tensor {
      try .built(shape, target, for: "to") { (y: UnsafeMutablePointer<To>) in
        try reading(From.self) { convert($0, y, n) }
      }
    }
    switch (dtype, target) {
    case (.f32, .i32): return try make { wane_cast_f32_i32($0, $1, $2) }
    case (.f32, .u8): return try make { wane_cast_f32_u8($0, $1, $2) }
    case (.f32, .i8): return try make { wane_cast_f32_i8($0, $1, $2) }
    case (.f32, .bool): return try make { wane_cast_f32_bool($0, $1, $2) }
    case (.i32, .f32): return try make { wane_cast_i32_f32($0, $1, $2) }
    case (.u8, .f32): return try make { wane_cast_u8_f32($0, $1, $2) }
    case (.i8, .f32): return try make { wane_cast_i8_f32($0, $1, $2) }
    case (.bool, .f32): return try make { wane_cast_bool_f32($0, $1, $2) }
    case (.i32, .u8): return try make { wane_cast_i32_u8($0, $1, $2) }
    case (.i32, .i8): return try make { wane_cast_i32_i8($0, $1, $2) }
    case (.u8, .i32): return try make { wane_cast_u8_i32($0, $1, $2) }
    case (.i8, .i32): return try make { wane_cast_i8_i32($0, $1, $2) }
    case (.u8, .i8), (.i8, .u8): return try converted(to: .i32).converted(to: target)
    case (.i32, .bool): return try make(Self.truth(Int32.self))
    case (.u8, .bool), (.i8, .bool): return try make(Self.truth(UInt8.self))
    case (.bool, .u8), (.bool, .i8): return try make(Self.truth(UInt8.self))
    case (.bool, .i32):
      return try make { (x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<Int32>, n) in
        for i in 0..<n { y[i] = x[i] == 0 ? 0 : 1 }
      }
    case (.f32, .f16): return try make { wane_cast_f32_f16($0, $1, $2) }
    case (.f32, .bf16): return try make { wane_cast_f32_bf16($0, $1, $2) }
    case (.f16, .f32): return try make { wane_cast_f16_f32($0, $1, $2) }
    case (.bf16, .f32): return try make { wane_cast_bf16_f32($0, $1, $2) }
    case (.f16, _), (.bf16, _), (_, .f16), (_, .bf16):
      return try converted(to: .f32).converted(to: target)
    case (.f32, .f32), (.i32, .i32), (.u8, .u8), (.i8, .i8), (.bool, .bool): return self
    }
  }

  private static func truth<Element: BinaryInteger>(
    _: Element.Type
  ) -> (UnsafePointer<Element>, UnsafeMutablePointer<UInt8>, Int) -> Void {
    { x, y, n in for i in 0..<n { y[i] = x[i] == 0 ? 0 : 1 } }
  }

  /// An element, by its position in row-major order.
  ///
  /// - Throws: when there is no such element.
  public func element(_ position: Int) throws -> Scalar {
    guard position >= 0, position < count else {
      throw WaneError("tensor", "no element \(position) among \(count)")
    }
    if dtype.isHalf {
      return try reshaped(Shape([count])).rows(position..<position + 1).converted(to: .f32)
        .element(0)
    }
    return withBytes { bytes in
      switch dtype {
      case .f32:
        .real(Double(bytes.loadUnaligned(fromByteOffset: 4 * position, as: Float.self)))
      case .i32:
        .integer(Int(bytes.loadUnaligned(fromByteOffset: 4 * position, as: Int32.self)))
      case .u8: .integer(Int(bytes[position]))
      case .i8: .integer(Int(Int8(bitPattern: bytes[position])))
      case .bool: .integer(bytes[position] == 0 ? 0 : 1)
      // Widened above.
      case .f16, .bf16: .real(.nan)
      }
    }
  }

  /// The one element of a tensor of any rank.
  ///
  /// - Throws: when there are none or several.
  public func item() throws -> Scalar {
    guard count == 1 else {
      throw WaneError("item", "one element expected, shape \(shape) has \(count)")
    }
    return try element(0)
  }

  /// Whether both have the same shape, type and elements.
  ///
  /// NaN equals nothing.
  public func isIdentical(to other: Tensor) throws -> Bool {
    guard shape == other.shape, dtype == other.dtype else { return false }
    if dtype.isHalf { return try converted(to: .f32).isIdentical(to: other.converted(to: .f32)) }
    if dtype == .f32 {
      return with(Float.self) { a in other.with(Float.self) { b in a.elementsEqual(b) } }
    }
    return withBytes { a in other.withBytes { b in a.elementsEqual(b) } }
  }
}
