/// The type of a tensor's elements.
public enum DType: UInt8, CaseIterable, Sendable, CustomStringConvertible {
  // The raw values stand in `.wane` files.
  case f32 = 0
  case i32 = 1
  case u8 = 2
  case i8 = 3
  case bool = 4
  /// IEEE 754 half precision: 11 significant bits, up to 65504.
  case f16 = 5
  /// The upper half of an f32: 8 significant bits, the same range.
  case bf16 = 6

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f16, .bf16: 2
    case .u8, .i8, .bool: 1
    }
  }

  /// Whether elements are floating-point numbers.
  public var isFloatingPoint: Bool { self == .f32 || isHalf }

  /// Whether elements are floats of 16 bits, which are stored but not computed with.
  public var isHalf: Bool { self == .f16 || self == .bf16 }

  /// The name that scripts use.
  public var description: String {
    switch self {
    case .f32: "f32"
    case .i32: "i32"
    case .u8: "u8"
    case .i8: "i8"
    case .bool: "bool"
    case .f16: "f16"
    case .bf16: "bf16"
    }
  }

  /// The type of that name, or nil.
  public init?(name: String) {
    guard let found = DType.allCases.first(where: { $0.description == name }) else { return nil }
    self = found
  }
}
