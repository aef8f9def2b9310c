/// The memory of a model while it codes one parameter: counters and weights.
final class ModelMemory {
  let counters: UnsafeMutablePointer<UInt32>
  let weights: UnsafeMutablePointer<Int32>

  /// Makes fresh counters and weights.
  init(counters counterCount: Int, sets: Int) {
    counters = .allocate(capacity: counterCount)
    counters.initialize(repeating: Evidence.fresh, count: counterCount)
    weights = .allocate(capacity: sets * Evidence.setSize)
    weights.initialize(repeating: Evidence.firstWeight, count: sets * Evidence.setSize)
  }

  deinit {
    counters.deallocate()
    weights.deallocate()
  }
}
