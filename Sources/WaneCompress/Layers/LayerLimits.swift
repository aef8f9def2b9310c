import WaneTensor

/// How alike layers have to be, and how many of them a pass treats at most.
enum LayerLimits {
  /// Checks the limits of a pass.
  ///
  /// - Parameters:
  ///   - threshold: a correlation or cosine.
  ///   - count: how many at most; nil for any number.
  ///   - verb: the verb, for messages.
  /// - Throws: when the threshold is not in [-1, 1], or the count not positive.
  static func check(threshold: Double, count: Int?, _ verb: String) throws {
    guard (-1...1).contains(threshold) else {
      throw WaneError(verb, "threshold must be in [-1, 1], got \(threshold)")
    }
    if let count, count < 1 {
      throw WaneError(verb, "count must be at least 1, got \(count)")
    }
  }
}
