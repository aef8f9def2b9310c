import WaneTensor

/// Reading and writing parts of a tensor in Lua. Positions count from 1, or from -1 backwards.
extension Function {
  static let tensorIndexing: [Function] = [
    Function(
      "__index",
      "A row, or an element of a vector; nil just after the last, so that ipairs ends. Rows where a"
        + " mask holds or of a tensor of positions; a part for a list of an index for each axis.",
      signature: "t[i] -> Tensor or number",
      example: "t[1]   t[t:gt(0)]   t[wane.tensor({ 3, 1 }, \"i32\")]   t[{ { 1, 2 }, -1 }]"
    ) { context in
      if !context.isNumber(2) { return try readKey(context) }
      let tensor = try context.tensor(1)
      let index = try context.integer(2)
      guard let extent = tensor.shape.dimensions.first else {
        throw WaneError("index", "a scalar has no rows, got [\(index)]")
      }
      if index == extent + 1 { return context.results(LuaValue.none) }
      let row = try position(index, extent, axis: 0, tensor.shape)
      if tensor.shape.rank == 1 {
        return context.results(LuaValue(try tensor.element(row), of: tensor.dtype))
      }
      // A copy, as small as the row: a view would keep the whole tensor alive, and make the next
      // assignment to it copy everything.
      return context.results(try tensor.rows(row..<row + 1).squeezed(axis: 0).copied())
    },
    Function(
      "__newindex",
      "Sets a row or an element, or the elements where a mask holds. A smaller tensor, a list or a"
        + " number repeats.", signature: "t[i] = value"
    ) { context in
      if let box = context.objectIfAny(2, as: TensorBox.self), box.tensor.dtype == .bool {
        return try assign(context, where: box.tensor)
      }
      guard context.isNumber(2) else {
        let name = context.isString(2) ? try context.string(2) : "?"
        throw LuaError.message("a Tensor cannot be changed: no field '\(name)' to set")
      }
      try assign(context, to: 2..<3, value: 3, "index")
      return context.results()
    },
    Function(
      "__call",
      "Elements or a part: an index, a range {first, last, step} or a tensor of positions or truths"
        + " for each axis.",
      signature: "t(i, j, ...) -> Tensor or number",
      example: "t(2, 3)   t({1, 2}, -1)   t({}, {1, 9, 2})   t({-1, 1, -1})"
    ) { context in try read(context, "index") },
    Function("__len", "The extent of the first axis.", signature: "#t -> integer") { context in
      let shape = try context.tensor(1).shape
      guard shape.rank > 0 else { throw WaneError("length", "a scalar has no length") }
      return context.results(shape[0])
    },
    Function(
      "__tostring", "Type, shape and elements; large tensors are summarised.",
      signature: "tostring(t) -> string"
    ) { context in context.results(try context.tensor(1).text()) },
  ]

  static let tensorElements: [Function] = [
    Function(
      "get", "An element or a part: an index, or a range {first, last, step}, for each axis.",
      signature: "get(i, j, ...) -> Tensor or number", example: "t:get(2, {1, 3})"
    ) { context in try read(context, "get") },
    Function(
      "set", "Sets an element or a part; a smaller tensor, a list or a number repeats.",
      signature: "set(i, j, ..., value) -> t", example: "t:set(2, {1, 3}, 0)"
    ) { context in
      guard context.count >= 2 else { throw context.expected("index or value", 2) }
      try assign(context, to: 2..<context.count, value: context.count, "set")
      return context.results(argument: 1)
    },
    Function(
      "slice", "Positions first to last of an axis, both included.",
      signature: "slice(axis, first, [last], [step]) -> Tensor",
      example: "t:slice(1, 2, -1)"
    ) { context in
      let tensor = try context.tensor(1)
      let axis = try context.axis(2, of: tensor.shape)
      let range = try range(
        context.integer(3), context.integer(4, default: -1), context.integer(5, default: 1),
        tensor.shape[axis], axis: axis, tensor.shape, "slice")
      return context.results(try tensor.selecting(range, axis: axis))
    },
    Function("item", "The only element as a number.", signature: "item() -> number") { context in
      let tensor = try context.tensor(1)
      return context.results(LuaValue(try tensor.item(), of: tensor.dtype))
    },
    Function(
      "tolist", "The elements as nested lists.", signature: "tolist() -> list or number"
    ) { context in context.results(TensorList(tensor: try context.tensor(1))) },
    Function(
      "copy", "A tensor that changes by itself.", signature: "copy() -> Tensor"
    ) { context in
      // A tensor is a value: its memory is copied when one of the two is written to.
      context.results(try context.tensor(1))
    },
    Function(
      "to", "The elements in another type: truncated towards zero, cut to its range.",
      signature: "to(dtype) -> Tensor", example: #"images:to "f32" / 255"#
    ) { context in
      let dtype = try DType.named(try context.string(2), operation: "to")
      return context.results(try context.tensor(1).converted(to: dtype))
    },
  ]

