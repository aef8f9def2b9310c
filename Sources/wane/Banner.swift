import CLuaBridge
import WaneLua

/// What the program says about itself.
enum Banner {
  /// `wane 0.1 · Lua 5.4`.
  static var version: String {
    "wane \(Registry.wane.version) · Lua \(LUA_VERSION_MAJOR).\(LUA_VERSION_MINOR)"
  }

  /// The first line of an interactive session.
  static var greeting: String {
    let hardware = Registry.wane.hardware()
    let parts = [version] + (hardware.isEmpty ? [] : [hardware])
    return (parts + ["help() for help, Ctrl-D to leave"]).joined(separator: " · ")
  }
}
