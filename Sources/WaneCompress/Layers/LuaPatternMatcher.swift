import WaneTensor

/// One search for a pattern in a text, by backtracking.
struct LuaPatternMatcher {
  private let pattern: LuaPattern
  private let bytes: [UInt8]
  private var captures: [Range<Int>]
  private var steps = 0

  /// Backtracking can take exponentially long; nobody names layers that way on purpose.
  private static let stepLimit = 1_000_000

  init(_ pattern: LuaPattern, _ text: String) {
    self.pattern = pattern
    bytes = Array(text.utf8)
    captures = Array(repeating: 0..<0, count: pattern.items.count)
  }

  mutating func findsMatch() throws -> Bool {
    for start in 0...(pattern.isAnchored ? 0 : bytes.count) where try matches(item: 0, at: start) {
      return true
    }
    return false
  }

  /// Whether the items from `first` on match at a position.
  private mutating func matches(item first: Int, at start: Int) throws -> Bool {
    var (item, position) = (first, start)
    while item < pattern.items.count {
      steps += 1
      guard steps < Self.stepLimit else {
        throw WaneError("pattern", "pattern '\(pattern.text)' is too complex")
      }
      switch pattern.items[item] {
      case .bytes(let set, .once):
        guard isMember(set, position) else { return false }
        position += 1
      case .bytes(let set, let repetition):
        return try matches(set, repetition, item: item, at: position)
      case .open(let capture):
        return try matches(item: item, at: position, capture, position..<position)
      case .close(let capture):
        return try matches(
          item: item, at: position, capture, captures[capture].lowerBound..<position)
      case .again(let capture):
        let length = captures[capture].count
        guard position + length <= bytes.count,
          bytes[captures[capture]].elementsEqual(bytes[position..<position + length])
        else { return false }
        position += length
      case .balanced(let open, let close):
        guard let end = balancedEnd(open, close, position) else { return false }
        position = end
      case .frontier(let set):
        // Beyond either end of the text there is a zero byte.
        let before = position == 0 ? 0 : bytes[position - 1]
        let after = position == bytes.count ? 0 : bytes[position]
        guard !set.contains(before), set.contains(after) else { return false }
      case .end:
        guard position == bytes.count else { return false }
      }
      item += 1
    }
    return true
  }

  /// Goes on after an item that sets a capture, which is put back when that leads nowhere.
  private mutating func matches(
    item: Int, at position: Int, _ capture: Int, _ range: Range<Int>
  ) throws -> Bool {
    let old = captures[capture]
    captures[capture] = range
    if try matches(item: item + 1, at: position) { return true }
    captures[capture] = old
    return false
  }

  private mutating func matches(
    _ set: ByteSet, _ repetition: LuaPattern.Repetition, item: Int, at start: Int
  ) throws -> Bool {
    var longest = 0
    while isMember(set, start + longest) { longest += 1 }
    let counts: any Sequence<Int>
    switch repetition {
    case .once: counts = 1...1
    case .optional: counts = (0...min(1, longest)).reversed()
    case .any: counts = (0...longest).reversed()
    case .some: counts = stride(from: longest, to: 0, by: -1)
    case .fewest: counts = 0...longest
    }
    for count in counts where try matches(item: item + 1, at: start + count) { return true }
    return false
  }

  private func isMember(_ set: ByteSet, _ position: Int) -> Bool {
    position < bytes.count && set.contains(bytes[position])
  }

  private func balancedEnd(_ open: UInt8, _ close: UInt8, _ start: Int) -> Int? {
    guard start < bytes.count, bytes[start] == open else { return nil }
    var depth = 1
    for position in (start + 1)..<max(bytes.count, start + 1) {
      if bytes[position] == close {
        depth -= 1
        if depth == 0 { return position + 1 }
      } else if bytes[position] == open {
        depth += 1
      }
    }
    return nil
  }
}
