/// The name in a list that a misspelt word most likely meant.
enum NearestName {
  /// The closest of `names`, if it is close: at most a third of the letters differ (insertions,
  /// deletions, replacements and swaps of neighbours, after Damerau 1964), or one begins the other.
  static func of(_ word: String, in names: some Sequence<String>) -> String? {
    let limit = max(1, word.utf8.count / 3)
    var best: (name: String, distance: Int)?
    for name in names {
      var distance = self.distance(Array(word.utf8), Array(name.utf8))
      if distance > limit, word.utf8.count >= 3, name.hasPrefix(word) || word.hasPrefix(name) {
        distance = limit
      }
      if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
    }
    return best?.name
  }

  /// `(did you mean 'sparsity'?)` or `(expected one of: a, b)`.
  static func hint(for word: String, in names: [String]) -> String {
    if let name = of(word, in: names) { return "(did you mean '\(name)'?)" }
    return names.isEmpty ? "(it takes none)" : "(expected one of: \(names.joined(separator: ", ")))"
  }

  /// Optimal string alignment distance, ignoring the case of ASCII letters.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let a = a.map(lowercased), b = b.map(lowercased)
    var previous = [Int](), current = Array(0...b.count)
    for i in a.indices {
      let beforePrevious = previous
      previous = current
      current = [i + 1]
      for j in b.indices {
        var cost = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, beforePrevious[j - 1] + 1)
        }
        current.append(cost)
      }
    }
    return current[b.count]
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= 65 && byte <= 90 ? byte + 32 : byte
  }
}
