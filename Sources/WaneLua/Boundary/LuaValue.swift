/// A Lua value as a plain Swift value.
package indirect enum LuaValue {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  /// A string that is not UTF-8.
  case bytes([UInt8])
  case table(LuaTable)
  case object(any LuaObject)
  case function(LuaFunction)
}

/// A Lua table as a plain Swift value: the elements 1...n, and the fields with string keys.
package struct LuaTable {
  package var elements: [LuaValue]
  package var fields: [String: LuaValue]

  /// Creates a table.
  package init(_ elements: [LuaValue] = [], fields: [String: LuaValue] = [:]) {
    self.elements = elements
    self.fields = fields
  }

  /// The field of that name; setting `.none` removes it.
  package subscript(name: String) -> LuaValue {
    get { fields[name] ?? .none }
    set {
      if case .none = newValue { fields[name] = nil } else { fields[name] = newValue }
    }
  }
}

extension LuaValue {
  /// What `type()` calls it in Lua, or the object's noun.
  package var typeName: String {
    switch self {
    case .none: "nil"
    case .boolean: "boolean"
    case .integer, .number: "number"
    case .string, .bytes: "string"
    case .table: "table"
    case .object(let object): type(of: object).nounName
    case .function: "function"
    }
  }

  /// The value as a person would write it in a message: short, strings quoted.
  package var shortDescription: String {
    switch self {
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): LuaNumber.format(value)
    case .string(let value): value.count <= 40 ? "'\(value)'" : "'\(value.prefix(37))...'"
    default: typeName
    }
  }
}

extension LuaValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(nilLiteral: ()) { self = .none }
  package init(booleanLiteral value: Bool) { self = .boolean(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(stringLiteral value: String) { self = .string(value) }
  package init(arrayLiteral elements: LuaValue...) { self = .table(LuaTable(elements)) }
  package init(dictionaryLiteral elements: (String, LuaValue)...) {
    self = .table(LuaTable(fields: Dictionary(elements, uniquingKeysWith: { _, last in last })))
  }
}

/// Numbers the way Lua writes them.
enum LuaNumber {
  /// `0.5`, `3` for 3.0, `1e+20`: at most 14 significant digits are not needed, so the shortest
  /// text that reads back the same.
  static func format(_ value: Double) -> String {
    if value.isFinite, value == value.rounded(), abs(value) < 1e15 { return "\(Int(value))" }
    return value.isNaN ? "nan" : "\(value)"
  }

  /// The number, a NaN without its sign, which means nothing and which messages would show.
  static func unsigned(_ value: Double) -> Double { value.isNaN ? .nan : value }
}
