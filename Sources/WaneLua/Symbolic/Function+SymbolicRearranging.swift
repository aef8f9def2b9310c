import WaneGraph
import WaneTensor

/// Elements of symbolic tensors in other places, and products of several. The batch stays where it
/// is, and whole.
extension Function {
  static let symbolicRearranging: [Function] = [
    .symbolic(
      "flip", "The elements along some axes, or all of a sample, in the opposite order.",
      signature: "flip([axes]) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      let type = call.type(x)
      guard !call.context.isNone(2) else {
        return try call.trace.add(Flip(Array(type.dimensions.indices)), x)
      }
      let positions =
        call.context.isTable(2)
        ? try call.context.integers(from: 2) : [try call.context.integer(2)]
      return try call.trace.add(Flip(positions.map { try call.ownAxis($0, of: type) }), x)
    },
    .symbolic(
      "roll", "The elements moved along an axis; what leaves at one end comes in at the other.",
      signature: "roll(distance, [axis]) -> SymbolicTensor"
    ) { call in
      let x = try call.value(1)
      let distance = try call.context.integer(2)
      let axis = try call.sampleAxis(3, of: call.type(x), default: -1)
      let extent = call.type(x).dimensions[axis]
      guard extent > 0, distance % extent != 0 else { return x }
      let start = (extent - distance % extent) % extent
      let parts = [
        try call.part(x, axis, from: start, count: extent - start),
        try call.part(x, axis, from: 0, count: start),
      ]
      return try call.trace.graph.add(
        one: Concat(axis: axis), parts, layer: call.trace.layer)
    },
    .symbolic(
      "tile", "The tensor beside itself, so many times along each axis of a sample.",
      signature: "tile(counts...) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      var counts = try call.context.integers(from: 2)
      guard counts.allSatisfy({ $0 >= 0 }) else {
        throw WaneError("tile", "counts must not be negative, got \(counts)")
      }
      let type = call.type(x)
      if type.isBatched, counts.count == type.rank {
        guard counts.removeFirst() == 1 else {
          throw WaneError("tile", "the batch axis of \(type) stays as it is: its count is 1")
        }
      }
      let rank = max(counts.count, type.dimensions.count)
      let extents =
        [Int](repeating: 1, count: rank - type.dimensions.count) + type.dimensions
      counts = [Int](repeating: 1, count: rank - counts.count) + counts
      return try call.repeated(x, extents, counts) { [$0, $1] }
    },
    .symbolic(
      "repeat_elements", "Each slice of an axis several times in a row.",
      signature: "repeat_elements(count, [axis]) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      let count = try call.context.integer(2)
      guard count >= 0 else {
        throw WaneError("repeat_elements", "count must not be negative, got \(count)")
      }
      let extents = call.type(x).dimensions
      var counts = extents.map { _ in 1 }
      counts[try call.sampleAxis(3, of: call.type(x), default: -1)] = count
      return try call.repeated(x, extents, counts) { [$1, $0] }
    },
    .symbolic(
      "pad",
      "With elements before and after: a number, or a number or {before, after} for each axis; those"
        + " of the batch are 0.", signature: "pad(widths, [value]) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      let type = call.type(x)
      let rank = type.dimensions.count
      let value = call.context.isNone(3) ? 0 : Float(try call.context.number(3))
      var widths = try call.context.widths(2, axes: type.rank)
      guard widths.count <= type.rank else {
        throw WaneError("pad", "\(widths.count) pairs of widths for shape \(type)")
      }
      if type.isBatched, !widths.isEmpty {
        let batch = widths.removeFirst()
        guard !call.context.isTable(2) || batch == (0, 0) else {
          throw WaneError("pad", "the batch axis of \(type) stays whole: its widths are 0")
        }
      }
      guard widths.allSatisfy({ $0.before >= 0 && $0.after >= 0 }) else {
        throw WaneError("pad", "widths must not be negative")
      }
      widths += [(before: Int, after: Int)](repeating: (0, 0), count: rank - widths.count)
      return try call.trace.add(
        Pad(before: widths.map(\.before), after: widths.map(\.after), value: value), x)
    },
    Function(
      "split", "Parts of an axis: so many of one size, or of the sizes of a list.",
      signature: "split(count or sizes, [axis]) -> SymbolicTensor, SymbolicTensor, ..."
    ) { context in
      let call = try SymbolicCall(context)
      let x = try call.value(1)
      let type = call.type(x)
      let axis = try call.sampleAxis(3, of: type, default: type.isBatched ? 2 : 1)
      let extent = type.dimensions[axis]
      let sizes: [Int]
      if context.isTable(2) {
        sizes = try context.integers(from: 2)
      } else {
        let count = try context.integer(2)
        guard count > 0, count <= 1 << 16, extent % count == 0 else {
          throw WaneError(
            "split", "the \(extent) of the axis in \(type) are not \(count) equal parts")
        }
        sizes = [Int](repeating: extent / count, count: count)
      }
      guard sizes.allSatisfy({ (0...extent).contains($0) }), sizes.reduce(0, +) == extent else {
        throw WaneError(
          "split", "sizes \(sizes) do not add up to the \(extent) of the axis in \(type)")
      }
      var start = 0
      let parts = try sizes.map { size in
        defer { start += size }
        return try call.part(x, axis, from: start, count: size)
      }
      return call.results(parts)
    },
    .symbolic(
      "outer", "The products of each element of a sample with each of another.",
      signature: "outer(other) -> SymbolicTensor"
    ) { call in
      let trace = call.trace
      let (a, b) = (try trace.float(call.value(1)), try trace.float(call.value(2)))
      let column = try trace.graph.reshape(
        a, [trace.type(a).sampleCount, 1], layer: trace.layer)
      let row = try trace.graph.reshape(b, [1, trace.type(b).sampleCount], layer: trace.layer)
      return try trace.add(Binary(.multiply), column, row)
    },
    withoutValue("unique"), withoutValue("nonzero"), withoutValue("save_npy"),
    withoutValue("save_csv"),
  ]

