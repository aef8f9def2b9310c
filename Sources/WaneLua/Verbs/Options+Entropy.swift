import WaneCompress
import WaneFormats
import WaneNN
import WaneTensor

extension Options {
  /// The pass of `compress` with method `entropy`.
  func entropyTraining() throws -> EntropyTraining {
    var bytes: Int?
    if let target = try target() {
      guard let limit = target.limits[.bytes], target.limits.count == 1 else {
        throw bad("target", "method 'entropy' can be told bytes, and nothing else")
      }
      guard !has("max_drop") else {
        throw bad("max_drop", "method 'entropy' takes either a target or max_drop")
      }
      bytes = limit < 9e15 ? Int(limit) : .max
    }
    return try EntropyTraining(
      rate: number("rate", default: 0.01), bytes: bytes, selection: selection(),
      fileBytes: { try WaneFile.size(of: $0) })
  }

  /// The same when there is a target, which it meets without trials.
  func entropyTrainingForTarget() throws -> EntropyTraining? {
    guard try choice("method") == "entropy", has("target") else { return nil }
    return try entropyTraining()
  }
}
