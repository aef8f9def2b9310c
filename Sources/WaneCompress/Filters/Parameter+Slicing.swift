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
      guard let kept = try grid.keeping(slice.positions, of: dimensions) else {
        // Groups were torn apart: what is left fits no grid of such groups.
        return try Parameter(
          name, .dense(decoded()), shape: shape, isTrainable: isTrainable, isMasked: isMasked
        ).keeping(positions)
      }
      payload = .integer(codes: try codes.sliced(slice), grid: kept)
    case .codebook(let indices, let centroids, let grid):
      let kept = centroids.axis.flatMap { slice.positions[$0] }
      payload = .codebook(
        indices: try indices.sliced(slice),
        centroids: try kept.map { try centroids.keeping($0) } ?? centroids,
        grid: try grid.map { try $0.keeping(slice.positions, of: dimensions) ?? $0 })
    }
    return try Parameter(
      name, payload, shape: slice.shape, isTrainable: isTrainable, isMasked: isMasked)
  }
}

extension CentroidTable {
  /// The tables of some channels.
  fileprivate func keeping(_ channels: [Int]) throws -> CentroidTable {
    guard let axis else { return self }
    return try CentroidTable(
      channels.flatMap { values[$0 * size..<($0 + 1) * size] }, size: size, axis: axis)
  }
}

extension WeightGrid {
  /// The grid of what is left; nil when groups of inputs that share a scale lose some of theirs.
  fileprivate func keeping(_ positions: [[Int]?], of dimensions: [Int]) throws -> WeightGrid? {
    guard let axis else { return self }
    let channels = positions[axis] ?? Array(0..<dimensions[axis])
    var groups = [0]
    if let groupSize {
      let inputs = dimensions[axis - 1]
      let kept = positions[axis - 1] ?? Array(0..<inputs)
      groups = stride(from: 0, to: kept.count, by: groupSize).map { kept[$0] / groupSize }
      let isWhole = kept.enumerated().allSatisfy { index, input in
        input / groupSize == groups[index / groupSize]
      }
      guard isWhole else { return nil }
    }
    let picked = groups.flatMap { group in channels.map { group * dimensions[axis] + $0 } }
    return try WeightGrid(
      bits: bits, scales: picked.map { scales[$0] },
      zeros: zeros.map { zeros in picked.map { zeros[$0] } },
      axis: axis, groupSize: groupSize)
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
