/// The command line, with the meaning it has to `lua5.4`.
struct LaunchOptions {
  /// What `-e`, `-l` and `-W` ask for, in their order.
  enum Action: Equatable {
    case execute(String)
    case require(module: String, global: String?)
    case warnings
  }

  enum ParseError: Error, Equatable {
    case unrecognized(String)
    case missingArgument(String)
  }

  static let usage = """
    usage: wane [options] [script [args]]
    Available options are:
      -e stat   execute string 'stat'
      -i        enter interactive mode after executing 'script'
      -l mod    require library 'mod' into global 'mod'
      -l g=mod  require library 'mod' into global 'g'
      -v        show version information
      -E        ignore environment variables
      -W        turn warnings on
      --        stop handling options
      -         stop handling options and execute stdin
    """

  var actions: [Action] = []
  var isInteractive = false
  var showsVersion = false
  var ignoresEnvironment = false
  /// The place of the script in the arguments, or their count if there is none.
  var scriptIndex = 0

  var executes: Bool {
    actions.contains { if case .execute = $0 { true } else { false } }
  }

  /// Reads the arguments; the first is the program's name.
  init(_ arguments: [String]) throws {
    var index = 1
    loop: while index < arguments.count {
      let argument = arguments[index]
      guard argument.hasPrefix("-"), argument != "-" else { break }
      switch argument {
      case "--":
        index += 1
        break loop
      case "-E": ignoresEnvironment = true
      case "-W": actions.append(.warnings)
      case "-v": showsVersion = true
      case "-i":
        isInteractive = true
        showsVersion = true
      default:
        let kind = argument.prefix(2)
        guard kind == "-e" || kind == "-l" else { throw ParseError.unrecognized(argument) }
        var value = String(argument.dropFirst(2))
        if value.isEmpty {
          index += 1
          guard index < arguments.count, !arguments[index].hasPrefix("-") else {
            throw ParseError.missingArgument(argument)
          }
          value = arguments[index]
        }
        actions.append(kind == "-e" ? .execute(value) : Self.require(value))
      }
      index += 1
    }
    scriptIndex = index
  }

  private static func require(_ text: String) -> Action {
    guard let equals = text.firstIndex(of: "=") else { return .require(module: text, global: nil) }
    return .require(
      module: String(text[text.index(after: equals)...]), global: String(text[..<equals]))
  }
}
