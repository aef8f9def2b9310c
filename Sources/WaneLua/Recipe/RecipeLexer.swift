/// The words of a Lua table that is only read, never run.
struct RecipeLexer {
  /// One word.
  enum Token: Equatable {
    case name(String)
    case string(String)
    case integer(Int)
    case number(Double)
    /// A character or operator that stands for itself.
    case symbol(String)
    case end
  }

  /// What is wrong, and in which line.
  struct Failure: Error {
    let line: Int
    let message: String
  }

  /// The line of the token that was read last.
  private(set) var line = 1
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.first == UInt8(ascii: "#") { skipLine() }
  }

  func failure(_ message: String) -> Failure { Failure(line: line, message: message) }

  /// The next token.
  mutating func next() throws -> Token {
    try skipBlanks()
    guard let byte = peek() else { return .end }
    if byte.isLetter { return .name(word()) }
    if byte.isDigit || (byte == UInt8(ascii: ".") && peek(1)?.isDigit == true) {
      return try number()
    }
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return .string(try quoted(byte)) }
    if byte == UInt8(ascii: "["), let level = longBracket() {
      return .string(try text(try longString(level)))
    }
    place += 1
    guard byte < 0x80 else { throw failure("unexpected character") }
    return .symbol(String(UnicodeScalar(byte)))
  }

  private func peek(_ ahead: Int = 0) -> UInt8? {
    place + ahead < bytes.count ? bytes[place + ahead] : nil
  }

  private mutating func advance() {
    if peek() == UInt8(ascii: "\n") { line += 1 }
    place += 1
  }

  private mutating func skipLine() {
    while let byte = peek(), byte != UInt8(ascii: "\n") { place += 1 }
  }

  private mutating func skipBlanks() throws {
    while let byte = peek() {
      if byte == UInt8(ascii: "-"), peek(1) == UInt8(ascii: "-") {
        place += 2
        if peek() == UInt8(ascii: "["), let level = longBracket() {
          _ = try longString(level)
        } else {
          skipLine()
        }
      } else if byte == UInt8(ascii: " ") || (9...13).contains(byte) {
        advance()
      } else {
        return
      }
    }
  }

  private mutating func word() -> String {
    let start = place
    while let byte = peek(), byte.isLetter || byte.isDigit { place += 1 }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  private mutating func number() throws -> Token {
    let start = place
    let isHexadecimal = peek() == UInt8(ascii: "0") && (peek(1) ?? 0) | 0x20 == UInt8(ascii: "x")
    if isHexadecimal { place += 2 }
    let exponent = UInt8(ascii: isHexadecimal ? "p" : "e")
    while let byte = peek(), byte.isDigit || byte.isLetter || byte == UInt8(ascii: ".") {
      place += 1
      let isSign = peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-")
      if byte | 0x20 == exponent, isSign { place += 1 }
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    if isHexadecimal {
      if let value = UInt(text.dropFirst(2), radix: 16) {
        return .integer(Int(bitPattern: value))
      }
    } else if let value = Int(text) {
      return .integer(value)
    }
    // Swift takes words like `inf` too, and wants an exponent where Lua does not: both are no loss.
    guard text.utf8.last?.isLetter != true, let value = Double(text), value.isFinite else {
      throw failure("malformed number '\(text)'")
    }
    return .number(value)
  }

  private mutating func quoted(_ mark: UInt8) throws -> String {
    place += 1
    var result: [UInt8] = []
    while true {
      guard let byte = peek(), byte != UInt8(ascii: "\n") else {
        throw failure("unfinished string")
      }
      place += 1
      if byte == mark { return try text(result) }
      if byte == UInt8(ascii: "\\") { try escape(&result) } else { result.append(byte) }
    }
  }

  /// What follows a backslash.
  private mutating func escape(_ result: inout [UInt8]) throws {
    guard let byte = peek() else { throw failure("unfinished string") }
    advance()
    let letters: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7,
      UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11, UInt8(ascii: "\n"): 10,
      UInt8(ascii: "\\"): 92, UInt8(ascii: "\""): 34, UInt8(ascii: "'"): 39,
    ]
    if let letter = letters[byte] {
      result.append(letter)
    } else if byte.isDigit {
      var value = Int(byte - UInt8(ascii: "0"))
      for _ in 0..<2 {
        guard let digit = peek(), digit.isDigit else { break }
        place += 1
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
      }
      guard let code = UInt8(exactly: value) else { throw failure("escape beyond 255") }
      result.append(code)
    } else if byte == UInt8(ascii: "x") {
      let digits = [peek(), peek(1)].compactMap { $0 }
      let text = String(decoding: digits, as: UTF8.self)
      guard digits.count == 2, let code = UInt8(text, radix: 16) else {
        throw failure("\\x needs two hexadecimal digits")
      }
      place += 2
      result.append(code)
    } else {
      throw failure("unknown escape in a string")
    }
  }

  /// The level of a long bracket that opens here: 0 for `[[`, 1 for `[=[`.
  private func longBracket() -> Int? {
    var level = 0
    while peek(1 + level) == UInt8(ascii: "=") { level += 1 }
    return peek(1 + level) == UInt8(ascii: "[") ? level : nil
  }

  private mutating func longString(_ level: Int) throws -> [UInt8] {
    place += level + 2
    if peek() == UInt8(ascii: "\n") { advance() }
    let start = place
    while let byte = peek() {
      if byte == UInt8(ascii: "]"), peek(1 + level) == UInt8(ascii: "]"),
        (0..<level).allSatisfy({ peek(1 + $0) == UInt8(ascii: "=") })
      {
        defer { place += level + 2 }
        return Array(bytes[start..<place])
      }
      advance()
    }
    throw failure("unfinished long string or comment")
  }

  private func text(_ bytes: [UInt8]) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw failure("a string is not text in UTF-8")
    }
    return text
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  fileprivate var isLetter: Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "_")
  }
}
