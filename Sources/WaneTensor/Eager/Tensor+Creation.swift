import CKernels

extension Tensor {
  /// A tensor of numbers in row-major order.
  ///
  /// - Throws: when their number is not the shape's, or one does not fit the type.
  public init(
    values: [Double], _ shape: Shape, _ dtype: DType = .f32, for operation: String = "tensor"
  ) throws {
    guard values.count == shape.count else {
      throw WaneError(operation, "\(values.count) elements do not fill shape \(shape)")
    }
    func whole(_ value: Double) throws -> Int {
      try Scalar.real(value).whole(for: dtype, operation: operation)
    }
    switch dtype {
    case .f32:
      self = try .built(shape, dtype, for: operation) { y in
        for (i, value) in values.enumerated() { y[i] = Float(value) }
      }
    case .i32:
      self = try .built(shape, dtype, for: operation) { y in
        for (i, value) in values.enumerated() { y[i] = Int32(clamping: try whole(value)) }
      }
    case .i8:
      self = try .built(shape, dtype, for: operation) { y in
        for (i, value) in values.enumerated() { y[i] = Int8(clamping: try whole(value)) }
      }
    case .u8:
      self = try .built(shape, dtype, for: operation) { y in
        for (i, value) in values.enumerated() { y[i] = UInt8(clamping: try whole(value)) }
      }
    case .bool:
      self = try .built(shape, dtype, for: operation) { (y: UnsafeMutablePointer<UInt8>) in
        for (i, value) in values.enumerated() { y[i] = value == 0 ? 0 : 1 }
      }
    case .f16, .bf16:
      self = try Tensor(values: values, shape, .f32, for: operation).converted(to: dtype)
    }
  }

  /// A tensor of one number, repeated.
  ///
  /// - Throws: when it does not fit the type.
  public init(
    repeating value: Scalar, _ shape: Shape, _ dtype: DType = .f32, for operation: String = "full"
  ) throws {
    let n = shape.count
    switch dtype {
    case .f32:
      self = try .built(shape, dtype, for: operation) { wane_fill_f32(Float(value.double), $0, n) }
    case .i32:
      let whole = Int32(clamping: try value.whole(for: dtype, operation: operation))
      self = try .built(shape, dtype, for: operation) { y in
        y.update(repeating: whole, count: n)
      }
    case .u8, .i8, .bool:
      let whole = try value.whole(for: dtype, operation: operation)
      let byte = UInt8(truncatingIfNeeded: whole)
      self = try .built(shape, dtype, for: operation) { y in y.update(repeating: byte, count: n) }
    case .f16, .bf16:
      self = try Tensor(repeating: value, shape, .f32, for: operation).converted(to: dtype)
    }
  }

  /// Numbers from `first` in equal steps up to `last`, which does not belong to them, as in NumPy.
  ///
  /// - Throws: when the step is 0, or a value does not fit the type.
  public init(
    from first: Scalar, upTo last: Scalar, by step: Scalar, _ dtype: DType = .f32
  ) throws {
    let (start, end, stride) = (first.double, last.double, step.double)
    guard start.isFinite, end.isFinite, stride.isFinite, stride != 0 else {
      throw WaneError(
        "arange", "finite numbers and a step other than 0 expected, got \(first), \(last), \(step)")
    }
    // A step that should meet the end may fall short of it by rounding.
    let steps = ((end - start) / stride - 1e-9).rounded(.up)
    guard steps < 1e12 else {
      throw WaneError("arange", "too many elements from \(first) to \(last) by \(step)")
    }
    let n = Int(max(0, steps))
    let shape = try Shape([n])
    if dtype.isFloatingPoint {
      self = try .built(shape, .f32, for: "arange") { y in
        for i in 0..<n { y[i] = Float(start + Double(i) * stride) }
      }.converted(to: dtype)
    } else {
      let values = (0..<n).map { start + Double($0) * stride }
      try self.init(values: values, shape, dtype, for: "arange")
    }
  }

  /// `count` numbers at equal distances, the first and the last being the given ones.
  public init(from first: Double, through last: Double, count: Int) throws {
    let shape = try Shape([count])
    self = try .built(shape, .f32, for: "linspace") { y in
      for i in 0..<count {
        let share = count > 1 ? Double(i) / Double(count - 1) : 0
        // Written so that the last element is exactly `last`.
        y[i] = Float(first * (1 - share) + last * share)
      }
    }
  }

  /// The identity matrix.
  public init(identity size: Int, _ dtype: DType = .f32) throws {
    var diagonal = try Tensor(zeros: Shape([size, size]), .u8, for: "eye")
    try diagonal.withMutableBytes { bytes in
      for i in 0..<size { bytes[i * size + i] = 1 }
    }
    self = try diagonal.converted(to: dtype)
  }
}
