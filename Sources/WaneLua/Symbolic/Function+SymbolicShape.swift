import WaneGraph
import WaneTensor

/// Symbolic tensors under other shapes, their parts and products. The batch is the first axis, and
/// its extent is written -1.
extension Function {
  static let symbolicShape: [Function] = [
    .symbolic(
      "reshape", "The same elements under another shape; one extent may be -1.",
      signature: "reshape(extents...) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      let extents = call.context.count < 2 ? [] : try call.context.integers(from: 2)
      return try call.trace.graph.reshape(
        x, call.extents(extents, for: call.type(x)), layer: call.trace.layer)
    },
    .symbolic(
      "flatten", "The elements as a vector, those of each sample when there is a batch.",
      signature: "flatten() -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      return try call.trace.graph.reshape(
        x, [call.type(x).sampleCount], layer: call.trace.layer)
    },
    .symbolic(
      "squeeze", "Without axes of extent one, or without one of them.",
      signature: "squeeze([axis]) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      var dimensions = call.type(x).dimensions
      if call.context.isNone(2) {
        dimensions.removeAll { $0 == 1 }
      } else {
        let axis = try call.sampleAxis(2, of: call.type(x), default: 1)
        guard dimensions[axis] == 1 else {
          throw WaneError("squeeze", "the axis of \(call.type(x)) has extent \(dimensions[axis])")
        }
        dimensions.remove(at: axis)
      }
      return try call.trace.graph.reshape(x, dimensions, layer: call.trace.layer)
    },
    .symbolic(
      "unsqueeze", "With a new axis of extent one at a place; -1 is the last.",
      signature: "unsqueeze(axis) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      var grown = call.type(x)
      grown.dimensions.append(1)
      let axis = try call.sampleAxis(2, of: grown, default: -1)
      var dimensions = call.type(x).dimensions
      dimensions.insert(1, at: axis)
      return try call.trace.graph.reshape(x, dimensions, layer: call.trace.layer)
    },
    .symbolic(
      "transpose", "Two axes exchanged; the last two unless others are named.",
      signature: "transpose([axis1, axis2]) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      let type = call.type(x)
      if call.context.isNone(2), call.context.isNone(3), type.rank < 2 { return x }
      let a = try call.sampleAxis(2, of: type, default: -2)
      let b = try call.sampleAxis(3, of: type, default: -1)
      var order = Array(type.dimensions.indices)
      order.swapAt(a, b)
      return try call.trace.add(Transpose(order), x)
    },
    .symbolic(
      "permute", "The axes in another order.", signature: "permute(axes...) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      let type = call.type(x)
      var order = try call.context.integers(from: 2).map { try call.axis($0, of: type) }
      if type.isBatched {
        guard order.first == 0 else {
          throw WaneError("permute", "the batch axis of \(type) stays the first")
        }
        order = order.dropFirst().map { $0 - 1 }
      }
      return try call.trace.add(Transpose(order), x)
    },
    .symbolic(
      "broadcast_to", "Repeated along axes of extent one, up to a shape.",
      signature: "broadcast_to(extents...) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      var extents = try call.context.integers(from: 2)
      if call.type(x).isBatched, extents.first == -1 { extents.removeFirst() }
      return try call.trace.add(BroadcastTo(extents), x)
    },
    .symbolic(
      "gather", "Slices of an axis in the order of indices, whose axes take its place.",
      signature: "gather(indices, [axis]) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      let axis = try call.sampleAxis(3, of: call.type(x), default: call.type(x).isBatched ? 2 : 1)
      let indices: Value
      if call.context.symbolic(2) == nil {
        let tensor =
          call.context.isTable(2)
          ? try call.context.tensorOfNumbers(2, .i32) : try call.context.tensor(2)
        guard tensor.dtype != .f32, tensor.dtype != .bool else {
          throw WaneError("gather", "indices must be whole numbers, got \(tensor.dtype)")
        }
        indices = try call.trace.value(of: .tensor(tensor.converted(to: .i32)))
      } else {
        indices = try call.value(2)
      }
      return try call.trace.add(Gather(axis: axis, first: 1), x, indices)
    },
    .symbolic(
      "one_hot", "A new last axis with a 1 at the place of the class; classes count from 0.",
      signature: "one_hot(classes, [options]) -> SymbolicTensor",
      options: [Option("first", "integer", default: "0", "the number of the first class")]
    ) { call in
      let first = try call.context.options(3).integer("first", default: 0)
      let classes = try call.context.integer(2, in: 0...(1 << 24))
      return try call.trace.add(OneHot(classes: classes, first: first), call.value(1))
    },
    .symbolic(
      "matmul", "The matrix product; axes before the last two are batches.",
      signature: "matmul(other) -> SymbolicTensor"
    ) { call in try product(call) },
    .symbolic(
      "dot", "The sum of products of two vectors; of matrices, their product.",
      signature: "dot(other) -> SymbolicTensor"
    ) { call in try product(call) },
  ]

  static let symbolicElements: [Function] = [
    .symbolic(
      "slice", "Positions first to last of an axis, both included.",
      signature: "slice(axis, first, [last], [step]) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      let context = call.context
      let axis = try call.sampleAxis(2, of: call.type(x), default: 1)
      var parts = AxisParts(call.type(x))
      try parts.select(
        axis, context.integer(3), context.integer(4, default: -1), context.integer(5, default: 1),
        "slice")
      return try parts.apply(x, call.trace)
    },
    .symbolic(
      "get", "An element or a part: an index, or a range {first, last, step}, for each axis.",
      signature: "get(i, j, ...) -> SymbolicTensor"
    ) { call in try part(call) },
    .symbolic(
      "to", "The elements in another type.", signature: "to(dtype) -> SymbolicTensor"
    ) { call in
      let dtype = try DType.named(try call.context.string(2), operation: "to")
      let x = try call.value(1)
      if call.type(x).dtype == dtype { return x }
      if dtype == .bool { return try call.trace.truth(x) }
      let floats = try call.trace.float(x)
      return dtype == .f32 ? floats : try call.trace.add(Cast(dtype), floats)
    },
    .symbolic("copy", "The same symbolic tensor.", signature: "copy() -> SymbolicTensor") { call in
      try call.value(1)
    },
    withoutValue("item"), withoutValue("tolist"), withoutValue("set"),
  ]

  static let symbolicIndexing: [Function] = [
    Function(
      "__index", "A row, or an element of a vector; nil just after the last.",
      signature: "t[i] -> SymbolicTensor"
    ) { context in
      guard context.isNumber(2) else { return context.results(LuaValue.none) }
      let call = try SymbolicCall(context)
      let type = call.type(try call.value(1))
      if !type.isBatched, try context.integer(2) == (type.dimensions.first ?? -2) + 1 {
        return context.results(LuaValue.none)
      }
      return call.result(try part(call))
    },
    withoutValue("__newindex"),
    .symbolic(
      "__call", "A part: an index, or a range {first, last, step}, for each axis.",
      signature: "t(i, j, ...) -> SymbolicTensor"
    ) { call in try part(call) },
    Function("__len", "The extent of the first axis.", signature: "#t -> integer") { context in
      let call = try SymbolicCall(context)
      let type = call.type(try call.value(1))
      guard !type.isBatched, let extent = type.dimensions.first else {
        throw WaneError(
          "length",
          type.isBatched ? "the number of samples is not known" : "a scalar has no length")
      }
      return context.results(extent)
    },
    Function(
      "__tostring", "Its shape.", signature: "tostring(t) -> string"
    ) { context in
      context.results("SymbolicTensor (\(context.symbolicTensor?.type.description ?? ""))")
    },
  ]

  /// What asks for values that there are none of yet.
  static func withoutValue(_ name: String) -> Function {
    Function(
      name, "An error: there are no values yet.", signature: "\(name)() -> an error"
    ) { _ in
      let what = name == "__newindex" ? "assignment" : name
      throw LuaError.message(
        "\(what): a symbolic tensor has no values while its function is traced, and does not change"
      )
    }
  }

  private static func part(_ call: SymbolicCall) throws -> Value {
    let x = try call.value(1)
    let type = call.type(x)
    let context = call.context
    var parts = AxisParts(type)
    guard context.count - 1 <= type.rank else {
      throw WaneError("index", "\(context.count - 1) indices for shape \(type)")
    }
    guard context.count > 1 else { return x }
    for index in 2...context.count {
      let axis = index - 2 - (type.isBatched ? 1 : 0)
      if context.isTable(index) {
        let ends = try CallContext.integers(try context.table(index).elements) {
          context.argumentError(index, $0)
        }
        guard ends.count <= 3 else {
          throw context.argumentError(index, "range {first, last, step} expected")
        }
        if axis < 0, ends.isEmpty { continue }
        try parts.select(
          axis, ends.first ?? 1, ends.count > 1 ? ends[1] : -1, ends.count > 2 ? ends[2] : 1,
          "index")
      } else {
        try parts.drop(axis, context.integer(index))
      }
    }
    return try parts.apply(x, call.trace)
  }

  /// The product as NumPy has it: a vector on the left is a row, on the right a column.
  private static func product(_ call: SymbolicCall) throws -> Value {
    let trace = call.trace
    var (a, b) = (try trace.float(call.value(1)), try trace.float(call.value(2)))
    let (left, right) = (trace.type(a), trace.type(b))
    guard left.rank > 0, right.rank > 0 else {
      throw WaneError("matmul", "vectors or matrices expected, got shapes \(left) and \(right)")
    }
    func reshape(_ value: Value, _ dimensions: [Int]) throws -> Value {
      try trace.graph.reshape(value, dimensions, layer: trace.layer)
    }
    let (isRow, isColumn) = (left.rank == 1, right.rank == 1)
    if isRow, !left.isBatched { a = try reshape(a, [1] + left.dimensions) }
    if isColumn, !right.isBatched { b = try reshape(b, right.dimensions + [1]) }
    let product = try trace.add(MatMul(), a, b)
    var dimensions = trace.type(product).dimensions
    if isColumn { dimensions.removeLast() }
    if isRow {
      dimensions.remove(at: isColumn ? dimensions.count - 1 : dimensions.count - 2)
    }
    return try reshape(product, dimensions)
  }
}

