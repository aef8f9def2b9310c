import CLuaBridge

/// One call from Lua: its arguments, and what is given back.
///
/// A function reads arguments with the readers, does its work, and ends with `results` or `call`. It
/// may throw anywhere. Only Lua API that cannot raise is used while Swift runs; the trampoline pushes
/// results and raises errors later. A context is valid during the call only: do not keep it.
package struct CallContext {
  /// The end of a function: proof that it said what happens next.
  package struct Outcome {
    let status: Int32

    init(_ status: wane_status) { self.status = Int32(status.rawValue) }
  }

  let call: UnsafeMutablePointer<wane_call>
  let registry: Registry

  var state: OpaquePointer { call.pointee.L }
  var writer: LuaWriter { LuaWriter(call: call, registry: registry) }

  /// The running function.
  package var function: Function { registry.members[Int(call.pointee.member)].function }

  /// How many arguments there are.
  package var count: Int { Int(call.pointee.count) }

  /// The stack index of argument number `index`.
  func stackIndex(_ index: Int) -> Int32 { call.pointee.base + Int32(clamping: index) }

  /// Whether these are the results of a callback and not the arguments of the function.
  var isContinuation: Bool { call.pointee.base > 0 }

  /// An error about argument number `index`, as Lua words it.
  package func argumentError(_ index: Int, _ message: String) -> LuaError {
    isContinuation
      ? .message("bad result #\(index) of a callback of '\(function.name)' (\(message))")
      : .argument(index, message)
  }

  /// Writes an error down for the trampoline.
  func fail(_ error: LuaError) -> Int32 {
    if case .callback = error { return Int32(WANE_RERAISE.rawValue) }
    wane_put_clear(call)
    call.pointee.results = 1
    switch error {
    case .message(let message):
      writer.write(message)
      return Int32(WANE_ERROR.rawValue)
    case .argument(let index, let message):
      call.pointee.argument = Int32(clamping: index)
      writer.write(message)
      return Int32(WANE_ARGUMENT_ERROR.rawValue)
    case .interrupted(let message):
      writer.write(message)
      return Int32(WANE_INTERRUPTED.rawValue)
    case .callback:
      return Int32(WANE_RERAISE.rawValue)
    }
  }
}
