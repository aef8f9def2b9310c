import CConsole
import CLuaBridge
import WaneLua

/// A chunk that does not compile, or raised an error: the message with its traceback.
struct ScriptError: Error {
  let message: String
}

/// A Lua state with the standard libraries and `wane`.
///
/// Only Lua API that cannot raise is called from here; the rest is in CConsole, under protection.
final class Session {
  let state: OpaquePointer
  let registry: Registry
  private let scriptIndex: Int

  init?(registry: Registry, options: LaunchOptions) {
    guard let state = luaL_newstate() else { return nil }
    self.state = state
    self.registry = registry
    scriptIndex = min(options.scriptIndex, CommandLine.arguments.count)
    // Without a script, `arg[0]` is the program, as in lua5.4.
    let origin = scriptIndex < CommandLine.arguments.count ? scriptIndex : 0
    let status = wane_session_open(
      state, registry.module, CommandLine.argc, CommandLine.unsafeArgv, Int32(origin),
      options.ignoresEnvironment)
    guard status == LUA_OK else {
      ErrorReport.write("wane: \(takeMessage())")
      lua_close(state)
      return nil
    }
  }

  func close() { lua_close(state) }

  func turnWarningsOn() { lua_warning(state, "@on", 0) }

  /// Compiles and runs code, for its effects.
  func run(_ code: String, chunkName: String) throws(ScriptError) {
    try check(load(code, chunkName: chunkName))
    try call(arguments: 0, results: 0)
  }

  /// Runs a file, `-` for standard input.
  ///
  /// A script gets the arguments that follow its name.
  func runFile(_ path: String, script: Bool) throws(ScriptError) {
    let isOption = script && CommandLine.arguments[max(0, scriptIndex - 1)] == "--"
    // After `--`, a script called `-` is a file of that name.
    let path = path == "-" && isOption ? "./-" : path
    try check(wane_session_load_file(state, path))
    var count: Int32 = 0
    if script {
      let arguments = CommandLine.arguments[(scriptIndex + 1)...]
      guard lua_checkstack(state, Int32(clamping: arguments.count + 8)) != 0 else {
        throw ScriptError(message: "too many arguments to script")
      }
      // The table `arg` has them too; taking them from there needs no copy that could fail.
      count = pushScriptArguments(count: arguments.count)
    }
    try call(arguments: count, results: 0)
  }

  func require(_ module: String, as global: String?) throws(ScriptError) {
    let status =
      if let global {
        wane_session_require(state, module, global)
      } else {
        wane_session_require(state, module, nil)
      }
    try check(status)
  }

  /// Compiles code, leaving a function or a message on the stack.
  func load(_ code: String, chunkName: String) -> Int32 {
    var code = code
    return code.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        luaL_loadbufferx(state, characters.baseAddress, characters.count, chunkName, "t")
      }
    }
  }

  /// Calls the function on the stack.
  func call(arguments: Int32, results: Int32) throws(ScriptError) {
    try check(wane_session_call(state, arguments, results))
  }

  /// Prints the top values for a person.
  func printResults(_ count: Int32) throws(ScriptError) {
    let width = Int32(clamping: Terminal.width(1))
    try check(wane_session_print(state, count, width, Terminal.wantsColor(1)))
  }

  /// The message on top of the stack, removed.
  func takeMessage() -> String {
    defer { wane_lua_pop(state, 1) }
    guard lua_type(state, -1) == LUA_TSTRING, let text = lua_tolstring(state, -1, nil) else {
      return "not enough memory"
    }
    return String(cString: text)
  }

  private func check(_ status: Int32) throws(ScriptError) {
    if status != LUA_OK { throw ScriptError(message: takeMessage()) }
  }

  private func pushScriptArguments(count: Int) -> Int32 {
    guard count > 0, LuaWalk(state).pushGlobal("arg") else { return 0 }
    let table = lua_gettop(state)
    for index in 1...count { lua_rawgeti(state, table, lua_Integer(index)) }
    LuaWalk(state).remove(table)
    return Int32(count)
  }
}
