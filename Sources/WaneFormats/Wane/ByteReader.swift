import WaneTensor

/// Reads what a `ByteWriter` wrote, trusting none of it.
struct ByteReader {
  private let bytes: [UInt8]
  private var next = 0
  private var strings: [String] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The number of bytes that have not been read.
  var remaining: Int { bytes.count - next }

  /// Reads a byte.
  mutating func byte() throws -> UInt8 {
    guard next < bytes.count else { throw FileDefect.damaged("the description ends too early") }
    next += 1
    return bytes[next - 1]
  }

  /// Reads bytes.
  mutating func raw(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw FileDefect.damaged("the description ends too early")
    }
    next += count
    return bytes[(next - count)..<next]
  }

  /// Reads a number of at most 64 bits.
  mutating func unsigned() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      let bits = UInt64(byte & 0x7F)
      guard shift < 63 || bits <= 1 else { break }
      value |= bits << shift
      if byte < 0x80 { return value }
    }
    throw FileDefect.damaged("a number is longer than 64 bits")
  }

  /// Reads a number in a range; `what` names it in the error.
  mutating func count(_ what: String, in range: ClosedRange<Int>) throws -> Int {
    let value = try unsigned()
    guard let count = Int(exactly: value), range.contains(count) else {
      throw FileDefect.damaged(
        "\(what) is \(value), beyond \(range.lowerBound)..\(range.upperBound)")
    }
    return count
  }

  /// Reads how many items follow that take at least `size` bytes each.
  mutating func items(_ what: String, atLeast size: Int = 1) throws -> Int {
    let value = try unsigned()
    guard let count = Int(exactly: value), count <= remaining / size else {
      throw FileDefect.damaged("\(value) \(what) do not fit in \(remaining) bytes")
    }
    return count
  }

  /// Reads a number of either sign.
  mutating func signed() throws -> Int {
    let value = try unsigned()
    return Int(truncatingIfNeeded: Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1))
  }

  /// Reads the bits of a float.
  mutating func float() throws -> Float {
    Float(bitPattern: try raw(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
  }

  /// Reads a string.
  mutating func string() throws -> String {
    let head = try unsigned()
    let number = Int(head >> 2)
    // Two bits have all four values.
    let value: String
    switch StringForm(rawValue: head & 3) ?? .literal {
    case .literal:
      guard let text = String(validating: try raw(number), as: UTF8.self) else {
        throw FileDefect.damaged("a string is not UTF-8")
      }
      value = text
    case .repeated:
      guard number < strings.count else {
        throw FileDefect.damaged("a string refers to one that does not exist")
      }
      return strings[strings.count - 1 - number]
    case .word:
      value = try word(number)
    case .numberedWord:
      value = try word(number) + "_\(try count("a name's number", in: 0...Int(Int32.max)))"
    }
    strings.append(value)
    return value
  }

  private func word(_ number: Int) throws -> String {
    guard let word = WordTable.word(number) else {
      throw FileDefect.damaged("there is no word \(number)")
    }
    return word
  }
}
