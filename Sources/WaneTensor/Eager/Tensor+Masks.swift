/// What kind of number an element is.
public enum NumberKind: String, CaseIterable, Sendable {
  /// Not a number.
  case nan = "isnan"
  /// Plus or minus infinity.
  case infinite = "isinf"
  /// Neither.
  case finite = "isfinite"
}

extension Tensor {
  /// Whether each element is a number of that kind, bool.
  public func elements(are kind: NumberKind) throws -> Tensor {
    guard dtype.isFloatingPoint else {
      return try Tensor(
        repeating: .integer(kind == .finite ? 1 : 0), shape, .bool, for: kind.rawValue)
    }
    let n = count
    return try .built(shape, .bool, for: kind.rawValue) { (y: UnsafeMutablePointer<UInt8>) in
      try converted(to: .f32).reading(Float.self) { x in
        switch kind {
        case .nan: for i in 0..<n { y[i] = x[i].isNaN ? 1 : 0 }
        case .infinite: for i in 0..<n { y[i] = x[i].isInfinite ? 1 : 0 }
        case .finite: for i in 0..<n { y[i] = x[i].isFinite ? 1 : 0 }
        }
      }
    }
  }

  /// Where elements are not 0: a row of positions for each (i32), counted from `first`.
  public func positionsOfNonzero(first: Int = 0) throws -> Tensor {
    guard shape.dimensions.allSatisfy({ $0 < Int(Int32.max) }) else {
      throw WaneError("nonzero", "positions in shape \(shape) do not fit i32")
    }
    let truths = try converted(to: .bool)
    let found = truths.withBytes { bytes in bytes.indices.filter { bytes[$0] != 0 } }
    let rank = shape.rank
    return try .built(Shape([found.count, rank]), .i32, for: "nonzero") {
      (y: UnsafeMutablePointer<Int32>) in
      for (row, position) in found.enumerated() {
        var rest = position
        for axis in (0..<rank).reversed() {
          y[row * rank + axis] = Int32(clamping: rest % shape[axis] + first)
          rest /= shape[axis]
        }
      }
    }
  }

  /// The elements where a mask is not 0, as rows: the mask has the first axes of this tensor.
  ///
  /// - Throws: when the mask has other axes.
  public func masked(_ mask: Tensor, for operation: String = "index") throws -> Tensor {
    let axes = mask.shape.rank
    guard axes <= shape.rank, Array(shape.dimensions[..<axes]) == mask.shape.dimensions else {
      throw WaneError(operation, "a mask of shape \(mask.shape) does not fit shape \(shape)")
    }
    let truths = try mask.converted(to: .bool)
    let found = truths.withBytes { bytes in bytes.indices.filter { bytes[$0] != 0 } }
    let rows = try reshaped(Shape([mask.count] + shape.dimensions[axes...]))
    return try rows.taking(found, axis: 0, for: operation)
  }

  /// The different elements in ascending order, and how often each is there (i32).
  public func uniqueElements() throws -> (values: Tensor, counts: Tensor) {
    let sorted = try reshaped(Shape([count])).sorted(axis: 0, for: "unique").values
    // As f32 or i32, in which elements of every type compare as they are.
    let isReal = dtype.isFloatingPoint
    let plain = try sorted.converted(to: isReal ? .f32 : .i32)
    var starts: [Int] = []
    if isReal {
      let values = plain.array(Float.self)
      // NaN come last, and one stands for all, as in NumPy.
      starts = values.indices.filter {
        $0 == 0
          || (values[$0] != values[$0 - 1] && !(values[$0].isNaN && values[$0 - 1].isNaN))
      }
    } else {
      let values = plain.array(Int32.self)
      starts = values.indices.filter { $0 == 0 || values[$0] != values[$0 - 1] }
    }
    let ends = starts.dropFirst() + [count]
    let counts = zip(starts, ends).map { Int32(clamping: $1 - $0) }
    return (try sorted.taking(starts, axis: 0, for: "unique"), try Tensor(counts))
  }
}
