extension Block {
  /// The places of the elements of a block of some extents, in order.
  static func places(_ dimensions: [Int]) -> [[Int]] {
    dimensions.reduce([[]]) { places, extent in
      places.flatMap { place in (0..<extent).map { place + [$0] } }
    }
  }

  /// The element at a place, which may have more axes in front and go beyond an extent of one.
  subscript(place: [Int]) -> Double {
    let own = place.suffix(dimensions.count)
    var position = 0
    for (extent, index) in zip(dimensions, own) {
      position = position * extent + (extent == 1 ? 0 : index)
    }
    return values[position]
  }

  /// A block whose elements are computed from their places.
  init(_ dimensions: [Int], _ element: ([Int]) -> Double) {
    self.init(dimensions, Block.places(dimensions).map(element))
  }
}

extension Naive {
  /// The extents of two operands that broadcast.
  static func broadcast(_ a: [Int], _ b: [Int]) -> [Int] {
    let rank = max(a.count, b.count)
    let left = [Int](repeating: 1, count: rank - a.count) + a
    let right = [Int](repeating: 1, count: rank - b.count) + b
    return zip(left, right).map { $0 == 1 ? $1 : $0 }
  }

  static func zip2(_ a: Block, _ b: Block, _ body: (Double, Double) -> Double) -> Block {
    Block(broadcast(a.dimensions, b.dimensions)) { body(a[$0], b[$0]) }
  }

  /// One number of the elements along axes, which vanish; the batch is axis 0.
  static func reduce(_ x: Block, _ axes: [Int], _ body: ([Double]) -> Double) -> Block {
    let kept = x.dimensions.indices.filter { !axes.contains($0) }
    var groups: [[Int]: [Double]] = [:]
    for place in Block.places(x.dimensions) {
      groups[kept.map { place[$0] }, default: []].append(x[place])
    }
    return Block(kept.map { x.dimensions[$0] }) { body(groups[$0] ?? []) }
  }

  /// Matrix products, batches broadcast.
  static func matmul(_ a: Block, _ b: Block, _ flipA: Bool = false, _ flipB: Bool = false) -> Block
  {
    let a = flipA ? transposed(a) : a
    let b = flipB ? transposed(b) : b
    let (m, k, n) = (a.dimensions[a.dimensions.count - 2], a.channels, b.channels)
    let batches = broadcast(Array(a.dimensions.dropLast(2)), Array(b.dimensions.dropLast(2)))
    return Block(batches + [m, n]) { place in
      let batch = Array(place.dropLast(2))
      let (row, column) = (place[place.count - 2], place[place.count - 1])
      return (0..<k).reduce(0) { $0 + a[batch + [row, $1]] * b[batch + [$1, column]] }
    }
  }

  /// The last two axes exchanged.
  static func transposed(_ x: Block) -> Block {
    var dimensions = x.dimensions
    dimensions.swapAt(dimensions.count - 1, dimensions.count - 2)
    return Block(dimensions) { place in
      var place = place
      place.swapAt(place.count - 1, place.count - 2)
      return x[place]
    }
  }
}