  static let symbolicProducts: [Function] = [
    .symbolic(
      "einsum", "As of tensors; the batch is the first letter of each operand that has one.",
      signature: "einsum(equation, tensors...) -> SymbolicTensor"
    ) { call in
      let equation = try call.context.string(1)
      let operands = try (2..<call.context.count + 1).map { index in
        try call.trace.float(call.value(index))
      }
      return try call.trace.graph.einsum(equation, operands, layer: call.trace.layer)
    }
  ]
}

extension SymbolicCall {
  /// An axis of a sample in Lua's count, from 0.
  fileprivate func ownAxis(_ position: Int, of type: ValueType) throws -> Int {
    let found = try axis(position, of: type) - (type.isBatched ? 1 : 0)
    guard found >= 0 else {
      throw WaneError(name, "the batch axis of \(type) stays where it is, and whole")
    }
    return found
  }

  /// Positions of one axis.
  fileprivate func part(_ x: Value, _ axis: Int, from start: Int, count: Int) throws -> Value {
    var extents = type(x).dimensions
    var starts = [Int](repeating: 0, count: extents.count)
    starts[axis] = start
    extents[axis] = count
    return try trace.add(Slice(starts: starts, extents: extents), x)
  }

  /// Each axis several times; `pair` says whether the whole is repeated or its slices.
  fileprivate func repeated(
    _ x: Value, _ extents: [Int], _ counts: [Int],
    pair: (_ count: Int, _ extent: Int) -> [Int]
  ) throws -> Value {
    let results = try zip(extents, counts).map { extent, count in
      let (product, overflow) = extent.multipliedReportingOverflow(by: count)
      guard !overflow else {
        throw WaneError(name, "too many elements in \(counts) times \(type(x))")
      }
      return product
    }
    let layer = trace.layer
    let apart = try trace.graph.reshape(
      x, extents.flatMap { pair(1, $0) }, layer: layer)
    let wide = try trace.add(BroadcastTo(zip(counts, extents).flatMap(pair)), apart)
    return try trace.graph.reshape(wide, results, layer: layer)
  }
}
