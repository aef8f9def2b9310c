import WaneTensor

/// How a function that Lua called fails.
///
/// Any other error works too: its description is the message.
package enum LuaError: Error {
  /// Raised with the position of the caller in front.
  case message(String)
  /// Raised as `bad argument #index to 'name' (message)`.
  case argument(Int, String)
  /// Raises the value that a protected callback left on top of the stack, as it is.
  case callback
  /// Raised as it is; what Ctrl-C leaves behind, like `interrupted: model keeps the weights of step 7`.
  case interrupted(String)

  /// The form in which Lua shall see an error of the engine.
  init(_ error: any Error) {
    switch error {
    case let error as LuaError: self = error
    case let error as WaneError where error.kind == .interrupted:
      let message = error.description
      self = .interrupted(message.hasPrefix("interrupted") ? message : "interrupted: \(message)")
    default: self = .message(String(describing: error))
    }
  }
}
