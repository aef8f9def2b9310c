/// Takes the lines of a CSV file apart.
struct CSVScanner {
  /// What is wrong with a line.
  struct Defect: Error {
    let line: Int
    let reason: String
  }

  private static let quote = UInt8(ascii: "\"")
  private let bytes: [UInt8]
  private let separator: UInt8
  private var position = 0
  private var lineNumber = 1

  init(_ bytes: [UInt8], separator: UInt8) {
    self.bytes = bytes
    self.separator = separator
    // A byte order mark, which some programs write, is no value.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The number of the next line, from 1; nil at the end.
  var line: Int? { position < bytes.count ? lineNumber : nil }

  /// The values of the next row, which has several lines when a quoted value has.
  mutating func row() throws -> [String] {
    var values: [String] = []
    while true {
      values.append(try value())
      guard position < bytes.count else { return values }
      let next = bytes[position]
      position += 1
      if next == separator {
        // A separator at the very end is followed by an empty value.
        if position == bytes.count { return values + [""] }
        continue
      }
      if next == 13, position < bytes.count, bytes[position] == 10 { position += 1 }
      lineNumber += 1
      return values
    }
  }

  private mutating func value() throws -> String {
    let start = position
    if position < bytes.count, bytes[position] == Self.quote { return try quotedValue() }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == separator || byte == 10 || byte == 13 { break }
      if byte == Self.quote { throw Defect(line: lineNumber, reason: "has a quote inside a value") }
      if byte == 0 { throw Defect(line: lineNumber, reason: "has a zero byte") }
      position += 1
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func quotedValue() throws -> String {
    let firstLine = lineNumber
    var text: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      guard byte == Self.quote else {
        if byte == 10 { lineNumber += 1 }
        text.append(byte)
        continue
      }
      if position < bytes.count, bytes[position] == Self.quote {
        text.append(byte)
        position += 1
        continue
      }
      guard position == bytes.count || [separator, 10, 13].contains(bytes[position]) else {
        throw Defect(line: lineNumber, reason: "has text after a quoted value")
      }
      return String(decoding: text, as: UTF8.self)
    }
    throw Defect(line: firstLine, reason: "begins a quoted value that does not end")
  }
}
