import WaneTensor

/// The latest weights, as far back as a model looks.
final class WeightHistory {
  private let storage: Storage
  private let values: UnsafeMutablePointer<Int16>
  private let mask: Int

  /// Remembers at least `depth` weights; before the first one lie zeros.
  ///
  /// - Throws: a `.memory` error.
  init(depth: Int) throws {
    let capacity = 1 << (Int.bitWidth - depth.leadingZeroBitCount)
    storage = try Storage(byteCount: 2 * capacity, for: "load")
    values = storage.pointer.bindMemory(to: Int16.self, capacity: capacity)
    values.initialize(repeating: 0, count: capacity)
    mask = capacity - 1
  }

  /// The weight `distance` before the one at `index`; at distance 0, where that one goes.
  @inline(__always)
  subscript(index: Int, back distance: Int) -> Int {
    get { Int(values[(index &- distance) & mask]) }
    set { values[(index &- distance) & mask] = Int16(truncatingIfNeeded: newValue) }
  }
}
