import WaneGraph
import WaneTensor

/// The attributes of a node as a file has them: which of the operation's row differ from the
/// standard, their values, and those that the row does not know.
struct StoredAttributes {
  private var changed: [Attribute?] = []
  private var others: [(name: String, value: Attribute)] = []

  /// Whether nothing need be written.
  var isStandard: Bool { others.isEmpty && changed.allSatisfy { $0 == nil } }

  /// Compares attributes with the row of their operation, if it has one.
  init(_ attributes: [String: Attribute], row: OperationRow?) {
    var rest = attributes
    for (name, standard) in row?.attributes ?? [] {
      if let value = rest[name], value.isOfType(standard) {
        rest[name] = nil
        changed.append(value.isIdentical(to: standard) ? nil : value)
      } else {
        changed.append(nil)
      }
    }
    others = rest.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Writes a bit for each attribute of the row, the values of those that are set, and, when the
  /// bit behind them is set, the others with their names and types.
  func write(to writer: inout ByteWriter) {
    var mask: UInt64 = others.isEmpty ? 0 : 1 << UInt64(changed.count)
    for (index, value) in changed.enumerated() where value != nil { mask |= 1 << UInt64(index) }
    writer.unsigned(mask)
    for case let value? in changed { writer.attribute(value) }
    guard !others.isEmpty else { return }
    writer.count(others.count)
    for (name, value) in others {
      writer.string(name)
      writer.byte(value.typeNumber)
      writer.attribute(value)
    }
  }

  /// Reads the attributes of an operation.
  ///
  /// - Throws: a `FileDefect`.
  static func read(_ reader: inout ByteReader, isStandard: Bool, row: OperationRow?) throws
    -> [String: Attribute]
  {
    var values: [String: Attribute] = [:]
    let fields = row?.attributes ?? []
    let mask = isStandard ? 0 : try reader.unsigned()
    guard mask >> UInt64(fields.count + 1) == 0 else {
      throw FileDefect.damaged("an operation has attributes that do not exist")
    }
    for (index, field) in fields.enumerated() {
      values[field.name] =
        mask >> UInt64(index) & 1 == 0
        ? field.standard : try reader.attribute(field.standard.typeNumber)
    }
    guard mask >> UInt64(fields.count) & 1 == 1 else { return values }
    var others: Set<String> = []
    for _ in 0..<(try reader.items("attributes", atLeast: 3)) {
      let name = try reader.string()
      guard others.insert(name).inserted else {
        throw FileDefect.damaged("the attribute '\(name)' is given twice")
      }
      values[name] = try reader.attribute(try reader.byte())
    }
    return values
  }
}

extension Attribute {
  /// The number of the case in files.
  fileprivate var typeNumber: UInt8 {
    switch self {
    case .bool: 0
    case .int: 1
    case .float: 2
    case .string: 3
    case .ints: 4
    case .floats: 5
    }
  }

  fileprivate func isOfType(_ other: Attribute) -> Bool { typeNumber == other.typeNumber }

  /// Equal bit for bit: -0 and 0 differ, a NaN is itself.
  fileprivate func isIdentical(to other: Attribute) -> Bool {
    switch (self, other) {
    case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
    case (.floats(let a), .floats(let b)): a.map(\.bitPattern) == b.map(\.bitPattern)
    default: self == other
    }
  }
}

extension ByteWriter {
  fileprivate mutating func attribute(_ value: Attribute) {
    switch value {
    case .bool(let value): byte(value ? 1 : 0)
    case .int(let value): signed(value)
    case .float(let value): float(value)
    case .string(let value): string(value)
    case .ints(let values):
      count(values.count)
      for value in values { signed(value) }
    case .floats(let values):
      count(values.count)
      for value in values { float(value) }
    }
  }
}

extension ByteReader {
  fileprivate mutating func attribute(_ type: UInt8) throws -> Attribute {
    switch type {
    case 0: .bool(try byte() != 0)
    case 1: .int(try signed())
    case 2: .float(try float())
    case 3: .string(try string())
    case 4: .ints(try (0..<(try items("numbers"))).map { _ in try signed() })
    case 5: .floats(try (0..<(try items("floats", atLeast: 4))).map { _ in try float() })
    default: throw FileDefect.damaged("there is no attribute type \(type)")
    }
  }
}
