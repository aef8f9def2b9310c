import WaneGraph
import WaneTensor

/// Order along an axis of symbolic tensors: sums up to each element, sorting, extremes. Positions count
/// from 1.
extension Function {
  static let symbolicOrder: [Function] = [
    .symbolic(
      "cumsum", "Sums of the elements up to each one, along the last axis unless another is named.",
      signature: "cumsum([axis]) -> SymbolicTensor"
    ) { call in
      let x = try call.trace.float(call.value(1))
      let axis = try call.sampleAxis(2, of: call.type(x), default: -1)
      return try call.trace.graph.add(CumulativeSum(), x, along: axis, layer: call.trace.layer)
    },
    extreme("argmax", isSmallest: false), extreme("argmin", isSmallest: true),
    ordered(
      "sort", "The elements along an axis in order, and where each came from.",
      signature: "sort([axis], [options]) -> SymbolicTensor, SymbolicTensor"
    ) { $0 },
    ordered(
      "argsort", "Where the elements along an axis come from when they are in order.",
      signature: "argsort([axis], [options]) -> SymbolicTensor"
    ) { [$0[1]] },
    Function(
      "top_k", "The k largest elements along an axis, and where they are.",
      signature: "top_k(k, [axis]) -> SymbolicTensor, SymbolicTensor"
    ) { context in
      let call = try SymbolicCall(context)
      let x = try call.trace.float(call.value(1))
      let axis = try call.sampleAxis(3, of: call.type(x), default: -1)
      let extents = call.type(x).dimensions
      let k = try context.integer(2)
      guard (0...extents[axis]).contains(k) else {
        throw WaneError("top_k", "k must be in 0..\(extents[axis]), got \(k)")
      }
      var part = extents
      part[axis] = k
      let slice = Slice(starts: [Int](repeating: 0, count: extents.count), extents: part)
      return call.results(
        try sorted(call.trace, x, axis, isDescending: true).map { try call.trace.add(slice, $0) })
    },
  ]

  private static func sorted(
    _ trace: Trace, _ x: Value, _ axis: Int, isDescending: Bool
  ) throws -> [Value] {
    var order = Array(trace.type(x).dimensions.indices)
    order.swapAt(axis, order.count - 1)
    let turns = axis != order.count - 1
    let rows = turns ? try trace.add(Transpose(order), x) : x
    let sort = Sort(descending: isDescending, first: 1)
    let results = try trace.graph.add(sort, [rows], layer: trace.layer)
    return turns ? try results.map { try trace.add(Transpose(order), $0) } : results
  }

  private static func ordered(
    _ name: String, _ summary: String, signature: String,
    _ choose: @escaping @Sendable ([Value]) -> [Value]
  ) -> Function {
    Function(
      name, summary, signature: signature,
      options: [Option("descending", "boolean", default: "false", "the largest first")]
    ) { context in
      let call = try SymbolicCall(context)
      let x = try call.trace.float(call.value(1))
      let optionsFirst = context.isTable(2)
      let axis = try call.sampleAxis(optionsFirst ? 3 : 2, of: call.type(x), default: -1)
      let options = try context.options(optionsFirst ? 2 : 3)
      let isDescending = try options.boolean("descending", default: false)
      return call.results(
        choose(try sorted(call.trace, x, axis, isDescending: isDescending)))
    }
  }

  private static func extreme(_ name: String, isSmallest: Bool) -> Function {
    .symbolic(
      name, "As of a tensor.", signature: "\(name)([axis], [options]) -> SymbolicTensor of i32",
      options: [
        Option("axis", "integer", default: "all axes", "the axis to look along"),
        Option("keep_axes", "boolean", default: "false", "keeps reduced axes with extent one"),
      ]
    ) { call in
      let context = call.context
      let trace = call.trace
      let x = try trace.float(call.value(1))
      let type = call.type(x)
      let optionsFirst = context.isTable(2)
      let options = try context.options(optionsFirst ? 2 : 3)
      let named = try optionsFirst ? options.integers("axis") : nil
      guard named == nil || named?.count == 1 else {
        throw WaneError(name, "one axis expected, got \(named?.count ?? 0)")
      }
      let position =
        try named?.first ?? (optionsFirst || context.isNone(2) ? nil : context.integer(2))
      let keeps = try options.boolean("keep_axes", default: false)
      let search = ExtremePosition(smallest: isSmallest, first: 1)
      guard let position else {
        guard !type.isBatched else {
          throw WaneError(name, "an axis of a sample expected for \(type), which has a batch")
        }
        let flat = try trace.graph.reshape(x, [type.sampleCount], layer: trace.layer)
        let result = try trace.add(search, flat)
        return try trace.graph.reshape(
          result, keeps ? type.dimensions.map { _ in 1 } : [], layer: trace.layer)
      }
      let axis = try call.axis(position, of: type) - (type.isBatched ? 1 : 0)
      guard axis >= 0 else {
        throw WaneError(name, "the batch axis of \(type) stays where it is, and whole")
      }
      var order = Array(type.dimensions.indices)
      order.append(order.remove(at: axis))
      let rows = try trace.add(Transpose(order), x)
      var extents = type.dimensions
      if keeps { extents[axis] = 1 } else { extents.remove(at: axis) }
      return try trace.graph.reshape(trace.add(search, rows), extents, layer: trace.layer)
    }
  }
}

extension SymbolicCall {
  /// Ends the call with several values.
  func results(_ values: [Value]) -> CallContext.Outcome {
    context.results(all: values.map { .object(SymbolicTensorBox(trace, $0)) })
  }
}