/// What is taken of each axis of a sample, and the axes that vanish.
private struct AxisParts {
  private let type: ValueType
  private var slice: (starts: [Int], extents: [Int], steps: [Int])
  private var dropped: Set<Int> = []

  init(_ type: ValueType) {
    self.type = type
    let count = type.dimensions.count
    slice = (
      [Int](repeating: 0, count: count), type.dimensions, [Int](repeating: 1, count: count)
    )
  }

  private func extent(_ axis: Int, _ operation: String) throws -> Int {
    guard axis >= 0 else {
      throw WaneError(
        operation, "the batch axis of \(type) stays whole; leave it as {}, as in x({}, 1)")
    }
    return type.dimensions[axis]
  }

  mutating func drop(_ axis: Int, _ index: Int) throws {
    let extent = try extent(axis, "index")
    let found = index < 0 ? index + extent : index - 1
    guard found >= 0, found < extent else {
      throw WaneError("index", "index \(index) is outside 1..\(extent) in shape \(type)")
    }
    slice.starts[axis] = found
    slice.extents[axis] = 1
    dropped.insert(axis)
  }

  mutating func select(
    _ axis: Int, _ first: Int, _ last: Int, _ step: Int, _ operation: String
  ) throws {
    let extent = try extent(axis, operation)
    let start = first < 0 ? first + extent : first - 1
    let end = last < 0 ? last + extent + 1 : last
    guard start >= 0, end >= start, end <= extent else {
      throw WaneError(
        operation, "\(first)..\(last) is no range in 1..\(extent) in shape \(type)")
    }
    guard step >= 1 else { throw WaneError(operation, "step must be at least 1, got \(step)") }
    slice.starts[axis] = start
    slice.extents[axis] = end == start ? 0 : (end - start - 1) / step + 1
    slice.steps[axis] = slice.extents[axis] > 1 ? step : 1
  }

  func apply(_ x: Value, _ trace: Trace) throws -> Value {
    let part = try trace.add(
      Slice(starts: slice.starts, extents: slice.extents, steps: slice.steps), x)
    let kept = slice.extents.indices.filter { !dropped.contains($0) }
    return try trace.graph.reshape(part, kept.map { slice.extents[$0] }, layer: trace.layer)
  }
}
