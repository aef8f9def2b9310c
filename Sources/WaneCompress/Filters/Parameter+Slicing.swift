import WaneGraph
import WaneTensor

extension Parameter {
  /// The values at some positions of some axes, in the encoding they have.
  ///
  /// Codes stay codes, shared values shared, scales of channels that go, go with them.
  ///
  /// - Parameter positions: for each axis the positions that stay, in the order they shall have; nil
  ///   for an axis that stays as it is.
  /// - Returns: the parameter that is left.
  /// - Throws: when memory cannot be had.
  func keeping(_ positions: [[Int]?]) throws -> Parameter {
    guard positions.contains(where: { $0 != nil }) else { return self }
    let dimensions = shape.dimensions
    let slice = try Slice(dimensions, positions)
    let payload: Payload
    switch self.payload {
    case .dense(let tensor):
      payload = .dense(
        try Tensor(tensor.with(Float.self) { values in slice.map { values[$0] } }, slice.shape))
    case .integer(let codes, let grid):
      var scales = grid.scales
      if let axis = grid.axis, let kept = slice.positions[axis] { scales = kept.map { scales[$0] } }
      payload = .integer(
        codes: try codes.sliced(slice),
        grid: try WeightGrid(bits: grid.bits, scales: scales, axis: grid.axis))
    case .codebook(let indices, let centroids, let grid):
      payload = .codebook(indices: try indices.sliced(slice), centroids: centroids, grid: grid)
    }
    return try Parameter(
      name, payload, shape: slice.shape, isTrainable: isTrainable, isMasked: isMasked)
  }
}

/// Positions that are taken out of a row-major array.
private struct Slice {
  let shape: Shape
  let positions: [[Int]?]
  /// Where each value comes from, in the order of the result.
  private let sources: [Int]

  init(_ dimensions: [Int], _ positions: [[Int]?]) throws {
    let kept = dimensions.indices.map { axis in
      (axis < positions.count ? positions[axis] : nil) ?? Array(0..<dimensions[axis])
    }
    shape = try Shape(kept.map(\.count))
    self.positions = dimensions.indices.map { $0 < positions.count ? positions[$0] : nil }
    var sources = [0]
    for (axis, list) in kept.enumerated() {
      var next: [Int] = []
      next.reserveCapacity(sources.count * list.count)
      for source in sources {
        for position in list { next.append(source * dimensions[axis] + position) }
      }
      sources = next
    }
    self.sources = sources
  }

  func map<Element>(_ body: (Int) -> Element) -> [Element] { sources.map(body) }
}

extension PackedCodes {
  fileprivate func sliced(_ slice: Slice) throws -> PackedCodes {
    let codes = try unpacked()
    return try PackedCodes(slice.map { codes[$0] }, bits: bits)
  }
}
