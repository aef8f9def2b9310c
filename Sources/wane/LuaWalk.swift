import CLuaBridge

/// Looks around in a Lua state with API that neither raises nor allocates: keys are found by walking
/// tables, and no metamethod runs.
struct LuaWalk {
  let state: OpaquePointer

  init(_ state: OpaquePointer) { self.state = state }

  /// Pushes the global of that name.
  ///
  /// Pushes nothing if there is none.
  func pushGlobal(_ name: String) -> Bool {
    guard lua_checkstack(state, 8) != 0 else { return false }
    lua_rawgeti(state, wane_lua_registry_index(), lua_Integer(LUA_RIDX_GLOBALS))
    let globals = lua_gettop(state)
    let found = pushField(name, of: globals)
    remove(globals)
    return found
  }

  /// Pushes the field of a table, or of what its metatable's `__index` chain says.
  func pushField(_ name: String, of index: Int32) -> Bool {
    let top = lua_gettop(state)
    var found: Int32?
    forEachTable(index) { table in
      guard found == nil else { return }
      forEachField(table) { key, value in
        if found == nil, key == name {
          lua_pushvalue(state, value)
          found = lua_gettop(state)
        }
        return found == nil
      }
    }
    guard let found else {
      lua_settop(state, top)
      return false
    }
    lua_copy(state, found, top + 1)
    lua_settop(state, top + 1)
    return true
  }

  /// Calls `body` with the stack index of each table that a look-up in the value at `index` may ask.
  func forEachTable(_ index: Int32, _ body: (Int32) -> Void) {
    var index = lua_absindex(state, index)
    for _ in 0..<16 {
      guard lua_checkstack(state, 8) != 0 else { return }
      if lua_type(state, index) == LUA_TTABLE { body(index) }
      guard lua_getmetatable(state, index) != 0 else { return }
      let metatable = lua_gettop(state)
      var next: Int32?
      forEachField(metatable) { key, value in
        guard key == "__index" else { return true }
        lua_pushvalue(state, value)
        next = lua_gettop(state)
        return false
      }
      guard let next, lua_type(state, next) == LUA_TTABLE else { return }
      index = next
    }
  }

  /// Calls `body` with each string key of a table and the stack index of its value, until it
  /// returns false.
  ///
  /// What `body` pushes stays when it stops the walk.
  func forEachField(_ table: Int32, _ body: (String, Int32) -> Bool) {
    guard lua_checkstack(state, 8) != 0 else { return }
    lua_pushnil(state)
    while lua_next(state, table) != 0 {
      let value = lua_gettop(state)
      if lua_type(state, value - 1) == LUA_TSTRING, let key = lua_tolstring(state, value - 1, nil) {
        if !body(String(cString: key), value) { return }
      }
      lua_settop(state, value - 1)
    }
  }

  /// Removes one stack slot.
  func remove(_ index: Int32) {
    lua_rotate(state, index, -1)
    wane_lua_pop(state, 1)
  }
}
