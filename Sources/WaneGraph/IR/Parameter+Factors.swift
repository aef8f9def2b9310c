import WaneTensor

extension Parameter {
  /// The same weights with every channel of the last axis multiplied by a factor.
  ///
  /// On an integer grid the factors go into the scales and their signs into the codes, which loses nothing;
  /// in a codebook of each channel, into its table.
  ///
  /// - Parameter factors: one a channel.
  /// - Returns: the parameter; nil for a codebook, for a grid that has no scale a channel or is not balanced
  ///   about zero, and where a scale would be none.
  /// - Throws: when memory cannot be had.
  func multiplied(by factors: [Float]) throws -> Parameter? {
    switch payload {
    case .dense(let tensor):
      var result = tensor
      try result.withMutableElements(Float.self) { values in
        for index in values.indices { values[index] *= factors[index % factors.count] }
      }
      return try replacing(.dense(result))
    case .integer(let codes, let grid):
      guard grid.isSymmetric, grid.axis == shape.rank - 1 else { return nil }
      let scales = grid.scales.enumerated().map { $1 * abs(factors[$0 % factors.count]) }
      guard scales.allSatisfy(\.isNormal) else { return nil }
      let turned = try grid.rewriting(codes.unpacked(), of: grid, shape) { index, multiple in
        factors[index % factors.count] < 0 ? -multiple : multiple
      }
      return try replacing(
        .integer(
          codes: PackedCodes(turned, bits: grid.bits), grid: grid.with(scales: scales)))
    case .codebook(let indices, let table, let grid):
      guard table.axis == shape.rank - 1, grid == nil || grid?.axis == table.axis else {
        return nil
      }
      // No zero becomes a negative one.
      let values = table.values.enumerated().map { index, value in
        value * factors[index / table.size % factors.count] + 0
      }
      guard values.allSatisfy(\.isFinite) else { return nil }
      let moved = try table.with(values)
      guard let grid else {
        return try replacing(.codebook(indices: indices, centroids: moved, grid: nil))
      }
      let scales = grid.scales.enumerated().map { $1 * abs(factors[$0 % factors.count]) }
      guard scales.allSatisfy(\.isNormal) else { return nil }
      let scaled = try grid.with(scales: scales)
      return try replacing(
        .codebook(indices: indices, centroids: moved.rounded(to: scaled), grid: scaled))
    }
  }
}
