import WaneTensor

extension ValueType {
  /// The type two operands are stretched to, as NumPy does with the batch as the first axis.
  ///
  /// A value without a batch repeats for every sample. Since the batch size is not known, no other
  /// extent than one fits the batch axis: two batched values need as many axes each.
  ///
  /// - Throws: when extents differ and neither is one.
  func broadcast(with other: ValueType, operation: String) throws -> ValueType {
    guard isBatched || other.isBatched else {
      let shape = try Shape(dimensions).broadcast(
        with: Shape(other.dimensions), operation: operation)
      return ValueType(dtype: dtype, isBatched: false, dimensions: shape.dimensions)
    }
    guard let left = rows(beside: other), let right = other.rows(beside: self),
      let shape = try? Shape(left).broadcast(with: Shape(right), operation: operation)
    else { throw WaneError(operation, "shapes \(self) and \(other) do not broadcast") }
    return ValueType(dtype: dtype, isBatched: true, dimensions: shape.dimensions)
  }

  /// The extents that lie beside a sample of another operand; nil when one would lie at its batch.
  private func rows(beside other: ValueType) -> [Int]? {
    if isBatched {
      return other.isBatched && other.dimensions.count != dimensions.count ? nil : dimensions
    }
    if dimensions.count <= other.dimensions.count { return dimensions }
    return dimensions.count == other.dimensions.count + 1 && dimensions[0] == 1
      ? Array(dimensions.dropFirst()) : nil
  }
}

extension Shape {
  /// How far apart neighbours along each axis lie, in elements.
  var steps: [Int] {
    var steps = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      steps[axis] = steps[axis + 1] * max(self[axis + 1], 1)
    }
    return steps
  }

  /// The steps along the axes of a larger shape: 0 where this one repeats.
  func steps(broadcastTo target: Shape) -> [Int] {
    let missing = target.rank - rank
    return target.dimensions.indices.map { axis in
      axis < missing || self[axis - missing] == 1 ? 0 : steps[axis - missing]
    }
  }
}
