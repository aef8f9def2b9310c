import WaneTensor

/// Reads the text of a pattern into its elements.
struct LuaPatternParser {
  private let text: String
  private let bytes: [UInt8]
  private var position = 0
  private var captures = 0
  private var openCaptures: [Int] = []

  private static let percent = UInt8(ascii: "%")
  /// As many as Lua allows.
  private static let captureLimit = 32

  init(_ text: String) {
    self.text = text
    bytes = Array(text.utf8)
  }

  private func malformed(_ why: String) -> WaneError {
    WaneError("pattern", "malformed pattern '\(text)': \(why)")
  }

  private mutating func take(_ character: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == character else { return false }
    position += 1
    return true
  }

  private mutating func next(orElse why: String) throws -> UInt8 {
    guard position < bytes.count else { throw malformed(why) }
    position += 1
    return bytes[position - 1]
  }

  mutating func readAnchor() -> Bool { take(UInt8(ascii: "^")) }

  mutating func readItems() throws -> [LuaPattern.Item] {
    var items: [LuaPattern.Item] = []
    while position < bytes.count { items.append(try readItem()) }
    guard openCaptures.isEmpty else { throw malformed("unfinished capture") }
    return items
  }

  private mutating func readItem() throws -> LuaPattern.Item {
    if take(UInt8(ascii: "(")) {
      guard captures < Self.captureLimit else { throw malformed("too many captures") }
      captures += 1
      openCaptures.append(captures - 1)
      return .open(captures - 1)
    }
    if take(UInt8(ascii: ")")) {
      guard let capture = openCaptures.popLast() else { throw malformed("unexpected ')'") }
      return .close(capture)
    }
    if bytes[position] == UInt8(ascii: "$"), position + 1 == bytes.count {
      position += 1
      return .end
    }
    if bytes[position] == Self.percent, position + 1 < bytes.count {
      switch bytes[position + 1] {
      case UInt8(ascii: "b"):
        position += 2
        let why = "'%b' wants two characters"
        return .balanced(try next(orElse: why), try next(orElse: why))
      case UInt8(ascii: "f"):
        position += 2
        guard take(UInt8(ascii: "[")) else { throw malformed("missing '[' after '%f'") }
        return .frontier(try readSet())
      case let digit where (0x30...0x39).contains(digit):
        position += 2
        let capture = Int(digit) - 0x31
        guard (0..<captures).contains(capture), !openCaptures.contains(capture) else {
          throw malformed("there is no capture %\(Int(digit) - 0x30) to refer to")
        }
        return .again(capture)
      default: break
      }
    }
    return .bytes(try readSingle(), readRepetition())
  }

  private mutating func readSingle() throws -> ByteSet {
    let byte = try next(orElse: "nothing there")
    switch byte {
    case UInt8(ascii: "."): return .all
    case UInt8(ascii: "["): return try readSet()
    case Self.percent: return Self.escaped(try next(orElse: "ends with '%'"))
    default: return ByteSet { $0 == byte }
    }
  }

  private static func escaped(_ byte: UInt8) -> ByteSet {
    ByteSet.named(byte) ?? ByteSet { $0 == byte }
  }

  private mutating func readRepetition() -> LuaPattern.Repetition {
    if take(UInt8(ascii: "*")) { return .any }
    if take(UInt8(ascii: "+")) { return .some }
    if take(UInt8(ascii: "-")) { return .fewest }
    if take(UInt8(ascii: "?")) { return .optional }
    return .once
  }

  /// Reads a set after its '['.
  ///
  /// A ']' that comes first is a member.
  private mutating func readSet() throws -> ByteSet {
    let unfinished = "missing ']'"
    let isInverted = take(UInt8(ascii: "^"))
    var set = ByteSet()
    var isFirst = true
    while true {
      let byte = try next(orElse: unfinished)
      if byte == UInt8(ascii: "]"), !isFirst { break }
      isFirst = false
      if byte == Self.percent {
        set.formUnion(Self.escaped(try next(orElse: unfinished)))
      } else if position + 1 < bytes.count, bytes[position] == UInt8(ascii: "-"),
        bytes[position + 1] != UInt8(ascii: "]")
      {
        let last = bytes[position + 1]
        position += 2
        set.formUnion(ByteSet { byte <= $0 && $0 <= last })
      } else {
        set.insert(byte)
      }
    }
    return isInverted ? set.inverted : set
  }
}
