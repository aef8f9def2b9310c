/// Bytes of a description as they are put together: variable-length numbers and strings that are
/// written once.
struct ByteWriter {
  /// What has been written.
  private(set) var bytes: [UInt8] = []
  private var strings = StringNumbers()

  /// Appends a byte.
  mutating func byte(_ value: UInt8) { bytes.append(value) }

  /// Appends bytes as they are.
  mutating func raw(_ values: [UInt8]) { bytes.append(contentsOf: values) }

  /// Appends a number, seven bits a byte, the lowest first; all bytes but the last have bit 7 set.
  mutating func unsigned(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Appends a number that is not negative.
  mutating func count(_ value: Int) { unsigned(UInt64(value)) }

  /// Appends a number of either sign.
  ///
  /// 0, -1, 1, -2, and so on become 0, 1, 2, 3.
  mutating func signed(_ value: Int) {
    unsigned(UInt64(bitPattern: Int64(value << 1) ^ Int64(value >> 63)))
  }

  /// Appends the bits of a float, lowest byte first.
  mutating func float(_ value: Float) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends a string: by its number when it occurred before, from the table of words when it
  /// stands there, in full otherwise.
  mutating func string(_ value: String) {
    if let distance = strings.distance(of: value) {
      unsigned(UInt64(distance) << 2 | StringForm.repeated.rawValue)
      return
    }
    strings.append(value)
    if let word = WordTable.number(of: value) {
      unsigned(UInt64(word) << 2 | StringForm.word.rawValue)
    } else if let (word, number) = WordTable.numbered(value) {
      unsigned(UInt64(word) << 2 | StringForm.numberedWord.rawValue)
      count(number)
    } else {
      let text = Array(value.utf8)
      unsigned(UInt64(text.count) << 2 | StringForm.literal.rawValue)
      raw(text)
    }
  }
}

/// How a string stands in a file; the two low bits of its first number.
enum StringForm: UInt64 {
  /// The number is the length; UTF-8 follows.
  case literal = 0
  /// The number is the distance to the earlier string, 0 for the latest of the file's strings.
  case repeated = 1
  /// The number of a word of `WordTable`.
  case word = 2
  /// The number of a word; a number follows, which the string has behind an underscore: `dense_1`.
  case numberedWord = 3
}

/// The distinct strings written so far, for references to them.
private struct StringNumbers {
  private var numbers: [String: Int] = [:]

  mutating func append(_ value: String) { numbers[value] = numbers.count }

  func distance(of value: String) -> Int? { numbers[value].map { numbers.count - 1 - $0 } }
}
