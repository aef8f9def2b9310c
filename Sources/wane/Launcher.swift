import CConsole
import CLuaBridge
import WaneLua

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The program: command line, environment, script, and the interactive mode, in the order of `lua5.4`.
enum Launcher {
  /// Runs everything; returns the exit code.
  static func run() -> Int32 {
    let options: LaunchOptions
    do {
      options = try LaunchOptions(CommandLine.arguments)
    } catch {
      complain(about: error)
      return EXIT_FAILURE
    }
    if options.showsVersion, !options.isInteractive { print(Banner.version) }
    guard let session = Session(registry: .wane, options: options) else {
      ErrorReport.write("wane: cannot create state: not enough memory")
      return EXIT_FAILURE
    }
    wane_session_handle_interrupts()
    let succeeded = run(options, in: session)
    session.close()
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE
  }

  private static func run(_ options: LaunchOptions, in session: Session) -> Bool {
    let hasScript = options.scriptIndex < CommandLine.arguments.count
    do {
      if !options.ignoresEnvironment { try runInitialization(in: session) }
      for action in options.actions { try run(action, in: session) }
      if hasScript { try session.runFile(CommandLine.arguments[options.scriptIndex], script: true) }
      if options.isInteractive {
        Repl(session: session).run()
      } else if !hasScript, !options.executes, !options.showsVersion {
        if isatty(STDIN_FILENO) != 0 {
          Repl(session: session).run()
        } else {
          try session.runFile("-", script: false)
        }
      }
      return true
    } catch {
      ErrorReport.write("wane: \(ErrorReport.text(error.message))")
      return false
    }
  }

  private static func run(_ action: LaunchOptions.Action, in session: Session) throws(ScriptError) {
    switch action {
    case .execute(let code): try session.run(code, chunkName: "=(command line)")
    case .require(let module, let global): try session.require(module, as: global)
    case .warnings: session.turnWarningsOn()
    }
  }

  /// `LUA_INIT_5_4`, or else `LUA_INIT`: code, or `@file`.
  private static func runInitialization(in session: Session) throws(ScriptError) {
    for name in ["LUA_INIT_5_4", "LUA_INIT"] {
      guard let value = Terminal.environment(name) else { continue }
      if value.hasPrefix("@") {
        try session.runFile(String(value.dropFirst()), script: false)
      } else {
        try session.run(value, chunkName: "=\(name)")
      }
      return
    }
  }

  private static func complain(about error: any Error) {
    switch error {
    case LaunchOptions.ParseError.unrecognized(let option):
      ErrorReport.write("wane: unrecognized option '\(option)'")
    case LaunchOptions.ParseError.missingArgument(let option):
      ErrorReport.write("wane: '\(option)' needs argument")
    default: ErrorReport.write("wane: \(error)")
    }
    ErrorReport.write(LaunchOptions.usage)
  }
}
