import CLuaBridge

/// Nested lists of numbers, such as `{{1, 2}, {3, 4}}`, flattened in row-major order.
package struct NestedNumbers {
  /// Lengths from the outermost list in; empty for a single number.
  package var shape: [Int] = []
  package var values: [Double] = []
  /// Whether every number is an integer in Lua.
  package var areIntegers = true
  /// Whether all are integers that labels may be: a list of other integers is refused as it is, not
  /// taken for targets.
  package var areClasses: Bool {
    areIntegers && (shape.count == 1 || values.allSatisfy { Int32(exactly: $0) != nil })
  }
}

extension LuaReader {
  private static var deepestList: Int { 16 }
  private static var mostNumbers: Int { 1 << 28 }

  /// The number or nested lists at a stack index.
  ///
  /// Throws when lists of one level differ in length, and for anything that is not a number.
  func numbers(at index: Int32) throws -> NestedNumbers {
    let state = state
    var result = NestedNumbers()
    let index = lua_absindex(state, index)
    guard lua_checkstack(state, Int32(Self.deepestList + 4)) != 0 else {
      throw Failure(message: "lists are nested too deeply")
    }
    let top = lua_gettop(state)
    // The first element of each level says how long the lists of that level must be.
    var level = index
    while lua_type(state, level) == LUA_TTABLE {
      guard result.shape.count < Self.deepestList else {
        throw Failure(message: "lists are nested more than \(Self.deepestList) deep")
      }
      result.shape.append(Int(lua_rawlen(state, level)))
      lua_rawgeti(state, level, 1)
      level = lua_gettop(state)
    }
    lua_settop(state, top)
    var total = 1
    for length in result.shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: length)
      guard !overflow, product <= Self.mostNumbers else {
        throw Failure(message: "more than \(Self.mostNumbers) numbers")
      }
      total = product
    }
    try collect(index, depth: 0, into: &result)
    return result
  }

  private func collect(_ index: Int32, depth: Int, into result: inout NestedNumbers) throws {
    let state = state
    guard depth < result.shape.count else {
      guard lua_type(state, index) == LUA_TNUMBER else {
        throw Failure(message: "number expected, got \(typeName(at: index))")
      }
      if lua_isinteger(state, index) == 0 { result.areIntegers = false }
      result.values.append(lua_tonumberx(state, index, nil))
      return
    }
    guard lua_type(state, index) == LUA_TTABLE else {
      throw Failure(message: "list expected, got \(typeName(at: index))")
    }
    let length = Int(lua_rawlen(state, index))
    guard length == result.shape[depth] else {
      let lengths = "\(result.shape[depth]) and \(length)"
      throw Failure(message: "lists differ in length: \(lengths) at depth \(depth + 1)")
    }
    for position in 0..<length {
      lua_rawgeti(state, index, lua_Integer(position + 1))
      try collect(lua_gettop(state), depth: depth + 1, into: &result)
      wane_lua_pop(state, 1)
    }
  }
}
