extension Tensor {
  /// Tensors one after the other along an axis.
  ///
  /// Types that differ meet in f32 or i32.
  ///
  /// - Throws: when there are none, or other extents differ.
  public static func concatenated(
    _ parts: [Tensor], axis: Int = 0, for operation: String = "concat"
  ) throws -> Tensor {
    guard let first = parts.first else { throw WaneError(operation, "no tensors to join") }
    let axis = try first.shape.axis(axis, operation: operation)
    var dtype = first.dtype
    var extent = 0
    for part in parts {
      guard part.shape.rank == first.shape.rank,
        try part.shape.replacing(axis, with: 1) == first.shape.replacing(axis, with: 1)
      else {
        throw WaneError(
          operation, "shapes \(first.shape) and \(part.shape) differ outside axis \(axis + 1)")
      }
      if part.dtype != dtype { dtype = .promoted(part.dtype, dtype) }
      extent += part.shape[axis]
    }
    let shape = try first.shape.replacing(axis, with: extent)
    let (outer, _, inner) = shape.around(axis)
    let width = dtype.byteCount
    return try .builtBytes(shape, dtype, for: operation) { y in
      var column = 0
      for part in parts {
        let chunk = part.shape[axis] * inner * width
        try part.converted(to: dtype).withBytes { bytes in
          guard let x = bytes.baseAddress else { return }
          for o in 0..<outer {
            (y + o * extent * inner * width + column)
              .copyMemory(from: x + o * chunk, byteCount: chunk)
          }
        }
        column += chunk
      }
    }
  }

  /// Tensors of one shape along a new axis.
  ///
  /// - Throws: when there are none, or shapes differ.
  public static func stacked(_ parts: [Tensor], axis: Int = 0) throws -> Tensor {
    for part in parts.dropFirst() where part.shape != parts[0].shape {
      throw WaneError("stack", "shapes \(parts[0].shape) and \(part.shape) differ")
    }
    return try concatenated(
      parts.map { try $0.unsqueezed(axis: axis) }, axis: axis, for: "stack")
  }

  /// Slices of an axis in the order of an index tensor, whose axes take that axis's place.
  ///
  /// Indices count from `first`; negative ones count from the end.
  ///
  /// - Throws: when there is no such axis, or an index leaves it.
  public func gathered(
    _ indices: Tensor, axis: Int, first: Int = 0, for operation: String = "gather"
  ) throws -> Tensor {
    let axis = try shape.axis(axis, operation: operation)
    guard !indices.dtype.isFloatingPoint, indices.dtype != .bool else {
      throw WaneError(operation, "indices must be whole numbers, got \(indices.dtype)")
    }
    let (outer, extent, inner) = shape.around(axis)
    let target = try Shape(
      shape.dimensions[..<axis] + indices.shape.dimensions + shape.dimensions[(axis + 1)...]
    ).bounded(for: operation)
    let chunk = inner * dtype.byteCount
    let positions = try indices.converted(to: .i32).array(Int32.self).map { index in
      let position = index < 0 ? Int(index) + extent : Int(index) - first
      guard position >= 0, position < extent else {
        throw WaneError(
          operation, "index \(index) is outside the \(extent) of axis \(axis + 1) in shape \(shape)"
        )
      }
      return position
    }
    return try .builtBytes(target, dtype, for: operation) { y in
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

  /// A new last axis with a 1 at the place of each class and 0 elsewhere.
  ///
  /// Classes count from `first`.
  ///
  /// - Throws: when an element is not a whole number or not among the classes.
  public func oneHot(classes: Int, first: Int = 0, _ target: DType = .f32) throws -> Tensor {
    guard !dtype.isFloatingPoint else {
      throw WaneError("one_hot", "classes must be whole numbers, got \(dtype)")
    }
    guard classes >= 0, DType.i32.wholeNumbers.contains(first) else {
      throw WaneError("one_hot", "\(classes) classes from \(first) do not fit i32")
    }
    let shape = try Shape(self.shape.dimensions + [classes]).bounded(for: "one_hot")
    let labels = try converted(to: .i32).array(Int32.self)
    let ones = try Tensor.built(shape, .u8, for: "one_hot") { (y: UnsafeMutablePointer<UInt8>) in
      y.update(repeating: 0, count: shape.count)
      for (i, label) in labels.enumerated() {
        let position = Int(label) - first
        guard position >= 0, position < classes else {
          throw WaneError(
            "one_hot", "class \(label) is not in \(first)..\(first + classes - 1)")
        }
        y[i * classes + position] = 1
      }
    }
    return try ones.converted(to: target)
  }
}
