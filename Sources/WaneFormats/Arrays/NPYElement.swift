import WaneTensor

/// The element types of `.npy` files that can be read, and the types they become.
enum NPYElement: String, CaseIterable {
  case f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1

  /// Bytes of an element.
  var width: Int { Int(rawValue.dropFirst()) ?? 1 }

  /// What it becomes: f64 is rounded to f32, wide integers must fit i32.
  var dtype: DType {
    switch self {
    case .f2: .f16
    case .f4, .f8: .f32
    case .i1: .i8
    case .u1: .u8
    case .i2, .i4, .i8, .u2, .u4, .u8: .i32
    case .b1: .bool
    }
  }

  /// Whether the bytes of an element are those of the tensor.
  var isPlain: Bool {
    switch self {
    case .f2, .f4, .i1, .i4, .u1, .b1: true
    case .f8, .i2, .i8, .u2, .u4, .u8: false
    }
  }

  /// The element type and byte order that NumPy's name stands for; nil for another.
  static func parse(_ descr: String) -> (element: NPYElement, isBigEndian: Bool)? {
    guard let order = descr.first, "<>|=".contains(order),
      let element = NPYElement(rawValue: String(descr.dropFirst()))
    else { return nil }
    return (element, order == ">")
  }

  /// NumPy's name for what a type is written as; bf16, which NumPy does not have, is written as f32.
  static func descr(_ dtype: DType) -> String {
    switch dtype {
    case .f32, .bf16: "<f4"
    case .f16: "<f2"
    case .i32: "<i4"
    case .u8: "|u1"
    case .i8: "|i1"
    case .bool: "|b1"
    }
  }

  /// Writes elements, in the machine's byte order, as those of the tensor.
  ///
  /// - Returns: the first element that does not fit, if any.
  func convert(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Int? {
    let count = source.count / width
    func integers<Source: FixedWidthInteger & BitwiseCopyable>(_: Source.Type) -> Int? {
      for i in 0..<count {
        let value = source.loadUnaligned(fromByteOffset: i * width, as: Source.self)
        guard let fitting = Int32(exactly: value) else { return i }
        target.storeBytes(of: fitting, toByteOffset: 4 * i, as: Int32.self)
      }
      return nil
    }
    switch self {
    case .f8:
      for i in 0..<count {
        let value = source.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
        target.storeBytes(of: Float(value), toByteOffset: 4 * i, as: Float.self)
      }
      return nil
    case .i2: return integers(Int16.self)
    case .i8: return integers(Int64.self)
    case .u2: return integers(UInt16.self)
    case .u4: return integers(UInt32.self)
    case .u8: return integers(UInt64.self)
    case .b1:
      // Any byte but 0 is true.
      for i in 0..<count {
        target.storeBytes(of: source[i] == 0 ? 0 : 1, toByteOffset: i, as: UInt8.self)
      }
      return nil
    case .f2, .f4, .i1, .i4, .u1:
      if let base = source.baseAddress {
        target.copyMemory(from: base, byteCount: source.count)
      }
      return nil
    }
  }

  /// Turns the bytes of each element around.
  func swapBytes(_ bytes: UnsafeMutableRawBufferPointer) {
    guard width > 1 else { return }
    for start in stride(from: 0, to: bytes.count - width + 1, by: width) {
      for i in 0..<width / 2 {
        let other = start + width - 1 - i
        (bytes[start + i], bytes[other]) = (bytes[other], bytes[start + i])
      }
    }
  }
}
