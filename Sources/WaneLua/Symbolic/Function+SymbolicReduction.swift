import WaneGraph
import WaneTensor

/// Reductions of symbolic tensors, and joining them. Without an axis all elements are reduced, those
/// of the whole batch.
extension Function {
  static let symbolicReduction: [Function] =
    [Reduction.sum, .mean, .maximum, .minimum].map { reduction in
      reduce(reduction.rawValue) { trace, x, axes, keeps, _ in
        try trace.reduce(reduction, x, axes, keepingAxes: keeps)
      }
    } + [
      reduce("any") { trace, x, axes, keeps, _ in
        try trace.truth(
          trace.reduce(.maximum, trace.float(trace.truth(x)), axes, keepingAxes: keeps))
      },
      reduce("all") { trace, x, axes, keeps, _ in
        try trace.truth(
          trace.reduce(.minimum, trace.float(trace.truth(x)), axes, keepingAxes: keeps))
      },
      reduce("prod") { trace, x, axes, keeps, _ in
        let type = trace.type(x)
        let own = axes.map { type.isBatched ? $0 - 1 : $0 }
        guard own.allSatisfy({ $0 >= 0 }) else {
          throw WaneError("prod", "axes of a sample expected for \(type), which has a batch")
        }
        return try trace.graph.product(
          trace.float(x), axes: own, keepingAxes: keeps, layer: trace.layer)
      },
      reduce("norm", [order]) { trace, x, axes, keeps, options in
        try norm(trace, trace.float(x), axes, keeps, options.number("order", default: 2))
      },
      reduce("var", [correction], variance),
      reduce("std", [correction]) { trace, x, axes, keeps, options in
        try trace.add(Unary(.sqrt), variance(trace, x, axes, keeps, options))
      },
    ]

  static let symbolicJoining: [Function] = [
    joining("concat") { parts, axis, trace in
      try trace.graph.add(one: Concat(axis: axis), parts, layer: trace.layer)
    },
    joining("stack") { parts, axis, trace in
      let grown = try parts.map { part in
        var dimensions = trace.type(part).dimensions
        dimensions.insert(1, at: axis)
        return try trace.graph.reshape(part, dimensions, layer: trace.layer)
      }
      return try trace.graph.add(one: Concat(axis: axis), grown, layer: trace.layer)
    },
  ]

  private static let correction = Option(
    "correction", "integer", default: "0", "divides by n - correction; 1 for a sample")

  private static let order = Option(
    "order", "1, 2 or math.huge", default: "2",
    "1 for the sum of absolute values, math.huge for the largest of them")

  /// The gradient of a length of zero is zero, one of those it might be.
  private static func norm(
    _ trace: Trace, _ x: Value, _ axes: [Int], _ keeps: Bool, _ order: Double
  ) throws -> Value {
    switch order {
    case 1: return try trace.reduce(.sum, trace.add(Unary(.abs), x), axes, keepingAxes: keeps)
    case 2:
      let squares = try trace.reduce(
        .sum, trace.add(Unary(.square), x), axes, keepingAxes: keeps)
      let zero = try trace.constant(0)
      let isPositive = try trace.add(Compare(.greater), squares, zero)
      let safe = try trace.add(Where(), isPositive, squares, trace.constant(1))
      return try trace.add(Where(), isPositive, trace.add(Unary(.sqrt), safe), zero)
    case .infinity:
      return try trace.reduce(.maximum, trace.add(Unary(.abs), x), axes, keepingAxes: keeps)
    default: throw WaneError("norm", "order must be 1, 2 or infinity, got \(Scalar.real(order))")
    }
  }

  private static func variance(
    _ trace: Trace, _ x: Value, _ axes: [Int], _ keeps: Bool, _ options: Options
  ) throws -> Value {
    let correction = try options.integer("correction", default: 0)
    let type = trace.type(x)
    let isBatched = type.isBatched
    guard correction == 0 || !isBatched || !axes.contains(0) else {
      throw WaneError("var", "a correction needs the number of samples, which is not known")
    }
    let count = axes.reduce(1) { count, axis in
      isBatched
        ? (axis == 0 ? count : count * type.dimensions[axis - 1])
        : count * type.dimensions[axis]
    }
    guard correction >= 0, correction < max(count, 1) || isBatched else {
      throw WaneError(
        "var", "correction must be in 0..<\(count), the number of elements, got \(correction)")
    }
    let mean = try trace.reduce(.mean, x, axes, keepingAxes: true)
    let distance = try trace.add(Binary(.subtract), trace.float(x), mean)
    let squares = try trace.add(Unary(.square), distance)
    let result = try trace.reduce(.mean, squares, axes, keepingAxes: keeps)
    guard correction > 0 else { return result }
    return try trace.scaled(result, by: Float(count) / Float(count - correction))
  }

