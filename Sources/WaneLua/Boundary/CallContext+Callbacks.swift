import CLuaBridge

/// What a call does after a callback: kept in a box on the Lua stack while Lua runs.
final class Continuation: LuaObject {
  let resume: (CallContext) throws -> CallContext.Outcome

  init(_ resume: @escaping (CallContext) throws -> CallContext.Outcome) {
    self.resume = resume
  }
}

extension CallContext {
  /// Calls a Lua function, then goes on with `next`, whose context has the function's results as
  /// its arguments 1, 2, and so on.
  ///
  /// No Swift frame stands on the stack meanwhile: the function may raise, yield and be
  /// interrupted, and its errors pass through with a whole traceback. When it raises, `next` is
  /// dropped and what it captured is released.
  ///
  ///     func epoch(_ context: CallContext) throws -> Outcome {
  ///       guard let loss = try trainer.runEpoch() else { return context.results(history) }
  ///       return context.call(hook, trainer.epoch, loss, then: epoch)
  ///     }
  package func call<each Value: LuaConvertible>(
    _ function: LuaFunction, _ arguments: repeat each Value,
    then next: @escaping (CallContext) throws -> Outcome
  ) -> Outcome {
    put(Continuation(next))
    wane_put_stack(call, function.stackIndex)
    call.pointee.results += 1
    repeat put(each arguments)
    return Outcome(WANE_CALL)
  }

  /// The same with a list of arguments whose number is known only now.
  package func call(
    _ function: LuaFunction, all arguments: [any LuaConvertible],
    then next: @escaping (CallContext) throws -> Outcome
  ) -> Outcome {
    put(Continuation(next))
    wane_put_stack(call, function.stackIndex)
    call.pointee.results += 1
    for argument in arguments { put(argument) }
    return Outcome(WANE_CALL)
  }

  /// Calls a Lua function now, from the middle of Swift code, as when a loss is traced.
  ///
  /// An error passes through when the thrown ``LuaError/callback`` does; the function cannot yield.
  package func callNow<each Value: LuaConvertible>(
    _ function: LuaFunction, _ arguments: repeat each Value
  ) throws -> [LuaValue] {
    var list: [any LuaConvertible] = []
    repeat list.append(each arguments)
    return try callNow(function, all: list)
  }

  /// Calls a Lua function now and reads its results as arguments 1, 2 and so on; the stack is then
  /// as before.
  ///
  /// An error passes through when the thrown ``LuaError/callback`` does, a message with the traceback
  /// of where it was raised; the function cannot yield.
  package func callNow<Result>(
    _ function: LuaFunction, all arguments: [any LuaConvertible],
    reading read: (CallContext) throws -> Result
  ) throws -> Result {
    wane_put_clear(call)
    wane_put_stack(call, function.stackIndex)
    call.pointee.results = 1
    for argument in arguments { put(argument) }
    let top = lua_gettop(state)
    // An error stays on the stack, to be raised again.
    guard wane_call_now_traced(call) == LUA_OK else { throw LuaError.callback }
    let (base, count) = (call.pointee.base, call.pointee.count)
    defer {
      (call.pointee.base, call.pointee.count) = (base, count)
      lua_settop(state, top)
    }
    (call.pointee.base, call.pointee.count) = (top, lua_gettop(state) - top)
    return try read(self)
  }

  /// The same with a list of arguments.
  package func callNow(
    _ function: LuaFunction, all arguments: [any LuaConvertible]
  ) throws -> [LuaValue] {
    wane_put_clear(call)
    wane_put_stack(call, function.stackIndex)
    call.pointee.results = 1
    for argument in arguments { put(argument) }
    let top = lua_gettop(state)
    let status = wane_call_now(call)
    guard status == LUA_OK else { throw LuaError.callback }
    do {
      let last = lua_gettop(state)
      return try (top..<last).map { try LuaReader(self).value(at: $0 + 1) }
    } catch let error as LuaReader.Failure {
      let name = self.function.name
      throw LuaError.message("bad result of a callback of '\(name)' (\(error.message))")
    }
  }
}
