import WaneGraph
import WaneTensor

/// Which samples a step takes, and how it gets them.
extension TrainingRun {
  /// The samples of the next step, which is made ready to take them.
  func prepareStep() throws -> ArraySlice<Int32> {
    guard stream == nil else {
      throw WaneError("train", "the batches of a stream have to be brought")
    }
    let positions = try positions(of: step)
    guard data.isStored else { return positions }
    let read = try ahead.value(step) { number in
      guard number == self.step || number < self.plannedSteps else { return nil }
      let draw = FeedDraw(
        seed: self.options.seed, epoch: UInt64(number / self.stepsPerEpoch))
      return self.data.reading(try self.positions(of: number), draw)
    }
    feed = try data.feed(targets: targets, read: read)
    return positions
  }

  /// The samples of a step, counted from 0.
  private func positions(of step: Int) throws -> ArraySlice<Int32> {
    let order = try order(of: step / stepsPerEpoch)
    let start = step % stepsPerEpoch * min(options.batchSize, data.count)
    let batch = order[start..<min(start.addingClamped(options.batchSize), data.count)]
    return ArraySlice(Array(batch))
  }

  private func order(of epoch: Int) throws -> [Int32] {
    if let known = orders.first(where: { $0.epoch == epoch }) { return known.order }
    orders.removeAll { $0.epoch < self.epoch }
    let order =
      options.shuffles
      ? try Dataset.permutation(data.count, seed: options.seed, epoch: epoch)
      : (0..<Int32(clamping: data.count)).map { $0 }
    orders.append((epoch, order))
    return order
  }
}
