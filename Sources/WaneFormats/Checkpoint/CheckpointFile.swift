import WaneNN
import WaneTensor

/// The state of a training run in a file, whole or not at all.
///
/// `WCKP`, the version, the number of bytes that follow the checksum, their checksum (CRC-32C), and
/// the values in the order of their names: name, kind, value. Numbers are written as in a `.wane` file,
/// floats and tensors as their bytes, lowest first.
public enum CheckpointFile {
  static let magic = Array("WCKP".utf8)
  static let version: UInt64 = 1
  // Magic, version, length, checksum.
  private static let leastCount = 4 + 1 + 1 + 4

  /// Writes a state; a file of that name is replaced when the new one is complete.
  ///
  /// - Throws: an `.io` error with the path and the reason.
  public static func write(_ state: TrainingState, to path: String) throws {
    var body = ByteWriter()
    body.count(state.values.count)
    for (name, value) in state.values.sorted(by: { $0.key < $1.key }) {
      body.string(name)
      body.value(value)
    }
    var checksum = CRC32C()
    body.bytes.withUnsafeBytes { checksum.add($0) }
    var header = ByteWriter()
    header.raw(magic)
    header.unsigned(version)
    header.count(body.bytes.count)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      header.byte(UInt8(truncatingIfNeeded: checksum.value >> shift))
    }
    let file = try AtomicFile.create(at: path)
    try header.bytes.withUnsafeBytes { try file.write($0) }
    try body.bytes.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// Whether there is a file of that name.
  public static func exists(_ path: String) -> Bool { FileSource.exists(path) }

  /// Reads a state.
  ///
  /// - Throws: an `.io` error with the path and the reason: it cannot be read, is no checkpoint, is
  ///   truncated or damaged.
  public static func read(_ path: String) throws -> TrainingState {
    let source = try FileSource(path, for: "resume")
    func error(_ reason: String) -> WaneError {
      WaneError("resume", "'\(path)' \(reason)", kind: .io)
    }
    let bytes = try source.bytes(at: 0, count: source.count)
    guard bytes.starts(with: magic) || (!bytes.isEmpty && magic.starts(with: bytes)) else {
      throw error("is not a checkpoint")
    }
    guard bytes.count >= leastCount else {
      throw error("is truncated: it has \(bytes.count) bytes")
    }
    var reader = ByteReader(bytes)
    do {
      _ = try reader.raw(magic.count)
      let found = try reader.unsigned()
      guard found == version else {
        throw error("has version \(found), this Wane reads \(version)")
      }
      let count = try reader.unsigned()
      let checksum = try reader.raw(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard UInt64(reader.remaining) >= count else {
        throw error("is truncated: it has \(bytes.count) bytes")
      }
      guard UInt64(reader.remaining) == count else {
        throw error("is damaged: bytes follow its end")
      }
      var actual = CRC32C()
      bytes.withUnsafeBytes { all in
        actual.add(UnsafeRawBufferPointer(rebasing: all[(all.count - reader.remaining)...]))
      }
      guard actual.value == checksum else {
        throw error("is damaged: its checksum does not match")
      }
      return try reader.state()
    } catch FileDefect.damaged(let reason) {
      throw error("is damaged: \(reason)")
    }
  }
}

/// What stands behind a name.
private enum ValueKind: UInt8 {
  case integer = 0
  case number = 1
  case text = 2
  case numbers = 3
  case tensor = 4
}

extension ByteWriter {
  fileprivate mutating func double(_ value: Double) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { raw(Array($0)) }
  }

  fileprivate mutating func value(_ value: TrainingState.Value) {
    switch value {
    case .integer(let value):
      byte(ValueKind.integer.rawValue)
      signed(value)
    case .number(let value):
      byte(ValueKind.number.rawValue)
      double(value)
    case .text(let value):
      byte(ValueKind.text.rawValue)
      string(value)
    case .numbers(let values):
      byte(ValueKind.numbers.rawValue)
      count(values.count)
      for value in values { double(value) }
    case .tensor(let tensor):
      byte(ValueKind.tensor.rawValue)
      byte(tensor.dtype.rawValue)
      count(tensor.shape.rank)
      for extent in tensor.shape.dimensions { count(extent) }
      tensor.withBytes { raw(Array($0)) }
    }
  }
}

extension ByteReader {
  fileprivate mutating func double() throws -> Double {
    Double(bitPattern: try raw(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  fileprivate mutating func state() throws -> TrainingState {
    var state = TrainingState()
    // A name and a kind take two bytes at least.
    for _ in 0..<(try items("values", atLeast: 2)) {
      let name = try string()
      guard state.values.updateValue(try value(), forKey: name) == nil else {
        throw FileDefect.damaged("'\(name)' stands there twice")
      }
    }
    guard remaining == 0 else { throw FileDefect.damaged("bytes follow its last value") }
    return state
  }

  private mutating func value() throws -> TrainingState.Value {
    let kind = try byte()
    switch ValueKind(rawValue: kind) {
    case .integer: return .integer(try signed())
    case .number: return .number(try double())
    case .text: return .text(try string())
    case .numbers:
      let count = try items("numbers", atLeast: 8)
      return .numbers(try (0..<count).map { _ in try double() })
    case .tensor: return .tensor(try tensor())
    case nil: throw FileDefect.damaged("there is no kind of value \(kind)")
    }
  }

  private mutating func tensor() throws -> Tensor {
    let code = try byte()
    guard let dtype = DType(rawValue: code) else {
      throw FileDefect.damaged("there is no element type \(code)")
    }
    let rank = try count("the number of axes", in: 0...64)
    let dimensions = try (0..<rank).map { _ in try count("an extent", in: 0...Int(Int32.max)) }
    var size = dtype.byteCount
    for extent in dimensions {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= remaining else {
        throw FileDefect.damaged("a tensor of \(Shape.text(dimensions)) does not fit in it")
      }
      size = product
    }
    let bytes = try raw(size)
    do {
      var result = try Tensor(uninitialized: Shape(dimensions), dtype, for: "resume")
      try result.withMutableBytes { target in
        bytes.withUnsafeBytes { target.copyMemory(from: $0) }
      }
      return result
    } catch let error as WaneError where error.kind == .invalid {
      throw FileDefect.damaged(error.description)
    }
  }
}
