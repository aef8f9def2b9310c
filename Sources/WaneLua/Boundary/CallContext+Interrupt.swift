import CLuaBridge

extension CallContext {
  /// Whether the user asked to stop this call, by Ctrl-C in `wane` or in stock `lua5.4`.
  ///
  /// Cheap enough to ask once a batch. Ask on the thread of the call.
  package var isInterrupted: Bool { wane_interrupted(call) }

  /// Throws if the user asked to stop.
  ///
  /// `state` says what is left, as in `model keeps the weights of step 1342`.
  package func checkInterrupt(_ state: @autoclosure () -> String = "") throws {
    guard isInterrupted else { return }
    let state = state()
    throw LuaError.interrupted(state.isEmpty ? "interrupted" : "interrupted: \(state)")
  }

  /// Takes note that the user's wish was heeded, where a call ends with results and not with an error.
  package func serveInterrupt() { wane_interrupt_served(call) }

  /// ``isInterrupted`` as a closure for the engine, which knows no Lua.
  ///
  /// Valid during the call.
  package var interruptCheck: () -> Bool {
    let call = call
    return { wane_interrupted(call) }
  }
}
