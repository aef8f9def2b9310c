import WaneTensor

/// How the values of a parameter stand in a file; the low three bits of its head.
enum ParameterForm: UInt8 {
  /// Four bytes a float.
  case plainFloats = 0
  /// Floats through a `FloatModel`.
  case codedFloats = 1
  /// A grid and packed codes.
  case packedIntegers = 2
  /// A grid and codes through a `CodeModel`.
  case codedIntegers = 3
  /// A table of values and packed indices.
  case packedCodebook = 4
  /// A table of values and indices through a `CodeModel`.
  case codedCodebook = 5
}

/// The other bits of a parameter's head.
struct ParameterFlags: OptionSet {
  let rawValue: UInt8
  /// Training does not change it.
  static let isFrozen = ParameterFlags(rawValue: 1 << 3)
  /// Its zeros are pinned.
  static let isMasked = ParameterFlags(rawValue: 1 << 4)
  /// Its name is not the layer's, a slash and a rest, but stands in full.
  static let hasFullName = ParameterFlags(rawValue: 1 << 5)
  /// A codebook's values lie on an integer grid that the parameter has.
  static let hasGrid = ParameterFlags(rawValue: 1 << 6)
  /// The codebook's values are the grid's scale times whole numbers, which stand instead.
  static let isOnGrid = ParameterFlags(rawValue: 1 << 7)
}

/// The widths of codes and what a grid or codebook has besides scales: a byte.
struct GridWidths {
  /// Bits of a stored code.
  var codeBits: Int
  /// Bits of the grid.
  var gridBits: Int
  /// Whether zero points follow the scales.
  var hasZeros = false
  /// Whether the number of inputs that share a scale stands before the scales.
  var hasGroups = false

  /// Of a codebook, whether each channel has a table, and its axis stands behind the entries.
  var hasTables: Bool {
    get { hasZeros }
    set { hasZeros = newValue }
  }
  /// Of a codebook, whether each table has a scale.
  var hasTableScales: Bool {
    get { hasGroups }
    set { hasGroups = newValue }
  }

  /// Describes codes.
  init(codeBits: Int, gridBits: Int) {
    self.codeBits = codeBits
    self.gridBits = gridBits
  }

  /// Reads the byte.
  init(_ byte: UInt8) {
    codeBits = Int(byte & 7) + 1
    gridBits = Int(byte >> 3 & 7) + 1
    hasZeros = byte >> 6 & 1 == 1
    hasGroups = byte >> 7 == 1
  }

  /// Three bits for each width, less one, and two flags.
  var byte: UInt8 {
    UInt8(codeBits - 1) | UInt8(gridBits - 1) << 3 | (hasZeros ? 1 << 6 : 0)
      | (hasGroups ? 1 << 7 : 0)
  }
}

/// The values of a parameter in the form that is written.
struct StoredPayload {
  /// The form.
  let form: ParameterForm
  /// The bytes behind the description.
  let data: FilePiece
  /// The symbol that distances are counted from; for coded codes.
  var pivot: UInt8 = 0
}

/// A run of bytes of a file.
enum FilePiece {
  case bytes([UInt8])
  /// The elements of a tensor, as they lie in memory.
  case tensor(Tensor)

  /// How many bytes it has.
  var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .tensor(let tensor): tensor.byteCount
    }
  }

  /// Calls `body` with the bytes.
  func with<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch self {
    case .bytes(let bytes): try bytes.withUnsafeBytes(body)
    case .tensor(let tensor): try tensor.withBytes(body)
    }
  }
}
