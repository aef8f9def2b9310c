/// An options table, checked: every key is one of the function's options.
///
/// Readers return nil for an option that was not given, and throw
/// `bad option 'bits' to 'quantize' (integer expected, got 'many')` for a wrong one. An option with a
/// position may stand without its name: `conv2d { 32, 3 }`. One that means nothing beside the others is
/// refused: see ``Belonging``.
package struct Options {
  /// The function the options were given to, for messages.
  package let functionName: String
  /// Which argument of the function the table is; nil where it is none.
  package var argument: Int?
  private let definitions: [Option]
  private var values: [String: LuaValue]

  /// Checks the keys of a table.
  ///
  /// Throws for an unknown one, naming the nearest, and for one that belongs to something else.
  package init(_ table: LuaTable, of functionName: String, _ definitions: [Option]) throws {
    self.functionName = functionName
    self.definitions = definitions
    values = table.fields
    for name in table.fields.keys.sorted() where !definitions.contains(where: { $0.name == name }) {
      let hint = NearestName.hint(for: name, in: definitions.map(\.name))
      throw LuaError.message("bad option '\(name)' to '\(functionName)' \(hint)")
    }
    for (index, element) in table.elements.enumerated() {
      guard let option = definitions.first(where: { $0.position == index + 1 }) else {
        throw LuaError.message(
          "bad option [\(index + 1)] to '\(functionName)' (no value without a name expected there)")
      }
      guard values.updateValue(element, forKey: option.name) == nil else {
        throw LuaError.message("bad option '\(option.name)' to '\(functionName)' (given twice)")
      }
    }
    for option in definitions {
      guard let value = values[option.name] else { continue }
      if let reason = option.reasonNotToBelong(value, among: definitions, values: values) {
        throw bad(option.name, reason)
      }
    }
  }

  /// Whether an option was given.
  package func has(_ name: String) -> Bool { values[name] != nil }

  /// The same options with another value for one; nil takes it out.
  package func setting(_ name: String, _ value: LuaValue?) -> Options {
    var result = self
    result.values[name] = value
    return result
  }

  /// Any value, or nil.
  package func value(_ name: String) -> LuaValue? { values[name] }

  /// Whether an option was given a function.
  package func isFunction(_ name: String) -> Bool {
    if case .function? = values[name] { return true }
    return false
  }

  /// A number.
  package func number(_ name: String) throws -> Double? {
    switch values[name] {
    case nil: return nil
    case .integer(let value): return Double(value)
    case .number(let value): return value
    case let other: throw expected("number", name, other)
    }
  }

  /// A number, or `default`.
  package func number(_ name: String, default value: Double) throws -> Double {
    try number(name) ?? value
  }

  /// A whole number; `3.0` is one.
  package func integer(_ name: String) throws -> Int? {
    switch values[name] {
    case nil: return nil
    case .integer(let value): return value
    case .number(let value):
      guard let whole = Int(exactly: value) else { throw expected("integer", name, values[name]) }
      return whole
    case let other: throw expected("integer", name, other)
    }
  }

  /// A whole number, or `default`.
  package func integer(_ name: String, default value: Int) throws -> Int {
    try integer(name) ?? value
  }

  /// A whole number of at least `minimum`, or `default`.
  package func integer(_ name: String, atLeast minimum: Int, default value: Int) throws -> Int {
    let value = try integer(name) ?? value
    guard value >= minimum else { throw bad(name, "must be at least \(minimum), got \(value)") }
    return value
  }

  /// A boolean.
  package func boolean(_ name: String) throws -> Bool? {
    switch values[name] {
    case nil: return nil
    case .boolean(let value): return value
    case let other: throw expected("boolean", name, other)
    }
  }

  /// A boolean, or `default`.
  package func boolean(_ name: String, default value: Bool) throws -> Bool {
    try boolean(name) ?? value
  }

  /// A string.
  package func string(_ name: String) throws -> String? {
    switch values[name] {
    case nil: return nil
    case .string(let value): return value
    case let other: throw expected("string", name, other)
    }
  }

  /// One of the words that the option's definition lists.
  package func choice(_ name: String) throws -> String? {
    guard let word = try string(name) else { return nil }
    let choices = definitions.first { $0.name == name }?.choices ?? []
    guard choices.contains(word) else {
      let list = choices.map { "'\($0)'" }.joined(separator: ", ")
      let hint = NearestName.of(word, in: choices).map { " (did you mean '\($0)'?)" } ?? ""
      throw bad(name, "expected one of \(list), got '\(word)'\(hint)")
    }
    return word
  }

  /// An object of a class.
  package func object<Object: LuaObject>(
    _ name: String, as type: Object.Type = Object.self, called noun: String? = nil
  ) throws -> Object? {
    switch values[name] {
    case nil: return nil
    case .object(let object as Object): return object
    case let other: throw expected(noun ?? Object.nounName, name, other)
    }
  }

  /// A function; call it while the call that got it runs.
  package func function(_ name: String) throws -> LuaFunction? {
    switch values[name] {
    case nil: return nil
    case .function(let function): return function
    case let other: throw expected("function", name, other)
    }
  }

  /// A table.
  package func table(_ name: String) throws -> LuaTable? {
    switch values[name] {
    case nil: return nil
    case .table(let table): return table
    case let other: throw expected("table", name, other)
    }
  }

  /// A table of options inside this one, with keys of its own.
  package func nested(_ name: String, _ definitions: [Option]) throws -> Options? {
    try table(name).map { try Options($0, of: "\(functionName)' option '\(name)", definitions) }
  }

  /// A list of whole numbers; a single one reads as a list of one.
  package func integers(_ name: String) throws -> [Int]? {
    try list(name, "integer") { value in
      switch value {
      case .integer(let value): value
      case .number(let value): Int(exactly: value)
      default: nil
      }
    }
  }

  /// A list of numbers; a single one reads as a list of one.
  package func numbers(_ name: String) throws -> [Double]? {
    try list(name, "number") { value in
      switch value {
      case .integer(let value): Double(value)
      case .number(let value): value
      default: nil
      }
    }
  }

  /// A list of strings; a single one reads as a list of one.
  package func strings(_ name: String) throws -> [String]? {
    try list(name, "string") { value in
      if case .string(let string) = value { string } else { nil }
    }
  }

  /// A value that must be given.
  package func required<Value>(_ name: String, _ value: Value?) throws -> Value {
    if let value { return value }
    throw LuaError.message("missing option '\(name)' to '\(functionName)'")
  }

  /// An error about one option: `bad option 'name' to 'function' (message)`.
  package func bad(_ name: String, _ message: String) -> LuaError {
    .message("bad option '\(name)' to '\(functionName)' (\(message))")
  }

  private func expected(_ what: String, _ name: String, _ value: LuaValue?) -> LuaError {
    bad(name, "\(what) expected, got \(value?.shortDescription ?? "nothing")")
  }

  private func list<Element>(
    _ name: String, _ what: String, _ convert: (LuaValue) -> Element?
  ) throws -> [Element]? {
    guard let value = values[name] else { return nil }
    if let single = convert(value) { return [single] }
    guard case .table(let table) = value, table.fields.isEmpty else {
      throw expected("\(what) or list of them", name, value)
    }
    return try table.elements.map { element in
      guard let converted = convert(element) else { throw expected(what, name, element) }
      return converted
    }
  }
}
