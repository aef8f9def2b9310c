import CConsole
import CLuaBridge
import WaneLua

/// Finds what can stand at the cursor: globals, keywords, fields, methods, option names and their
/// words, names inside objects, files.
final class Completer {
  /// The one that the line editor asks; it has no other way to carry one.
  nonisolated(unsafe) static var current: Completer?

  static let keywords: Set<String> = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
  ]

  /// Names, and whether files are of use as well.
  struct Result: Equatable {
    var names: [String] = []
    var includesFiles = false
  }

  private let session: Session
  private let walk: LuaWalk
  /// The lines before the current one, of an unfinished statement.
  var pending = ""

  init(session: Session) {
    self.session = session
    walk = LuaWalk(session.state)
  }

  /// What can replace `word`, which follows `text`.
  func complete(word: String, after text: String) -> Result {
    let base = lua_gettop(session.state)
    defer { lua_settop(session.state, base) }
    let context = CompletionContext(pending.isEmpty ? text : pending + "\n" + text)
    var result = Result()
    switch context.position {
    case .nothing: break
    case .member(let path): result.names = members(of: path)
    case .string:
      result.names = words(in: context)
      result.includesFiles = result.names.allSatisfy { !$0.hasPrefix(word) }
    case .name:
      if context.frames.last?.expectsKey == true { result.names = optionNames(in: context) }
      result.names = result.names.filter { $0.hasPrefix(word) }
      if result.names.isEmpty { result.names = globals() + Self.keywords }
    }
    result.names = Set(result.names.filter { $0.hasPrefix(word) }).sorted()
    return result
  }

  // MARK: Names

  private func globals() -> [String] {
    lua_rawgeti(session.state, wane_lua_registry_index(), lua_Integer(LUA_RIDX_GLOBALS))
    return fieldNames(of: lua_gettop(session.state), functionsOnly: false)
  }

  private func members(of path: CompletionContext.Path) -> [String] {
    guard push(path.names) else { return [] }
    let value = lua_gettop(session.state)
    let onlyMethods = path.separator == ":"
    if let noun = session.registry.noun(at: value, in: session.state) {
      let methods = noun.methods.map(\.name)
      return onlyMethods ? methods : methods + noun.fields.map(\.function.name)
    }
    return fieldNames(of: value, functionsOnly: onlyMethods)
  }

  private func fieldNames(of index: Int32, functionsOnly: Bool) -> [String] {
    var names: [String] = []
    walk.forEachTable(index) { table in
      walk.forEachField(table) { name, value in
        let fits = !functionsOnly || lua_type(session.state, value) == LUA_TFUNCTION
        if fits, name.isLuaName { names.append(name) }
        return true
      }
    }
    return names
  }

  /// The options of the function whose table the cursor is in, without those that belong elsewhere.
  private func optionNames(in context: CompletionContext) -> [String] {
    guard let callee = context.optionsCallee ?? context.stageCallee,
      let function = function(at: callee)
    else { return [] }
    let words = context.frames.last?.words ?? [:]
    return function.options.filter { !$0.isExcluded(by: words, among: function.options) }
      .map(\.name)
  }

  /// Inside quotes: the words an option takes, and names inside the objects that are involved.
  private func words(in context: CompletionContext) -> [String] {
    var outer = context
    // The innermost frame is the string's own, as in `f"..."`.
    outer.frames.removeLast()
    if let callee = outer.optionsCallee ?? outer.stageCallee, let key = outer.frames.last?.key,
      let option = function(at: callee)?.options.first(where: { $0.name == key }),
      !option.choices.isEmpty
    {
      return option.choices
    }
    // The call that the string stands in, however deep: `quantize(model, { bits = { ["`.
    guard let call = context.frames.last(where: { !$0.callee.names.isEmpty }) else { return [] }
    var involved = call.arguments
    if call.callee.separator == ":" {
      involved.append(.init(names: call.callee.names.dropLast()))
    }
    let function = function(at: call.callee)?.name
    return involved.flatMap { path in
      push(path.names)
        ? session.registry.names(
          in: lua_gettop(session.state), of: session.state, for: function ?? "") : []
    }
  }

  // MARK: Values

  /// Pushes the value of a path of names, without running any code.
  private func push(_ names: [String]) -> Bool {
    guard let first = names.first, walk.pushGlobal(first) else { return false }
    return names.dropFirst().allSatisfy { walk.pushField($0, of: lua_gettop(session.state)) }
  }

  private func function(at path: CompletionContext.Path) -> Function? {
    if path.separator == ":", push(path.names.dropLast()),
      let noun = session.registry.noun(at: lua_gettop(session.state), in: session.state)
    {
      return noun.methods.first { $0.name == path.names.last }
    }
    guard push(path.names) else { return nil }
    return session.registry.member(at: lua_gettop(session.state), in: session.state)?.function
  }
}

extension String {
  /// Whether it can stand after a dot in Lua.
  fileprivate var isLuaName: Bool {
    guard let first = utf8.first, !(48...57).contains(first) else { return false }
    return !Completer.keywords.contains(self)
      && utf8.allSatisfy { byte in
        byte == 95 || (48...57).contains(byte) || (65...90).contains(byte)
          || (97...122).contains(byte)
      }
  }
}

/// The line editor's way to the completer.
///
/// `wordStart` and `cursor` count bytes.
func completeForReadline(
  line: UnsafePointer<CChar>?, wordStart: Int32, cursor: Int32, completions: OpaquePointer?
) {
  guard let line, let completer = Completer.current, wordStart <= cursor else { return }
  let bytes = UnsafeRawBufferPointer(start: line, count: Int(cursor))
  let text = String(decoding: bytes.prefix(Int(wordStart)), as: UTF8.self)
  let word = String(decoding: bytes.dropFirst(Int(wordStart)), as: UTF8.self)
  let result = completer.complete(word: word, after: text)
  for name in result.names { wane_completions_add(completions, name) }
  if result.includesFiles { wane_completions_add_files(completions) }
}