  private static func read(
    _ context: CallContext, _ operation: String
  ) throws -> CallContext.Outcome {
    let tensor = try context.tensor(1)
    let places = 2..<max(2, context.count + 1)
    if try places.contains(where: { try needsGathering(context, $0) }) {
      let indices = try places.map { place in
        guard let index = TensorIndex(try context.value(place)) else {
          throw context.expected("integer, range or Tensor", place)
        }
        return index
      }
      return try context.results(numberIfScalar: TensorIndex.select(tensor, indices, operation))
    }
    let (selection, dropped) = try selection(
      context, places, tensor.shape, operation)
    if dropped.count == tensor.shape.rank, selection.count == dropped.count {
      let position = zip(selection, tensor.shape.dimensions).reduce(0) {
        $0 * $1.1 + $1.0.start
      }
      return context.results(LuaValue(try tensor.element(position), of: tensor.dtype))
    }
    let block = try tensor.selecting(selection, for: operation)
    let dimensions = block.shape.dimensions.enumerated().filter { !dropped.contains($0.offset) }
    return context.results(try block.reshaped(Shape(dimensions.map(\.element))))
  }

  /// Whether an index is more than a block: a tensor, or a range that runs backwards.
  private static func needsGathering(_ context: CallContext, _ index: Int) throws -> Bool {
    if context.isNumber(index) { return false }
    if context.objectIfAny(index, as: TensorBox.self) != nil { return true }
    guard context.isTable(index),
      case .range(_, _, let step)? = TensorIndex(try context.value(index))
    else { return false }
    return step < 0
  }

  /// What `t[key]` is when the key is no number.
  private static func readKey(_ context: CallContext) throws -> CallContext.Outcome {
    if let box = context.objectIfAny(2, as: TensorBox.self) {
      let tensor = try context.tensor(1)
      return context.results(
        box.tensor.dtype == .bool
          ? try tensor.masked(box.tensor)
          : try tensor.gathered(box.tensor, axis: 0, first: 1, for: "index"))
    }
    guard context.isTable(2) else { return context.results(LuaValue.none) }
    let indices = try context.table(2).elements.map { element in
      guard let index = TensorIndex(element) else {
        throw LuaError.message(
          "index: integer, range or Tensor expected, got \(element.shortDescription)")
      }
      return index
    }
    return try context.results(
      numberIfScalar: TensorIndex.select(context.tensor(1), indices, "index"))
  }

  /// Sets elements where a mask is not 0.
  private static func assign(
    _ context: CallContext, where mask: Tensor
  ) throws -> CallContext.Outcome {
    let box = try context.object(1, as: TensorBox.self)
    let shape = box.tensor.shape
    let changed = try mask.selecting(context.operand(3), else: .tensor(box.tensor))
    guard changed.shape == shape else {
      throw WaneError("index", "mask or value do not fit shape \(shape): \(changed.shape)")
    }
    box.tensor = try changed.converted(to: box.tensor.dtype)
    return context.results()
  }

