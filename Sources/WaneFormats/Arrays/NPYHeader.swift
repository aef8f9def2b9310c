import WaneTensor

/// The head of a `.npy` file: type, order and shape as the text of a Python dictionary.
///
///     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
///
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
struct NPYHeader: Equatable {
  /// NumPy's name of the element type, with the byte order in front: `<f4`.
  var descr: String
  /// Whether the first axis lies densest.
  var isFortranOrder: Bool
  /// The extents.
  var shape: [Int]

  /// The first bytes of every file.
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// A header is short; one that claims more is no header.
  static let mostBytes = 1 << 16

  /// The reason why a text is no header.
  struct Defect: Error {
    let reason: String
  }

  init(descr: String, isFortranOrder: Bool, shape: [Int]) {
    self.descr = descr
    self.isFortranOrder = isFortranOrder
    self.shape = shape
  }

  /// Reads the text.
  init(_ text: [UInt8]) throws {
    var scanner = Scanner(text)
    var (descr, order, shape): (String?, Bool?, [Int]?)
    try scanner.expect("{")
    while !scanner.takes("}") {
      let key = try scanner.string()
      try scanner.expect(":")
      switch key {
      case "descr":
        guard scanner.peek == UInt8(ascii: "'") || scanner.peek == UInt8(ascii: "\"") else {
          throw Defect(reason: "holds records of several fields")
        }
        descr = try scanner.string()
      case "fortran_order": order = try scanner.boolean()
      case "shape": shape = try scanner.extents()
      default: throw Defect(reason: "has an unknown key '\(key)' in its header")
      }
      if !scanner.takes(",") {
        try scanner.expect("}")
        break
      }
    }
    guard scanner.isAtEnd, let descr, let order, let shape else {
      throw Defect(reason: "has a damaged header")
    }
    self.init(descr: descr, isFortranOrder: order, shape: shape)
  }

  /// The beginning of a file, up to the first element.
  var bytes: [UInt8] {
    let extents =
      shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
    var text =
      "{'descr': '\(descr)', 'fortran_order': \(isFortranOrder ? "True" : "False"), "
      + "'shape': \(extents), }"
    // Elements start at a multiple of 64 bytes, as NumPy writes them.
    let unpadded = 10 + text.utf8.count + 1
    text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
    let length = text.utf8.count
    return NPYHeader.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }
}

/// Walks over the text of a header.
private struct Scanner {
  private let text: [UInt8]
  private var position = 0

  init(_ text: [UInt8]) { self.text = text }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  var peek: UInt8? {
    mutating get {
      skipSpace()
      return position < text.count ? text[position] : nil
    }
  }

  var isAtEnd: Bool { mutating get { peek == nil } }

  mutating func takes(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    guard takes(character) else { throw NPYHeader.Defect(reason: "has a damaged header") }
  }

  mutating func string() throws -> String {
    guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = text[(position + 1)...].firstIndex(of: quote)
    else { throw NPYHeader.Defect(reason: "has a damaged header") }
    defer { position = end + 1 }
    return String(decoding: text[(position + 1)..<end], as: UTF8.self)
  }

  mutating func boolean() throws -> Bool {
    for (word, value) in [("True", true), ("False", false)]
    where peek != nil && text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw NPYHeader.Defect(reason: "has a damaged header")
  }

  mutating func extents() throws -> [Int] {
    try expect("(")
    var result: [Int] = []
    while !takes(")") {
      var (value, digits) = (0, 0)
      skipSpace()
      while position < text.count, case let digit = text[position], (0x30...0x39).contains(digit) {
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.addingReportingOverflow(Int(digit - 0x30))
        guard !overflow, !carry else { throw NPYHeader.Defect(reason: "claims too many elements") }
        (value, digits) = (sum, digits + 1)
        position += 1
      }
      // Python 2 wrote long integers as 3L.
      _ = takes("L")
      guard digits > 0, result.count < 32 else {
        throw NPYHeader.Defect(reason: "has a damaged header")
      }
      result.append(value)
      if !takes(",") {
        try expect(")")
        break
      }
    }
    return result
  }
}
