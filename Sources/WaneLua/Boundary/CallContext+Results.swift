import CLuaBridge

extension CallContext {
  /// Ends the function with these results, none or several.
  package func results<each Value: LuaConvertible>(_ values: repeat each Value) -> Outcome {
    repeat put(each values)
    return Outcome(WANE_OK)
  }

  /// Ends the function with a list of results whose number is known only now.
  package func results(all values: [LuaValue]) -> Outcome {
    for value in values { put(value) }
    return Outcome(WANE_OK)
  }

  /// Ends the function with an object whose box keeps Lua functions alive.
  ///
  /// ``held(by:_:)`` gets them back in a later call.
  package func results(_ object: some LuaObject, holding functions: [LuaFunction]) -> Outcome {
    writer.write(object, holding: functions.count)
    for function in functions { wane_put_stack(call, function.stackIndex) }
    call.pointee.results += 1
    return Outcome(WANE_OK)
  }

  /// Ends the function with one of its arguments, the same value: `t:add_(1)` returns `t`.
  package func results(argument index: Int) -> Outcome {
    guard index >= 1, index <= count else { return results(LuaValue.none) }
    wane_put_stack(call, stackIndex(index))
    call.pointee.results += 1
    return Outcome(WANE_OK)
  }

  /// Function number `index` of those that the box of argument `object` holds.
  package func held(by object: Int, _ index: Int = 1) -> LuaFunction? {
    guard lua_type(state, stackIndex(object)) == LUA_TUSERDATA, lua_checkstack(state, 4) != 0
    else { return nil }
    let type = lua_getiuservalue(state, stackIndex(object), Int32(clamping: index))
    guard type == LUA_TFUNCTION || type == LUA_TUSERDATA else { return nil }
    return LuaFunction(stackIndex: lua_gettop(state))
  }

  /// The function that an object holds which is a field of a table argument.
  package func held(byField name: String, of table: Int) -> LuaFunction? {
    guard lua_type(state, stackIndex(table)) == LUA_TTABLE, lua_checkstack(state, 6) != 0 else {
      return nil
    }
    let top = lua_gettop(state)
    lua_pushnil(state)
    while lua_next(state, stackIndex(table)) != 0 {
      if lua_type(state, -2) == LUA_TSTRING,
        case .string(name) = LuaReader(self).string(at: lua_absindex(state, -2)),
        lua_type(state, -1) == LUA_TUSERDATA
      {
        // What lies below stays with it until the call ends.
        if lua_getiuservalue(state, -1, 1) == LUA_TFUNCTION {
          return LuaFunction(stackIndex: lua_gettop(state))
        }
        break
      }
      wane_lua_pop(state, 1)
    }
    lua_settop(state, top)
    return nil
  }

  /// Tells Lua's collector about bytes that this call allocated outside Lua and that live as long
  /// as an object of its.
  ///
  /// Tensor storage does so by itself.
  package func allocated(bytes: Int) {
    wane_allocated(call, Int64(bytes))
  }

  func put(_ value: some LuaConvertible) {
    value.write(to: writer)
    call.pointee.results += 1
  }

  /// The closure of another member of the registry, and what follows.
  func results(member: UInt32, _ values: LuaConvertible...) -> Outcome {
    wane_put_member(call, member)
    call.pointee.results += 1
    for value in values { put(value) }
    return Outcome(WANE_OK)
  }

  /// One result, then those of another function's body.
  func results(_ first: String, then body: Function.Body) throws -> Outcome {
    put(first)
    return try body(self)
  }
}