  private static func assign(
    _ context: CallContext, to indices: Range<Int>, value: Int, _ operation: String
  ) throws {
    let box = try context.object(1, as: TensorBox.self)
    let shape = box.tensor.shape
    let (selection, dropped) = try selection(context, indices, shape, operation)
    if dropped.count == shape.rank, selection.count == dropped.count,
      let scalar = context.scalarIfNumber(value)
    {
      let position = zip(selection, shape.dimensions).reduce(0) { $0 * $1.1 + $1.0.start }
      return try box.tensor.setElement(position, scalar, for: operation)
    }
    let source: Operand =
      context.isTable(value)
      ? .tensor(try context.tensorOfNumbers(value, box.tensor.dtype))
      : try context.operand(value)
    guard case .tensor(let tensor) = source else {
      return try box.tensor.assign(source, to: selection, for: operation)
    }
    let extents = selection.map(\.count) + shape.dimensions.dropFirst(selection.count)
    let kept = extents.indices.filter { !dropped.contains($0) }
    let part = try Shape(kept.map { extents[$0] })
    guard (try? part.broadcast(with: tensor.shape, operation: operation)) == part else {
      throw WaneError(
        operation, "a value of shape \(tensor.shape) does not fit a part of shape \(part)")
    }
    // The block keeps its dropped axes with extent one; the value gets them, too.
    var dimensions = [Int](repeating: 1, count: shape.rank)
    for (axis, extent) in zip(kept.suffix(tensor.shape.rank), tensor.shape.dimensions) {
      dimensions[axis] = extent
    }
    try box.tensor.assign(
      .tensor(tensor.reshaped(Shape(dimensions))), to: selection, for: operation)
  }

  /// What the arguments select, and the axes that single indices make vanish.
  private static func selection(
    _ context: CallContext, _ indices: Range<Int>, _ shape: Shape, _ operation: String
  ) throws -> (parts: [AxisSelection], dropped: [Int]) {
    guard indices.count <= shape.rank else {
      throw WaneError(operation, "\(indices.count) indices for shape \(shape)")
    }
    var (parts, dropped): ([AxisSelection], [Int]) = ([], [])
    for (axis, index) in indices.enumerated() {
      if context.isTable(index) {
        let ends = try CallContext.integers(try context.table(index).elements) {
          context.argumentError(index, $0)
        }
        guard ends.count <= 3 else {
          throw context.argumentError(index, "range {first, last, step} expected")
        }
        parts.append(
          try range(
            ends.first ?? 1, ends.count > 1 ? ends[1] : -1, ends.count > 2 ? ends[2] : 1,
            shape[axis], axis: axis, shape, operation))
      } else {
        let start = try position(context.integer(index), shape[axis], axis: axis, shape, operation)
        parts.append(AxisSelection(start: start, count: 1))
        dropped.append(axis)
      }
    }
    return (parts, dropped)
  }

  /// A position counted from 1 or backwards from -1, from 0.
  private static func position(
    _ index: Int, _ extent: Int, axis: Int, _ shape: Shape, _ operation: String = "index"
  ) throws -> Int {
    let found = index < 0 ? index + extent : index - 1
    guard found >= 0, found < extent else {
      throw WaneError(
        operation, "index \(index) is outside 1..\(extent) of axis \(axis + 1) in shape \(shape)")
    }
    return found
  }

  /// Positions from `first` to `last`, both included.
  ///
  /// `last` just before `first` is an empty range.
  private static func range(
    _ first: Int, _ last: Int, _ step: Int, _ extent: Int, axis: Int, _ shape: Shape,
    _ operation: String
  ) throws -> AxisSelection {
    let start = first < 0 ? first + extent : first - 1
    let end = last < 0 ? last + extent + 1 : last
    guard start >= 0, end >= start, end <= extent else {
      throw WaneError(
        operation,
        "\(first)..\(last) is no range in 1..\(extent) of axis \(axis + 1) in shape \(shape)")
    }
    guard step >= 1 else { throw WaneError(operation, "step must be at least 1, got \(step)") }
    let count = end == start ? 0 : (end - start - 1) / step + 1
    return AxisSelection(start: start, count: count, step: count > 1 ? step : 1)
  }
}
