extension Tensor {
  /// The elements along an axis in order, and where each came from (i32, counted from `first`).
  ///
  /// Equal elements keep their order; NaN come last.
  ///
  /// - Throws: when there is no such axis.
  public func sorted(
    axis: Int, descending: Bool = false, first: Int = 0, for operation: String = "sort"
  ) throws -> (values: Tensor, positions: Tensor) {
    let axis = try shape.axis(axis, operation: operation)
    let last = shape.rank - 1
    if axis != last {
      let (values, positions) = try swappingAxes(axis, last)
        .sorted(axis: last, descending: descending, first: first, for: operation)
      return (try values.swappingAxes(axis, last), try positions.swappingAxes(axis, last))
    }
    switch dtype {
    case .f16, .bf16:
      let (values, positions) = try converted(to: .f32)
        .sorted(axis: axis, descending: descending, first: first, for: operation)
      return (try values.converted(to: dtype), positions)
    case .f32: return try sortRows(Float.self, descending, first, operation) { $0.isNaN }
    case .i32: return try sortRows(Int32.self, descending, first, operation) { _ in false }
    case .i8: return try sortRows(Int8.self, descending, first, operation) { _ in false }
    case .u8, .bool: return try sortRows(UInt8.self, descending, first, operation) { _ in false }
    }
  }

  private func sortRows<Element: Comparable & BitwiseCopyable>(
    _: Element.Type, _ descending: Bool, _ first: Int, _ operation: String,
    isLast: (Element) -> Bool
  ) throws -> (values: Tensor, positions: Tensor) {
    let columns = shape[shape.rank - 1]
    guard columns <= Int(Int32.max) else {
      throw WaneError(operation, "more than \(Int32.max) elements in shape \(shape)")
    }
    let rows = columns == 0 ? 0 : count / columns
    var order = [Int32](repeating: 0, count: columns)
    let positions = try Tensor.built(shape, .i32, for: operation) {
      (positions: UnsafeMutablePointer<Int32>) in
      try reading(Element.self) { x in
        for r in 0..<rows {
          let row = x + r * columns
          for c in 0..<columns { order[c] = Int32(truncatingIfNeeded: c) }
          order.sort { i, j in
            let (a, b) = (row[Int(i)], row[Int(j)])
            if a == b { return i < j }
            if isLast(a) || isLast(b) { return isLast(a) == isLast(b) ? i < j : isLast(b) }
            return descending ? a > b : a < b
          }
          for c in 0..<columns { positions[r * columns + c] = order[c] }
        }
      }
    }
    let values = try Tensor.built(shape, dtype, for: operation) {
      (values: UnsafeMutablePointer<Element>) in
      try reading(Element.self) { x in
        try positions.reading(Int32.self) { positions in
          for r in 0..<rows {
            for c in r * columns..<(r + 1) * columns {
              values[c] = x[r * columns + Int(positions[c])]
            }
          }
        }
      }
    }
    let counted =
      first == 0
      ? positions : try positions.arithmetic(.add, .scalar(.integer(first)))
    return (values, counted)
  }

  /// The `k` largest elements along an axis, the largest first, and where they were.
  ///
  /// - Throws: when `k` is not in 0..extent.
  public func largest(
    _ k: Int, axis: Int, first: Int = 0
  ) throws -> (values: Tensor, positions: Tensor) {
    let axis = try shape.axis(axis, operation: "top_k")
    guard (0...shape[axis]).contains(k) else {
      throw WaneError("top_k", "k must be in 0..\(shape[axis]), got \(k)")
    }
    let (values, positions) = try sorted(
      axis: axis, descending: true, first: first, for: "top_k")
    let part = AxisSelection(start: 0, count: k, step: 1)
    return (
      try values.selecting(part, axis: axis, for: "top_k"),
      try positions.selecting(part, axis: axis, for: "top_k")
    )
  }
}
