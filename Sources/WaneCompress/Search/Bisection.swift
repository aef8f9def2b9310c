/// Looks for the place in a row where something begins or ends to hold, halving what is left.
public enum Bisection {
  /// The first of `count` places at which a condition holds that from there on holds.
  ///
  /// The last place is asked first: what does not hold there holds nowhere.
  ///
  /// - Parameters:
  ///   - count: the number of places.
  ///   - holds: asked about at most `log2(count) + 2` places, about none twice.
  /// - Returns: the place; nil when the condition holds nowhere.
  /// - Throws: what `holds` throws.
  public static func first(_ count: Int, where holds: (Int) throws -> Bool) rethrows -> Int? {
    guard count > 0, try holds(count - 1) else { return nil }
    var low = -1
    var high = count - 1
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if try holds(middle) { high = middle } else { low = middle }
    }
    return high
  }

  /// The last of `count` places at which a condition holds that up to there holds.
  ///
  /// - Parameters:
  ///   - count: the number of places.
  ///   - holds: asked about at most `log2(count) + 2` places, about none twice.
  /// - Returns: the place; nil when the condition holds nowhere.
  /// - Throws: what `holds` throws.
  public static func last(_ count: Int, where holds: (Int) throws -> Bool) rethrows -> Int? {
    try first(count) { try holds(count - 1 - $0) }.map { count - 1 - $0 }
  }
}
