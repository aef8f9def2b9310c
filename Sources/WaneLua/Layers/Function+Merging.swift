import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The layers that take several values, besides `nn.add`, and those that move elements about.
  static let mergings: [Function] =
    Merging.allCases.map(merge) + [
      concat, permute, border(.pad, rank: 2), border(.pad, rank: 1), border(.crop, rank: 2),
      border(.crop, rank: 1),
    ]

  private static func merge(_ merging: Merging) -> Function {
    let what =
      switch merging {
      case .subtract: "difference of two symbolic values"
      case .multiply: "product of symbolic values"
      case .average: "mean of symbolic values"
      case .maximum: "maximum of symbolic values"
      case .minimum: "minimum of symbolic values"
      }
    let name = merging.rawValue
    return Function(
      name, "The \(what), broadcast; with none, a layer to be called with them.",
      signature: merging == .subtract
        ? "subtract { x, y } -> symbolic value" : "\(name) { x, y, ... } -> symbolic value",
      options: [.layerName], example: "y = wane.nn.\(name) { x, y }"
    ) { context in
      try context.merging { MergeLayer(merging, name: try $0.string("name")) }
    }
  }

  private static let concat = Function(
    "concat", "Symbolic values one after the other; with none, a layer to be called with them.",
    signature: "concat { x, y, ... } -> symbolic value",
    options: [
      Option(
        "axis", "integer", default: "-1",
        "along which axis, the batch counting as 1; negative from the end"),
      .layerName,
    ],
    example: "y = wane.nn.concat { x, y, axis = -1 }"
  ) { context in
    try context.merging { options in
      let axis = try options.integer("axis", default: -1)
      guard (2...1024).contains(axis) || (-1024 ... -1).contains(axis) else {
        throw options.bad("axis", "an axis of a sample expected, from 2 or -1, got \(axis)")
      }
      return ConcatLayer(axis: axis < 0 ? axis : axis - 2, name: try options.string("name"))
    }
  }

  private static let permute = Function(
    "permute", "The axes of a sample in another order; the first behind the batch is 1.",
    signature: "permute { axes... } -> Layer", options: [.layerName],
    example: "wane.nn.permute { 2, 1 }"
  ) { context in
    let table = try context.table(1)
    let options = try Options(
      LuaTable(fields: table.fields), of: "permute", context.function.options)
    let order = try table.elements.map { element in
      guard case .integer(let axis) = element, axis >= 1, axis <= table.elements.count else {
        throw context.argumentError(
          1, "the numbers 1 to \(table.elements.count) expected, got \(element.shortDescription)")
      }
      return axis - 1
    }
    return context.results(LayerBox(PermuteLayer(order, name: try options.string("name"))))
  }

  private static func border(_ change: BorderLayer.Change, rank: Int) -> Function {
    let option = change == .pad ? "padding" : "cropping"
    let name = "\(change.rawValue)\(rank)d"
    let what = rank == 2 ? "images" : "sequences"
    return Function(
      name, change == .pad ? "Zeros around \(what)." : "\(what.capitalizedASCII) without borders.",
      signature: "\(name) { \(option) } -> Layer",
      options: [
        Option(
          option, rank == 2 ? "integer, pair, or pair of pairs" : "integer or pair", default: "1",
          at: 1,
          rank == 2
            ? "n; or { height, width }; or { { top, bottom }, { left, right } }"
            : "n; or { before, after }"),
        .layerName,
      ],
      example: rank == 2
        ? "wane.nn.\(name) { { { 0, 1 }, { 2, 3 } } }" : "wane.nn.\(name) { { 0, 1 } }"
    ) { context in
      let options = try context.options(1)
      let widths = try options.borders(option, rank: rank)
      return context.results(
        LayerBox(
          try BorderLayer(
            change, before: widths.map(\.before), after: widths.map(\.after),
            name: options.string("name"))))
    }
  }
}

extension CallContext {
  /// A layer applied to the symbolic values in the table that is the argument, or itself when there are
  /// none.
  fileprivate func merging(_ make: (Options) throws -> any Layer) throws -> Outcome {
    let table = isNone(1) ? LuaTable() : try table(1)
    let options = try Options(LuaTable(fields: table.fields), of: function.name, function.options)
    let layer = try make(options)
    guard !table.elements.isEmpty else { return results(LayerBox(layer)) }
    guard let symbols = LuaTable(table.elements).symbols else {
      throw argumentError(1, "a list of symbolic values expected")
    }
    return results(SymbolBox(try SymbolicValue(layer, symbols, identity: LayerIdentity())))
  }
}

extension Options {
  /// The widths of borders: one for all, one for each axis of two, or before and after for each.
  fileprivate func borders(_ name: String, rank: Int) throws -> [(before: Int, after: Int)] {
    func width(_ value: LuaValue) throws -> Int {
      guard case .integer(let width) = value, width >= 0 else {
        throw bad(name, "whole numbers of at least 0 expected, got \(value.shortDescription)")
      }
      return width
    }
    func pair(_ value: LuaValue) throws -> (before: Int, after: Int) {
      guard case .table(let table) = value else { return (try width(value), try width(value)) }
      guard table.fields.isEmpty, table.elements.count == 2 else {
        throw bad(name, "two numbers expected for the two sides")
      }
      return (try width(table.elements[0]), try width(table.elements[1]))
    }
    guard let value = value(name) else { return Array(repeating: (1, 1), count: rank) }
    guard rank == 2, case .table(let table) = value else {
      return Array(repeating: try pair(value), count: rank)
    }
    guard table.fields.isEmpty, table.elements.count == 2 else {
      throw bad(name, "a number or two expected, for height and width")
    }
    return try table.elements.map(pair)
  }
}

extension String {
  /// The text with its first letter in upper case.
  fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
