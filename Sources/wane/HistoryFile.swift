import CConsole
import WaneLua

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where the history of interactive sessions is kept: `WANE_HISTORY`, else
/// `$XDG_STATE_HOME/wane/history`, else `~/.local/state/wane/history`.
///
/// An empty `WANE_HISTORY` keeps none.
enum HistoryFile {
  private static let entryLimit: Int32 = 2000

  /// The file, in a directory that exists; nil when there is none to use.
  static func prepare() -> String? {
    if let path = Terminal.environment("WANE_HISTORY") { return path.isEmpty ? nil : path }
    let base: String
    if let state = Terminal.environment("XDG_STATE_HOME"), state.hasPrefix("/") {
      base = state
    } else if let home = Terminal.environment("HOME"), !home.isEmpty {
      base = home + "/.local/state"
    } else {
      return nil
    }
    let directory = base + "/wane"
    return makeDirectories(directory) ? directory + "/history" : nil
  }

  static func load(_ path: String?) { wane_history_load(path, entryLimit) }

  static func add(_ entry: String, to path: String?) { wane_history_add(entry, path) }

  private static func makeDirectories(_ path: String) -> Bool {
    var partial = ""
    for part in path.split(separator: "/") {
      partial += "/\(part)"
      if mkdir(partial, 0o700) != 0, errno != EEXIST { return false }
    }
    return true
  }
}
