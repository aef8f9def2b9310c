extension Tensor {
  /// The elements along some axes in the opposite order; along all when `axes` is nil.
  ///
  /// - Throws: when there is no such axis.
  public func flipped(axes: [Int]? = nil) throws -> Tensor {
    let axes = try (axes ?? Array(0..<shape.rank)).map { try shape.axis($0, operation: "flip") }
    return try axes.reduce(self) { tensor, axis in
      try tensor.taking((0..<tensor.shape[axis]).reversed(), axis: axis, for: "flip")
    }
  }

  /// The elements moved along an axis; what leaves at one end comes in at the other.
  ///
  /// - Throws: when there is no such axis.
  public func rolled(_ distance: Int, axis: Int) throws -> Tensor {
    let axis = try shape.axis(axis, operation: "roll")
    let extent = shape[axis]
    guard extent > 0 else { return self }
    let remainder = distance % extent
    let start = remainder > 0 ? extent - remainder : -remainder
    return try taking((0..<extent).map { ($0 + start) % extent }, axis: axis, for: "roll")
  }

  /// The tensor beside itself: `counts` times along each axis, new axes in front where there are more
  /// counts than axes.
  ///
  /// - Throws: when a count is negative or the result is too large.
  public func tiled(_ counts: [Int]) throws -> Tensor {
    guard counts.allSatisfy({ $0 >= 0 }) else {
      throw WaneError("tile", "counts must not be negative, got \(counts)")
    }
    let rank = max(counts.count, shape.rank)
    let counts = [Int](repeating: 1, count: rank - counts.count) + counts
    var result = try reshaped(
      Shape([Int](repeating: 1, count: rank - shape.rank) + shape.dimensions).bounded(for: "tile"))
    // Before anything is repeated, whether the whole is possible.
    _ = try Shape(
      zip(result.shape.dimensions, counts).map { extent, count in
        let (product, overflow) = extent.multipliedReportingOverflow(by: count)
        guard !overflow else {
          throw WaneError("tile", "too many elements in \(count) times shape \(shape)")
        }
        return product
      })
    for (axis, count) in counts.enumerated() where count != 1 {
      // Once more with an axis in front, which is repeated.
      let extent = result.shape[axis]
      let dimensions = result.shape.dimensions
      let once = try result.reshaped(Shape(dimensions[..<axis] + [1] + dimensions[axis...]))
      let target = try Shape(dimensions[..<axis] + [count] + dimensions[axis...])
      result = try once.broadcast(to: target, for: "tile")
        .reshaped(result.shape.replacing(axis, with: extent * count))
    }
    return result
  }

  /// Each slice of an axis `count` times in a row.
  ///
  /// - Throws: when there is no such axis or the count is negative.
  public func repeatingElements(_ count: Int, axis: Int) throws -> Tensor {
    let axis = try shape.axis(axis, operation: "repeat_elements")
    guard count >= 0 else {
      throw WaneError("repeat_elements", "count must not be negative, got \(count)")
    }
    let dimensions = shape.dimensions
    let once = try reshaped(Shape(dimensions[...axis] + [1] + dimensions[(axis + 1)...]))
    let target = try Shape(dimensions[...axis] + [count] + dimensions[(axis + 1)...])
    let repeated = try once.broadcast(to: target, for: "repeat_elements")
    return try repeated.reshaped(
      Shape(dimensions[..<axis] + [dimensions[axis] * count] + dimensions[(axis + 1)...]))
  }

  /// With elements of one value before and after each axis.
  ///
  /// - Parameters:
  ///   - widths: how many before and after, axis by axis; axes without a pair stay.
  ///   - value: what they are.
  /// - Returns: the larger tensor.
  /// - Throws: when a width is negative, there are more pairs than axes, or the value does not fit.
  public func padded(_ widths: [(before: Int, after: Int)], value: Scalar) throws -> Tensor {
    guard widths.count <= shape.rank else {
      throw WaneError("pad", "\(widths.count) pairs of widths for shape \(shape)")
    }
    guard widths.allSatisfy({ $0.before >= 0 && $0.after >= 0 }) else {
      throw WaneError("pad", "widths must not be negative")
    }
    var dimensions = shape.dimensions
    var selection: [AxisSelection] = []
    for (axis, width) in widths.enumerated() {
      let (sum, overflow) = width.before.addingReportingOverflow(width.after)
      let (extent, carry) = sum.addingReportingOverflow(dimensions[axis])
      guard !overflow, !carry else { throw WaneError("pad", "widths are too large") }
      selection.append(AxisSelection(start: width.before, count: dimensions[axis]))
      dimensions[axis] = extent
    }
    var result = try Tensor(repeating: value, Shape(dimensions), dtype, for: "pad")
    try result.assign(.tensor(self), to: selection, for: "pad")
    return result
  }

  /// Parts of an axis, one after the other.
  ///
  /// - Throws: when there is no such axis, a size is negative, or they do not add up to the extent.
  public func split(sizes: [Int], axis: Int) throws -> [Tensor] {
    let axis = try shape.axis(axis, operation: "split")
    var left = shape[axis]
    for size in sizes where size >= 0 && size <= left { left -= size }
    guard left == 0, sizes.allSatisfy({ $0 >= 0 && $0 <= shape[axis] }),
      sizes.reduce(0, +) == shape[axis]
    else {
      throw WaneError(
        "split",
        "sizes \(sizes) do not add up to the \(shape[axis]) of axis \(axis + 1) in shape \(shape)")
    }
    var start = 0
    return try sizes.map { size in
      defer { start += size }
      return try selecting(
        AxisSelection(start: start, count: size), axis: axis, for: "split")
    }
  }

  /// Slices of an axis at positions that exist, in their order.
  func taking(_ positions: some Sequence<Int>, axis: Int, for operation: String) throws -> Tensor {
    let positions = Array(positions)
    let (outer, extent, inner) = shape.around(axis)
    let chunk = inner * dtype.byteCount
    return try .builtBytes(shape.replacing(axis, with: positions.count), dtype, for: operation) {
      y in
      withBytes { bytes in
        guard let x = bytes.baseAddress else { return }
        var target = y
        for o in 0..<outer {
          for position in positions {
            target.copyMemory(from: x + (o * extent + position) * chunk, byteCount: chunk)
            target += chunk
          }
        }
      }
    }
  }
}
