import WaneTensor

/// A pattern in the language of Lua's `string.find`, with which scripts name several layers at once.
///
/// All of that language is understood: classes and sets, `* + - ?`, anchors, captures, `%b`, `%f` and
/// back references. As in Lua, characters are bytes and letters are those of ASCII.
public struct LuaPattern: Sendable {
  /// The text of the pattern.
  public let text: String
  /// Whether a match must begin at the beginning.
  let isAnchored: Bool
  let items: [Item]

  /// One element of a pattern.
  enum Item: Sendable {
    /// A byte of a set, repeated in one of five ways.
    case bytes(ByteSet, Repetition)
    /// The beginning of a capture.
    case open(Int)
    /// The end of a capture.
    case close(Int)
    /// What a capture matched, again.
    case again(Int)
    /// A stretch with as many of the first byte as of the second: `%b()`.
    case balanced(UInt8, UInt8)
    /// A place where a set is entered: `%f[set]`.
    case frontier(ByteSet)
    /// The end of the text.
    case end
  }

  /// How often a byte may come.
  enum Repetition: Sendable {
    case once
    case optional
    /// Any number, as many as possible.
    case any
    /// At least one, as many as possible.
    case some
    /// Any number, as few as possible.
    case fewest
  }

  /// Reads a pattern.
  ///
  /// - Throws: when it is malformed.
  public init(_ text: String) throws {
    var parser = LuaPatternParser(text)
    self.text = text
    isAnchored = parser.readAnchor()
    items = try parser.readItems()
  }

  /// Whether the pattern is found anywhere in a text.
  ///
  /// - Throws: when that takes absurdly many steps.
  public func isFound(in text: String) throws -> Bool {
    var matcher = LuaPatternMatcher(self, text)
    return try matcher.findsMatch()
  }
}

/// A set of bytes.
struct ByteSet: Sendable, Equatable {
  private var words: SIMD4<UInt64> = .zero

  /// No byte.
  init() {}

  /// The bytes for which `isMember` is true.
  init(where isMember: (UInt8) -> Bool) {
    for byte in UInt8.min...UInt8.max where isMember(byte) { insert(byte) }
  }

  func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1 }

  mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

  mutating func formUnion(_ other: ByteSet) { words |= other.words }

  var inverted: ByteSet {
    var result = self
    result.words = ~words
    return result
  }

  /// Every byte: `.`.
  static let all = ByteSet().inverted

  /// The class a letter stands for after `%`, a capital for all other bytes; nil when the character
  /// stands for itself.
  static func named(_ letter: UInt8) -> ByteSet? {
    let lower = letter | 0x20
    guard isLetter(letter), let set = classes[lower] else { return nil }
    return letter == lower ? set : set.inverted
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  /// C's character classes in the locale "C".
  private static let classes: [UInt8: ByteSet] = {
    let digit = ByteSet { (0x30...0x39).contains($0) }
    let letter = ByteSet(where: isLetter)
    let visible = ByteSet { (0x21...0x7e).contains($0) }
    var word = letter
    word.formUnion(digit)
    return [
      UInt8(ascii: "a"): letter,
      UInt8(ascii: "c"): ByteSet { $0 < 0x20 || $0 == 0x7f },
      UInt8(ascii: "d"): digit,
      UInt8(ascii: "g"): visible,
      UInt8(ascii: "l"): ByteSet { (0x61...0x7a).contains($0) },
      UInt8(ascii: "p"): ByteSet { visible.contains($0) && !word.contains($0) },
      UInt8(ascii: "s"): ByteSet { $0 == 0x20 || (0x09...0x0d).contains($0) },
      UInt8(ascii: "u"): ByteSet { (0x41...0x5a).contains($0) },
      UInt8(ascii: "w"): word,
      UInt8(ascii: "x"): ByteSet {
        digit.contains($0) || (0x41...0x46).contains($0) || (0x61...0x66).contains($0)
      },
    ]
  }()
}
