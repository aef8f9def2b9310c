import CLuaBridge
import WaneNN
import WaneTensor

/// The tensors of several inputs or outputs, in order or by name.
struct Columns {
  var tensors: [Tensor]
  /// Empty where they came in order.
  var names: [String] = []

  /// What a script is handed: the only tensor itself, several in a table of the same form.
  static func luaValue(_ tensors: [Tensor], names: [String]) -> LuaValue {
    let boxes = tensors.map { LuaValue.object(TensorBox($0)) }
    guard names.isEmpty else {
      return .table(
        LuaTable(fields: Dictionary(zip(names, boxes)) { first, _ in first }))
    }
    return boxes.count == 1 ? boxes[0] : .table(LuaTable(boxes))
  }
}

extension CallContext {
  /// Whether an argument is a table of tensors, or of anything by name, rather than a list of
  /// numbers.
  func holdsColumns(_ index: Int) -> Bool {
    guard isTable(index), lua_checkstack(state, 3) != 0 else { return false }
    let top = lua_gettop(state)
    defer { lua_settop(state, top) }
    lua_pushnil(state)
    guard lua_next(state, stackIndex(index)) != 0 else { return false }
    return lua_type(state, -2) == LUA_TSTRING || lua_type(state, -1) == LUA_TUSERDATA
  }

  /// The tensors of a table, each made of what stands there; nil where the argument is no such
  /// table.
  func columns(_ index: Int, _ read: (Tensor, LuaValue) throws -> Tensor) throws -> Columns? {
    guard holdsColumns(index) else { return nil }
    let table = try table(index)
    guard table.elements.isEmpty || table.fields.isEmpty else {
      throw argumentError(index, "tensors in a list or by name expected, got both")
    }
    let names = table.fields.keys.sorted()
    let values = table.elements + names.map { table[$0] }
    let tensors = try values.map { value -> Tensor in
      guard let tensor = try Tensor(value, for: function.name) else {
        throw argumentError(index, "Tensors expected, got \(value.shortDescription) in it")
      }
      return try read(tensor, value)
    }
    return Columns(tensors: tensors, names: names)
  }

  /// What the inputs of a model are fed: a tensor or nested lists, or a table of tensors.
  func sampleColumns(_ index: Int) throws -> Columns {
    try columns(index) { tensor, _ in try tensor.asSamples() }
      ?? Columns(tensors: [numbersOrTensor(index).asSamples()])
  }

  /// The labels of the outputs of a model: as for `labels`, or a table of tensors.
  func labelColumns(_ index: Int) throws -> Columns {
    try columns(index) { tensor, value in
      try value.areWhole ? tensor.converted(to: .i32) : tensor.asLabels()
    } ?? Columns(tensors: [labels(index)])
  }
}

extension LuaValue {
  /// Whether it is a list of integers, or lists of them.
  var areWhole: Bool {
    guard case .table(let table) = self else { return false }
    return table.elements.allSatisfy { element in
      if case .integer(let number) = element { return Int32(exactly: number) != nil }
      return element.areWhole
    }
  }

  /// The numbers of nested lists, row-major; nil when there is anything else in them.
  fileprivate func appendNumbers(
    to numbers: inout [Double], _ extents: inout [Int], depth: Int = 0
  ) -> Bool {
    switch self {
    case .integer(let value): numbers.append(Double(value))
    case .number(let value): numbers.append(value)
    case .boolean(let value): numbers.append(value ? 1 : 0)
    case .table(let table):
      guard table.fields.isEmpty else { return false }
      if depth == extents.count, numbers.isEmpty { extents.append(table.elements.count) }
      guard extents.indices.contains(depth), extents[depth] == table.elements.count else {
        return false
      }
      return table.elements.allSatisfy {
        $0.appendNumbers(to: &numbers, &extents, depth: depth + 1)
      }
    default: return false
    }
    return depth == extents.count
  }
}

extension Tensor {
  /// A tensor, or the numbers of nested lists as f32; nil for anything else.
  fileprivate init?(_ value: LuaValue, for operation: String) throws {
    if case .object(let box as TensorBox) = value {
      self = box.tensor
      return
    }
    var (numbers, extents) = ([Double](), [Int]())
    guard value.appendNumbers(to: &numbers, &extents) else { return nil }
    self = try Tensor(values: numbers, Shape(extents), .f32, for: operation)
  }
}
