/// Places buffers with known lifetimes into one block of memory.
///
/// Largest first, each at the lowest offset where it overlaps no buffer that lives at the same
/// time (greedy by size: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
/// Inference", 2020).
struct ArenaPlan {
  /// A buffer that is needed from one instruction to another, both included.
  struct Request {
    let byteCount: Int
    let first: Int
    let last: Int
  }

  /// Where each request starts.
  private(set) var offsets: [Int]
  /// The size of the whole block.
  private(set) var byteCount = 0

  /// Every offset is a multiple of this: a cache line, and the widest vector.
  static let alignment = 64

  init(_ requests: [Request]) {
    offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []
    let bySize = requests.indices.sorted {
      (requests[$0].byteCount, $1) > (requests[$1].byteCount, $0)
    }
    for index in bySize {
      let request = requests[index]
      let size = ArenaPlan.rounded(request.byteCount)
      var offset = 0
      // `placed` is in order of offset: walk the buffers alive together until a gap fits.
      for other in placed
      where requests[other].first <= request.last && request.first <= requests[other].last {
        if offsets[other] - offset >= size { break }
        offset = max(offset, offsets[other] + ArenaPlan.rounded(requests[other].byteCount))
      }
      offsets[index] = offset
      byteCount = max(byteCount, offset + size)
      let position = placed.firstIndex { offsets[$0] > offset } ?? placed.endIndex
      placed.insert(index, at: position)
    }
  }

  private static func rounded(_ bytes: Int) -> Int {
    (max(bytes, 1) + alignment - 1) / alignment * alignment
  }
}
