import CConsole
import CLuaBridge
import WaneLua

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The interactive mode: read, evaluate, print, until the input ends.
struct Repl {
  private enum Line {
    case text(String)
    case end
    case interrupted
  }

  /// Whether a chunk can run, or needs more lines.
  private enum Compilation {
    case function
    case incomplete
    case failed(String)
  }

  let session: Session
  private let isTerminal = isatty(STDIN_FILENO) != 0
  private let historyPath: String?

  init(session: Session) {
    self.session = session
    historyPath = isTerminal ? HistoryFile.prepare() : nil
  }

  func run() {
    print(Banner.greeting)
    if isTerminal {
      wane_line_editor_start(completeForReadline)
      HistoryFile.load(historyPath)
    }
    Completer.current = Completer(session: session)
    defer { Completer.current = nil }
    loop: while true {
      switch readChunk() {
      case .end: break loop
      case .interrupted: continue
      case .text(let code): evaluate(code)
      }
    }
    print("")
    fflush(nil)
  }

  /// Reads lines until they make a whole statement or expression, and leaves the function that they
  /// compile to on the stack.
  ///
  /// `.text` is then the code; an error was reported if it is empty.
  private func readChunk() -> Line {
    var code = ""
    while true {
      Completer.current?.pending = code
      switch readLine(prompt: code.isEmpty ? prompt("_PROMPT", "> ") : prompt("_PROMPT2", ">> ")) {
      case .end:
        // Ctrl-D in an unfinished statement gives it up, as Ctrl-C does.
        if code.isEmpty || !isTerminal { return .end }
        print("")
        return .interrupted
      case .interrupted: return .interrupted
      case .text(let line):
        code += code.isEmpty ? line : "\n" + line
        if code.allSatisfy(\.isWhitespace) { return .interrupted }
        if case .incomplete = compile(code) { continue }
        HistoryFile.add(code, to: historyPath)
        return .text(code)
      }
    }
  }

  private func evaluate(_ code: String) {
    let base = lua_gettop(session.state)
    defer { lua_settop(session.state, base) }
    if case .failed(let message) = compile(code, keep: true) {
      report(message)
      return
    }
    do {
      try session.call(arguments: 0, results: LUA_MULTRET)
      let count = lua_gettop(session.state) - base
      if count > 0 { try session.printResults(count) }
    } catch {
      fflush(nil)
      report(error.message)
    }
    fflush(nil)
  }

  /// Compiles as an expression, then as statements.
  ///
  /// With `keep` the function stays on the stack.
  private func compile(_ code: String, keep: Bool = false) -> Compilation {
    var isIncomplete = false
    // The line feed ends a comment that would swallow what follows.
    for source in ["return \(code)\n", code] {
      let status = session.load(source, chunkName: "=stdin")
      if status == LUA_OK {
        if !keep { wane_lua_pop(session.state, 1) }
        return .function
      }
      let message = session.takeMessage()
      isIncomplete = isIncomplete || (status == LUA_ERRSYNTAX && message.hasSuffix("<eof>"))
      if source == code { return isIncomplete && !keep ? .incomplete : .failed(message) }
    }
    return .incomplete
  }

  private func report(_ message: String) {
    let text = ErrorReport.text(message, interactive: true)
    // The terminal has echoed ^C where the cursor was; the message starts a line of its own.
    if text.hasPrefix("interrupted"), Terminal.isCapable(2) {
      Terminal.write("\r\u{1B}[K", to: 2)
    }
    ErrorReport.write(Terminal.wantsColor(2) ? "\u{1B}[31m\(text)\u{1B}[0m" : text)
  }

  private func readLine(prompt: String) -> Line {
    guard isTerminal else {
      fflush(nil)
      Terminal.write(prompt, to: 1)
      return Swift.readLine(strippingNewline: true).map(Line.text) ?? .end
    }
    fflush(nil)
    var line: UnsafeMutablePointer<CChar>?
    switch wane_line_read(prompt, &line) {
    case WANE_LINE_INTERRUPTED: return .interrupted
    case WANE_LINE_READ:
      guard let line else { return .end }
      defer { free(line) }
      return .text(String(cString: line))
    default: return .end
    }
  }

  /// The prompt, or the global that replaces it, as in lua5.4.
  private func prompt(_ global: String, _ standard: String) -> String {
    guard LuaWalk(session.state).pushGlobal(global) else { return standard }
    defer { wane_lua_pop(session.state, 1) }
    guard lua_type(session.state, -1) == LUA_TSTRING,
      let text = lua_tolstring(session.state, -1, nil)
    else { return standard }
    return String(cString: text)
  }
}
