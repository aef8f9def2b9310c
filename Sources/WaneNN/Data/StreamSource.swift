import WaneTensor

/// Where the batches of a stream come from, for work that goes on while they are made.
///
/// Used on the thread that got it, and no longer than the call that made it.
public protocol StreamSource: AnyObject {
  /// What the batches are of.
  var stream: SampleStream { get }

  /// Begins an epoch: the next batch is its first.
  ///
  /// - Parameters:
  ///   - epoch: its number, from 0.
  ///   - size: samples of a batch.
  ///   - seed: decides the order; nil for that of the stream.
  func begin(epoch: Int, size: Int, seed: UInt64?)

  /// The next batch of the epoch; nil after the last.
  ///
  /// - Throws: what the stream's function raises, and where samples differ.
  func nextBatch() throws -> StreamBatch?
}

extension StreamSource {
  /// Begins an epoch, and gives its first batch.
  ///
  /// - Parameters:
  ///   - epoch: its number, from 0.
  ///   - size: samples of a batch.
  ///   - seed: decides the order; nil for that of the stream.
  /// - Returns: the batch.
  /// - Throws: as `nextBatch()`, and when there are no samples.
  public func firstBatch(epoch: Int, size: Int, seed: UInt64?) throws -> StreamBatch {
    begin(epoch: epoch, size: size, seed: seed)
    if let batch = try nextBatch() { return batch }
    throw stream.exhausted(epoch: epoch)
  }
}

extension SampleStream {
  /// What is wrong with an epoch that has no samples.
  public func exhausted(epoch: Int) -> WaneError {
    WaneError(
      name,
      "epoch \(epoch + 1) has no samples"
        + (epoch == 0 ? "" : ": a function that returns an iterator can begin again"))
  }
}