  private static func reduce(
    _ name: String, _ options: [Option] = [],
    _ body: @escaping @Sendable (Trace, Value, [Int], Bool, Options) throws -> Value
  ) -> Function {
    .symbolic(
      name, "As of a tensor.", signature: "\(name)([axis], [options]) -> SymbolicTensor",
      options: [
        Option("axis", "integer or list", default: "all axes", "the axes to reduce"),
        Option("keep_axes", "boolean", default: "false", "keeps reduced axes with extent one"),
      ] + options
    ) { call in
      let x = try call.value(1)
      let context = call.context
      let type = call.type(x)
      var positions: [Int]?
      let options: Options
      if context.isTable(2), !(try context.table(2)).fields.isEmpty {
        options = try context.options(2)
        positions = try options.integers("axis")
      } else {
        options = try context.options(3)
        if !context.isNone(2) {
          positions = context.isTable(2) ? try context.integers(from: 2) : [try context.integer(2)]
        }
      }
      let axes = try positions?.map { try call.axis($0, of: type) } ?? Array(0..<type.rank)
      guard Set(axes).count == axes.count else {
        throw WaneError(name, "an axis is named twice in \(positions ?? [])")
      }
      return try body(
        call.trace, x, axes, options.boolean("keep_axes", default: false), options)
    }
  }

  /// A function of a list, one of whose elements is symbolic.
  private static func joining(
    _ name: String, _ body: @escaping @Sendable ([Value], Int, Trace) throws -> Value
  ) -> Function {
    Function(
      name, "As of tensors.", signature: "\(name)(tensors, [axis]) -> SymbolicTensor",
      options: [Option("axis", "integer", default: "1", "the axis to grow")]
    ) { context in
      let table = try context.table(1)
      guard let trace = table.symbolicTensors.first?.trace else {
        throw context.expected("list of SymbolicTensors", 1)
      }
      try trace.check()
      let parts = try table.elements.map { element -> Value in
        switch element {
        case .object(let box as SymbolicTensorBox):
          guard box.trace === trace else {
            throw WaneError(name, "symbolic tensors of different functions do not mix")
          }
          return try trace.float(box.value)
        case .object(let box as TensorBox):
          return try trace.float(trace.value(of: .tensor(box.tensor)))
        case .integer(let number): return try trace.value(of: .scalar(.integer(number)))
        case .number(let number): return try trace.value(of: .scalar(.real(number)))
        default:
          throw context.argumentError(
            1, "list of tensors expected, got \(element.shortDescription) in it")
        }
      }
      let fields: [String: LuaValue] =
        context.isNumber(2) ? ["axis": .integer(try context.integer(2))] : [:]
      let options = try context.creationOptions(
        context.isNumber(2) ? 3 : 2, table.fields.merging(fields) { $1 })
      var type = trace.type(parts[0])
      if name == "stack" { type.dimensions.append(1) }
      let position = try options.integer("axis", default: 1)
      let axis = (position < 0 ? position + type.rank : position - 1) - (type.isBatched ? 1 : 0)
      guard type.dimensions.indices.contains(axis) else {
        throw WaneError(name, "there is no axis \(position) of a sample in \(type)")
      }
      return context.results(SymbolicTensorBox(trace, try body(parts, axis, trace)))
    }
  }
}

extension LuaTable {
  /// The elements that are symbolic tensors.
  var symbolicTensors: [SymbolicTensorBox] {
    elements.compactMap { element in
      if case .object(let object) = element { return object as? SymbolicTensorBox }
      return nil
    }
  }
}

extension Function {
  /// The function for a list of tensors, and for one in which there are symbolic ones.
  func orSymbolicList(_ functions: [Function]) -> Function {
    guard let other = functions.first(where: { $0.name == name }) else { return self }
    let (body, symbolic) = (body, other.body)
    return Function(
      name, summary, signature: signature, options: options, example: example
    ) { context in
      let isSymbolic =
        context.isTable(1) && !((try? context.table(1))?.symbolicTensors.isEmpty ?? true)
      return try isSymbolic ? symbolic(context) : body(context)
    }
  }
}
