import WaneTensor

/// Takes a CSV file apart, row by row, and holds no more of it than a piece and a row.
struct CSVScanner {
  /// What is wrong with a line.
  struct Defect: Error {
    let line: Int
    let reason: String
  }

  private static let quote = UInt8(ascii: "\"")
  private static let pieceSize = 1 << 20
  private let source: FileSource
  private let separator: UInt8
  /// Bytes of the file that were read last, and how far they were looked at.
  private var piece: [UInt8] = []
  private var position = 0
  /// Where in the file the next piece begins.
  private var offset = 0
  private var lineNumber = 1

  /// The number of the line, from 1, in which the last row begins.
  private(set) var line = 0
  /// The values of the last row, one after the other.
  private var text: [UInt8] = []
  /// Where each of them ends.
  private var ends: [Int] = []

  /// Begins at the start of a file.
  ///
  /// - Throws: when it cannot be read.
  init(_ source: FileSource, separator: UInt8) throws {
    self.source = source
    self.separator = separator
    // A byte order mark, which some programs write, is no value.
    try fill()
    if piece.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The number of values of the last row.
  var count: Int { ends.count }

  /// Whether the last row is an empty line.
  var isEmpty: Bool { ends.count == 1 && text.isEmpty }

  /// A value of the last row as it stands.
  func string(_ index: Int) -> String { String(decoding: text[range(index)], as: UTF8.self) }

  /// A value of the last row as a number; nil for other text.
  func number(_ index: Int) -> Double? {
    let range = range(index)
    return text.withUnsafeBufferPointer {
      CSVNumber.value(UnsafeBufferPointer(rebasing: $0[range]))
    }
  }

  private func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// Reads the next row, which has several lines when a quoted value has.
  ///
  /// - Returns: whether there was one.
  /// - Throws: when a line is not as it should be, or the file cannot be read.
  mutating func next() throws -> Bool {
    text.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    guard try peek() != nil else { return false }
    line = lineNumber
    while true {
      if try peek() == Self.quote { try readQuoted() } else { try readPlain() }
      ends.append(text.count)
      guard let mark = try peek() else { return true }
      position += 1
      if mark == separator {
        // A separator at the very end is followed by an empty value.
        guard try peek() == nil else { continue }
        ends.append(text.count)
        return true
      }
      if try mark == 13 && peek() == 10 { position += 1 }
      lineNumber += 1
      return true
    }
  }

  /// The next byte, which stays; nil at the end of the file.
  private mutating func peek() throws -> UInt8? {
    if position == piece.count { try fill() }
    return position < piece.count ? piece[position] : nil
  }

  private mutating func fill() throws {
    let count = min(Self.pieceSize, source.count - offset)
    piece = try source.bytes(at: offset, count: count)
    offset += count
    position = 0
  }

  private mutating func readPlain() throws {
    while try peek() != nil {
      let start = position
      while position < piece.count {
        let byte = piece[position]
        if byte == separator || byte == 10 || byte == 13 {
          text.append(contentsOf: piece[start..<position])
          return
        }
        if byte == Self.quote {
          throw Defect(line: lineNumber, reason: "has a quote inside a value")
        }
        if byte == 0 { throw Defect(line: lineNumber, reason: "has a zero byte") }
        position += 1
      }
      text.append(contentsOf: piece[start..<position])
    }
  }

  private mutating func readQuoted() throws {
    let firstLine = lineNumber
    position += 1
    while let byte = try peek() {
      position += 1
      guard byte == Self.quote else {
        if byte == 10 { lineNumber += 1 }
        text.append(byte)
        continue
      }
      let next = try peek()
      if next == Self.quote {
        text.append(byte)
        position += 1
        continue
      }
      guard next.map({ [separator, 10, 13].contains($0) }) ?? true else {
        throw Defect(line: lineNumber, reason: "has text after a quoted value")
      }
      return
    }
    throw Defect(line: firstLine, reason: "begins a quoted value that does not end")
  }
}
