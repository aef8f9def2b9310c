import CLuaBridge

/// A Lua value that an object of ours keeps alive beyond a call, such as the function of a layer.
///
/// Used and let go on the thread of its Lua state: only objects that Lua holds may have one.
final class KeptValue: @unchecked Sendable {
  private let reference: Int32
  private let state: UnsafeMutablePointer<wane_state>

  fileprivate init(_ reference: Int32, _ state: UnsafeMutablePointer<wane_state>) {
    self.reference = reference
    self.state = state
  }

  deinit { wane_release_kept(state, reference) }

  /// Brings the value back in a later call.
  ///
  /// - Returns: where it stands on the stack; nil in another Lua state, or when there is no room.
  func push(_ context: CallContext) -> LuaFunction? {
    guard context.call.pointee.state == state, wane_push_kept(context.call, reference) else {
      return nil
    }
    return LuaFunction(stackIndex: lua_gettop(context.state))
  }

  /// The same where there must be one.
  ///
  /// - Throws: when there is none.
  func place(_ context: CallContext) throws -> LuaFunction {
    guard let place = push(context) else {
      throw LuaError.message("the function belongs to another Lua state, or memory is short")
    }
    return place
  }
}

extension CallContext {
  /// Keeps an argument, or a value met inside one.
  ///
  /// - Throws: when memory is short.
  func keep(_ value: LuaFunction) throws -> KeptValue {
    let reference = wane_keep(call, value.stackIndex)
    guard reference != LUA_NOREF, let state = call.pointee.state else {
      throw LuaError.message("not enough memory")
    }
    return KeptValue(reference, state)
  }
}
