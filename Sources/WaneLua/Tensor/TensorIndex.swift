import WaneTensor

/// One index of `t(i, j, ...)` or `t[{ i, j, ... }]` as Lua writes it: a position, a range, or a
/// tensor of positions or truths.
enum TensorIndex {
  case position(Int)
  case range(first: Int, last: Int, step: Int)
  case tensor(Tensor)

  /// Reads an index; nil for a value that is none.
  init?(_ value: LuaValue) {
    switch value {
    case .integer(let position): self = .position(position)
    case .number(let position):
      guard let whole = Int(exactly: position) else { return nil }
      self = .position(whole)
    case .object(let box as TensorBox): self = .tensor(box.tensor)
    case .table(let table):
      guard table.fields.isEmpty, table.elements.count <= 3,
        let ends = try? CallContext.integers(table.elements, error: { .message($0) })
      else { return nil }
      let step = ends.count > 2 ? ends[2] : 1
      self = .range(
        first: ends.first ?? (step < 0 ? -1 : 1),
        last: ends.count > 1 ? ends[1] : (step < 0 ? 1 : -1), step: step)
    default: return nil
    }
  }

  /// The positions on an axis, from 0.
  ///
  /// - Throws: when one leaves the axis.
  private func positions(_ axis: Int, _ shape: Shape, _ operation: String) throws -> [Int]? {
    let extent = shape[axis]
    switch self {
    case .position, .tensor: return nil
    case .range(let first, let last, let step):
      guard step != 0 else { throw WaneError(operation, "step must not be 0") }
      // Downwards, the range is that from last to first, walked from its end.
      let (low, high) = step > 0 ? (first, last) : (last, first)
      let start = low < 0 ? low + extent : low - 1
      let end = high < 0 ? high + extent + 1 : high
      guard start >= 0, end >= start, end <= extent else {
        throw WaneError(
          operation,
          "\(first)..\(last) is no range in 1..\(extent) of axis \(axis + 1) in shape \(shape)")
      }
      return step > 0
        ? Array(Swift.stride(from: start, to: end, by: step))
        : Array(Swift.stride(from: end - 1, through: start, by: step))
    }
  }

  /// The part of a tensor that indices select, axis by axis.
  ///
  /// - Throws: when an index leaves its axis or there are more indices than axes.
  static func select(
    _ tensor: Tensor, _ indices: [TensorIndex], _ operation: String
  ) throws -> Tensor {
    guard indices.count <= tensor.shape.rank else {
      throw WaneError(operation, "\(indices.count) indices for shape \(tensor.shape)")
    }
    // From the last axis to the first, so that those before keep their places.
    return try indices.enumerated().reversed().reduce(tensor) { part, index in
      let (axis, index) = index
      switch index {
      case .position(let position):
        return try part.gathered(
          Tensor([Int32(clamping: position)]), axis: axis, first: 1, for: operation
        ).squeezed(axis: axis)
      case .tensor(let positions) where positions.dtype == .bool:
        guard positions.shape.dimensions == [part.shape[axis]] else {
          throw WaneError(
            operation,
            "a mask of shape \(positions.shape) does not fit the \(part.shape[axis]) of axis "
              + "\(axis + 1) in shape \(tensor.shape)")
        }
        let found = try positions.positionsOfNonzero(first: 1)
        return try part.gathered(found.reshaped(Shape([found.count])), axis: axis, first: 1)
      case .tensor(let positions):
        return try part.gathered(positions, axis: axis, first: 1, for: operation)
      case .range:
        let positions = try index.positions(axis, part.shape, operation) ?? []
        return try part.gathered(
          Tensor(positions.map { Int32(clamping: $0) }), axis: axis, first: 0)
      }
    }
  }
}
