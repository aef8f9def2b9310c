import WaneFormats
import WaneTensor

/// A recipe as it stands in a file: a table of Lua, read as data.
///
/// Nothing is run: what is not a constant or a table of constants - a variable, a call, an operator, a
/// function, a statement - is refused with its line.
enum RecipeText {
  private static let mostBytes = 1 << 20
  private static let mostValues = 100_000
  private static let deepest = 16

  /// Reads a file.
  ///
  /// - Throws: an error with the path, and with the line of what cannot be read.
  static func read(_ path: String) throws -> LuaTable {
    let bytes = try TextFile.read(path, for: "pipeline", limit: mostBytes)
    do {
      var parser = Parser(bytes)
      return try parser.file()
    } catch let failure as RecipeLexer.Failure {
      throw WaneError("pipeline", "\(path):\(failure.line): \(failure.message)")
    }
  }

  /// A list of tables as Lua writes it, with one on each line.
  ///
  /// - Throws: names the key whose value is no constant.
  static func write(_ list: [LuaTable]) throws -> String {
    try text(list) { value, place in
      throw WaneError("pipeline", "\(place) is a \(value.typeName), which a recipe cannot hold")
    }
  }

  /// The same for people: objects stand there as what they are, `<Model>`.
  static func shown(_ list: [LuaTable]) -> String {
    text(list) { value, _ in "<\(value.typeName)>" }
  }

  /// One table for people, on one line.
  static func shown(_ table: LuaTable) -> String {
    text(.table(table), "") { value, _ in "<\(value.typeName)>" }
  }

  private static func text(
    _ list: [LuaTable], object: (_ value: LuaValue, _ place: String) throws -> String
  ) rethrows -> String {
    let lines = try list.enumerated().map { index, table in
      "  \(try text(.table(table), "stage \(index + 1)", object)),\n"
    }
    return "{\n" + lines.joined() + "}"
  }

  private static func text(
    _ value: LuaValue, _ place: String, _ object: (LuaValue, String) throws -> String
  ) rethrows -> String {
    switch value {
    case .none: return "nil"
    case .boolean(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value):
      return value.isFinite ? "\(value)" : try object(.string("\(value)"), place)
    case .string(let text): return quoted(text)
    case .table(let table):
      let items = try table.elements.map { try text($0, place, object) }
      let fields = try table.fields.sorted { $0.key < $1.key }.map { key, value in
        let name = isName(key) ? key : "[\(quoted(key))]"
        return "\(name) = \(try text(value, "'\(key)' of \(place)", object))"
      }
      let all = items + fields
      return all.isEmpty ? "{}" : "{ \(all.joined(separator: ", ")) }"
    case .bytes, .object, .function: return try object(value, place)
    }
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(48...57).contains(first), !keywords.contains(text) else {
      return false
    }
    return text.utf8.allSatisfy {
      (48...57).contains($0) || (97...122).contains($0 | 0x20) || $0 == 95
    }
  }

  private static func quoted(_ text: String) -> String {
    let body = text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": return "\\\""
      case "\\": return "\\\\"
      case "\n": return "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value)
        return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      default: return String(scalar)
      }
    }
    return "\"\(body.joined())\""
  }

  private static let keywords: Set<String> = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
  ]

  /// Reads `return { ... }`, or the table alone.
  private struct Parser {
    private var lexer: RecipeLexer
    private var token = RecipeLexer.Token.end
    private var valuesLeft = mostValues

    init(_ bytes: [UInt8]) { lexer = RecipeLexer(bytes) }

    mutating func file() throws -> LuaTable {
      try advance()
      if token == .name("return") { try advance() }
      guard token == .symbol("{") else {
        throw lexer.failure("a recipe is 'return { ... }', got \(shown)")
      }
      let table = try self.table(depth: 1)
      if token == .symbol(";") { try advance() }
      guard token == .end else { throw lexer.failure("\(shown) after the end of the recipe") }
      return table
    }

    private mutating func advance() throws { token = try lexer.next() }

    private var shown: String {
      switch token {
      case .name(let name): "'\(name)'"
      case .string(let text): "\"\(text.prefix(20))\""
      case .integer(let value): "\(value)"
      case .number(let value): "\(value)"
      case .symbol(let symbol): "'\(symbol)'"
      case .end: "the end of the file"
      }
    }

    /// A table, whose opening brace is the current token.
    private mutating func table(depth: Int) throws -> LuaTable {
      guard depth <= deepest else {
        throw lexer.failure("tables are nested more than \(deepest) deep")
      }
      try advance()
      var table = LuaTable()
      while token != .symbol("}") {
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw lexer.failure("more than \(mostValues) values") }
        if let key = try self.key() {
          let value = try self.value(depth: depth)
          guard table.fields.updateValue(value, forKey: key) == nil else {
            throw lexer.failure("'\(key)' is given twice")
          }
          table[key] = value
        } else if let value = pendingName {
          table.elements.append(try constant(value))
          pendingName = nil
        } else {
          table.elements.append(try element(depth: depth))
        }
        if token == .symbol(",") || token == .symbol(";") {
          try advance()
        } else if token != .symbol("}") {
          throw lexer.failure(
            "',' or '}' expected, got \(shown): a recipe holds values and is not run")
        }
      }
      try advance()
      return table
    }

    /// A name that turned out not to be a key.
    private var pendingName: String?

    /// `name =` or `["name"] =`; nil when a value without a key follows.
    private mutating func key() throws -> String? {
      if case .name(let name) = token {
        try advance()
        guard token == .symbol("=") else {
          pendingName = name
          return nil
        }
        guard !keywords.contains(name) else {
          throw lexer.failure("'\(name)' cannot be the name of an option")
        }
        try advance()
        return name
      }
      guard token == .symbol("[") else { return nil }
      try advance()
      guard case .string(let name) = token else {
        throw lexer.failure("a key in brackets must be a string, got \(shown)")
      }
      try advance()
      for symbol in ["]", "="] {
        guard token == .symbol(symbol) else {
          throw lexer.failure("'\(symbol)' expected, got \(shown)")
        }
        try advance()
      }
      return name
    }

    private mutating func element(depth: Int) throws -> LuaValue {
      let value = try self.value(depth: depth)
      if case .none = value { throw lexer.failure("a list cannot hold nil") }
      return value
    }

    private func constant(_ name: String) throws -> LuaValue {
      switch name {
      case "true": return true
      case "false": return false
      case "nil": throw lexer.failure("a list cannot hold nil")
      default: throw refused(name)
      }
    }

    private func refused(_ name: String) -> RecipeLexer.Failure {
      keywords.contains(name)
        ? lexer.failure("'\(name)' cannot stand in a recipe, which holds values and is not run")
        : lexer.failure(
          "'\(name)' is a variable or a function: a recipe holds values and is not run")
    }

    private mutating func value(depth: Int) throws -> LuaValue {
      switch token {
      case .symbol("{"): return .table(try table(depth: depth + 1))
      case .symbol("-"):
        try advance()
        switch token {
        case .integer(let value):
          try advance()
          return .integer(0 &- value)
        case .number(let value):
          try advance()
          return .number(-value)
        default: throw lexer.failure("'-' stands before a number only")
        }
      case .string(let text):
        try advance()
        return .string(text)
      case .integer(let value):
        try advance()
        return .integer(value)
      case .number(let value):
        try advance()
        return .number(value)
      case .name("nil"):
        try advance()
        return .none
      case .name(let name):
        let value = try constant(name)
        try advance()
        return value
      case .symbol, .end:
        throw lexer.failure("a value expected, got \(shown): a recipe holds values and is not run")
      }
    }
  }
}
