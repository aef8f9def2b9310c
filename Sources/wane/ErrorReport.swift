import WaneLua

/// Error messages for people.
enum ErrorReport {
  /// Writes a line to standard error.
  static func write(_ text: String) { Terminal.write(text + "\n", to: 2) }

  /// An error with its traceback, without the frames that say nothing: the program itself, and in an
  /// interactive session the line that was typed.
  static func text(_ message: String, interactive: Bool = false) -> String {
    let marker = "\nstack traceback:"
    guard let split = message.range(ofLast: marker) else { return message }
    let head = String(message[..<split.lowerBound])
    // Work that was stopped says itself where it stands.
    if head.hasPrefix("interrupted:") { return head }
    var frames = message[split.upperBound...].split(separator: "\n").map(String.init)
    while let last = frames.last, last == "\t[C]: in ?" { frames.removeLast() }
    if interactive, frames.last?.hasSuffix(": in main chunk") == true,
      frames.last?.hasPrefix("\tstdin:") == true
    {
      if frames.dropLast().allSatisfy({ $0.hasPrefix("\t[C]: in ") }) { frames = [] }
    }
    return frames.isEmpty ? head : ([head, "stack traceback:"] + frames).joined(separator: "\n")
  }
}

extension String {
  /// The last place where `part` stands.
  fileprivate func range(ofLast part: String) -> Range<String.Index>? {
    let whole = Array(utf8), wanted = Array(part.utf8)
    guard wanted.count <= whole.count else { return nil }
    for offset in stride(from: whole.count - wanted.count, through: 0, by: -1)
    where whole[offset..<(offset + wanted.count)].elementsEqual(wanted) {
      let start = utf8.index(utf8.startIndex, offsetBy: offset)
      return start..<utf8.index(start, offsetBy: wanted.count)
    }
    return nil
  }
}
