import CLuaBridge
import WaneTensor

extension Option {
  static let dtype = Option(
    "dtype", "string", default: "\"f32\"", "f32, i32, u8, i8, bool, f16 or bf16")
  static let randomSeed = Option(
    "seed", "integer", default: "the next of wane.seed", "the same seed gives the same numbers")
}

extension Options {
  /// The type that the option `dtype` names.
  func dtype(default value: DType) throws -> DType {
    try string("dtype").map { try DType.named($0, operation: functionName) } ?? value
  }

  /// The seed of a random tensor; nil for the generator of the process.
  func randomSeed() throws -> UInt64? {
    try integer("seed").map { UInt64(bitPattern: Int64($0)) }
  }
}

/// How functions that make tensors read their arguments. Options may stand in a table after the
/// others, or inside the first table: `wane.zeros({ 2, 3 }, { dtype = "u8" })`,
/// `wane.zeros { 2, 3, dtype = "u8" }`. A string there is the type.
extension CallContext {
  /// A shape, as a table or as whole numbers, and options.
  func shapeAndOptions() throws -> (shape: Shape, options: Options) {
    if isTable(1) {
      let table = try table(1)
      let extents = try Self.integers(table.elements) { argumentError(1, $0) }
      return (try shape(extents), try creationOptions(2, table.fields))
    }
    guard isNumber(1) else { throw expected("shape", 1) }
    let extents = try integers(from: 1)
    return (try shape(extents), try creationOptions(1 + extents.count))
  }

  /// A shape that is one argument, a table or a whole number.
  func shape(_ index: Int) throws -> Shape {
    try shape(try isTable(index) ? integers(from: index) : [integer(index)])
  }

  private func shape(_ extents: [Int]) throws -> Shape {
    do {
      return try Shape(extents).bounded(for: function.name)
    } catch let error as WaneError {
      throw WaneError(function.name, error.message)
    }
  }

  /// Options at `index`, together with those that stood elsewhere.
  func creationOptions(
    _ index: Int, _ fields: [String: LuaValue] = [:]
  ) throws -> Options {
    var fields = fields
    if isString(index) {
      fields["dtype"] = .string(try string(index))
    } else if !isNone(index) {
      guard isTable(index) else { throw expected("table of options or dtype", index) }
      let table = try table(index)
      guard table.elements.isEmpty else { throw argumentError(index, "options have names") }
      fields.merge(table.fields) { _, last in last }
    }
    return try Options(LuaTable(fields: fields), of: function.name, function.options)
  }

  /// What stands beside the elements of the list at `index`: `dtype` in `{ 1, 2, dtype = "u8" }`.
  func fields(ofList index: Int) throws -> [String: LuaValue] {
    guard isTable(index) else { return [:] }
    let place = stackIndex(index)
    let top = lua_gettop(state)
    defer { lua_settop(state, top) }
    var fields: [String: LuaValue] = [:]
    // Elements come first in a walk, so it starts at the last of them.
    let length = lua_rawlen(state, place)
    if length > 0 { lua_pushinteger(state, lua_Integer(length)) } else { lua_pushnil(state) }
    while lua_next(state, place) != 0 {
      if lua_type(state, -2) == LUA_TSTRING {
        guard case .string(let name) = LuaReader(self).string(at: top + 1),
          let value = try? LuaReader(self).value(at: top + 2)
        else { throw argumentError(index, "a list of numbers and options expected") }
        fields[name] = value
      }
      lua_settop(state, top + 1)
    }
    return fields
  }
}
