/// What stands at the cursor of an unfinished piece of Lua: which kind of name can follow.
struct CompletionContext: Equatable {
  /// A path such as `model:fit` or `wane.nn.dense`; empty for none.
  struct Path: Equatable {
    var names: [String] = []
    /// What stands before the last name, or after it if the path goes on: `.` or `:`.
    var separator: Character?
  }

  /// An open bracket, and what it belongs to.
  struct Frame: Equatable {
    let bracket: Character
    /// The function being called, if the bracket opens its arguments.
    let callee: Path
    /// Names that were arguments so far: `wane.prune(model, {` has `model`.
    var arguments: [Path] = []
    /// The key whose value is being written, as in `{ method = `.
    var key: String?
    /// The first element, if it is a string: `{ "prune", ` has `prune`.
    var firstWord: String?
    /// The words that keys were given: `{ method = "share", ` has `method`.
    var words: [String: String] = [:]
    /// Whether a key may start here.
    var expectsKey: Bool
  }

  enum Position: Equatable {
    /// A name without anything before it.
    case name
    /// A field or method of what the path names.
    case member(of: Path)
    case string
    /// Nothing to complete: a number, a comment, the field of an expression.
    case nothing
  }

  var position: Position = .name
  var frames: [Frame] = []

  /// Reads `text` up to the start of the word to complete.
  init(_ text: String) {
    var scanner = Scanner(text)
    position = scanner.scan()
    frames = scanner.frames
  }

  /// The function whose options table the cursor is in, if it is at a key or in a key's value.
  var optionsCallee: Path? {
    guard let table = frames.last, table.bracket == "{" else { return nil }
    if !table.callee.names.isEmpty { return table.callee }
    guard let call = frames.dropLast().last, call.bracket == "(", !call.callee.names.isEmpty else {
      return nil
    }
    return call.callee
  }

  /// The function that a list inside a call's list names first, whose options can follow: of
  /// `wane.pipeline { { "prune", ` it is `wane.prune`.
  var stageCallee: Path? {
    guard let stage = frames.last, stage.bracket == "{", stage.callee.names.isEmpty,
      let word = stage.firstWord
    else { return nil }
    var outer = self
    outer.frames.removeLast()
    guard var path = outer.optionsCallee else { return nil }
    path.names = path.names.dropLast() + [word]
    return path
  }
}

/// Walks Lua text forward and keeps only what completion needs.
private struct Scanner {
  private let text: [Character]
  private var index = 0
  private var path = CompletionContext.Path()
  /// Whether a name now would continue `path`.
  private var pathContinues = false
  /// Whether what precedes is an expression that no path names, like `f()` in `f().x`.
  private var followsExpression = false
  var frames: [CompletionContext.Frame] = []

  init(_ text: String) { self.text = Array(text) }

  mutating func scan() -> CompletionContext.Position {
    while index < text.count {
      let character = text[index]
      if character == "-", peek(1) == "-" {
        guard skipComment() else { return .nothing }
      } else if character == "\"" || character == "'" {
        openCall("(")
        let start = index + 1
        guard skipString(character) else { return .string }
        closeCall()
        let word = String(text[start..<index - 1])
        updateTop { frame in
          if let key = frame.key {
            frame.words[key] = word
          } else if frame.arguments.isEmpty {
            frame.firstWord = frame.firstWord ?? word
          }
        }
      } else if character == "[", peek(1) == "[" || peek(1) == "=" {
        guard skipLongBracket() else { return .nothing }
        endExpression()
      } else if character.isLetter || character == "_" {
        scanName()
      } else if character.isNumber {
        while index < text.count, text[index].isLetter || text[index].isNumber || text[index] == "."
        {
          index += 1
        }
        endExpression()
        if index == text.count { return .nothing }
      } else if character == ".", peek(1) == "." {
        // Joins strings, or stands for more arguments; no name goes on after it.
        while index < text.count, text[index] == "." { index += 1 }
        reset()
        updateTop { $0.expectsKey = false }
      } else {
        scanSymbol(character)
        index += 1
      }
    }
    guard pathContinues else { return .name }
    return path.names.isEmpty ? .nothing : .member(of: path)
  }

  private func peek(_ distance: Int) -> Character? {
    index + distance < text.count ? text[index + distance] : nil
  }

  private mutating func scanName() {
    let start = index
    while index < text.count, text[index].isLetter || text[index].isNumber || text[index] == "_" {
      index += 1
    }
    let name = String(text[start..<index])
    if Completer.keywords.contains(name) {
      reset()
    } else if pathContinues {
      if !path.names.isEmpty { path.names.append(name) }
      pathContinues = false
    } else {
      path = CompletionContext.Path(names: [name])
    }
    followsExpression = true
    updateTop { $0.expectsKey = false }
  }

  private mutating func scanSymbol(_ character: Character) {
    switch character {
    case ".", ":":
      if followsExpression {
        path.separator = character
        pathContinues = true
      } else {
        reset()
      }
    case "(", "{": openCall(character)
    case "[":
      frames.append(.init(bracket: "[", callee: .init(), expectsKey: false))
      reset()
    case ")", "}", "]": closeCall()
    case ",", ";":
      let argument = path
      updateTop { frame in
        frame.arguments.append(argument)
        frame.key = nil
        frame.expectsKey = frame.bracket == "{"
      }
      reset()
    case "=" where path.names.count == 1:
      let key = path.names[0]
      updateTop { $0.key = $0.bracket == "{" ? key : $0.key }
      reset()
    default:
      if !character.isWhitespace { reset() }
    }
  }

  /// Opens a bracket; it belongs to the path before it.
  private mutating func openCall(_ bracket: Character) {
    let callee = pathContinues ? CompletionContext.Path() : path
    frames.append(.init(bracket: bracket, callee: callee, expectsKey: bracket == "{"))
    reset()
  }

  private mutating func closeCall() {
    if !frames.isEmpty { frames.removeLast() }
    endExpression()
  }

  private mutating func endExpression() {
    reset()
    followsExpression = true
    updateTop { $0.expectsKey = false }
  }

  private mutating func reset() {
    path = .init()
    pathContinues = false
    followsExpression = false
  }

  private mutating func updateTop(_ change: (inout CompletionContext.Frame) -> Void) {
    guard var top = frames.popLast() else { return }
    change(&top)
    frames.append(top)
  }

  /// Goes past a string; false if the text ends inside.
  private mutating func skipString(_ quote: Character) -> Bool {
    index += 1
    while index < text.count, text[index] != quote {
      index += text[index] == "\\" ? 2 : 1
    }
    guard index < text.count else { return false }
    index += 1
    return true
  }

  private mutating func skipComment() -> Bool {
    index += 2
    if index < text.count, text[index] == "[", peek(1) == "[" || peek(1) == "=" {
      return skipLongBracket()
    }
    while index < text.count, text[index] != "\n" { index += 1 }
    return index < text.count
  }

  /// Goes past `[[...]]` or `[=[...]=]`; false if the text ends inside.
  private mutating func skipLongBracket() -> Bool {
    var level = 0
    var next = index + 1
    while next < text.count, text[next] == "=" {
      level += 1
      next += 1
    }
    guard next < text.count, text[next] == "[" else {
      index += 1
      return true
    }
    let end = ["]"] + Array(repeating: Character("="), count: level) + ["]"]
    index = next + 1
    while index + end.count <= text.count {
      if text[index..<(index + end.count)].elementsEqual(end) {
        index += end.count
        return true
      }
      index += 1
    }
    index = text.count
    return false
  }
}
