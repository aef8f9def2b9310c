/// Rows of named values as text for other programs.
enum TableExport {
  /// A row: names and values in order.
  typealias Row = [(name: String, value: LuaValue)]

  /// An array of objects, one on each line.
  static func json(_ rows: [Row]) -> String {
    let objects = rows.map { row in
      "  {" + row.map { "\(quoted($0.name)): \(json($0.value))" }.joined(separator: ", ") + "}"
    }
    return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
  }

  /// A header and a line a row (RFC 4180).
  static func csv(_ rows: [Row]) -> String {
    guard let first = rows.first else { return "" }
    let header = first.map(\.name).joined(separator: ",")
    let lines = rows.map { row in row.map { csv($0.value) }.joined(separator: ",") }
    return ([header] + lines).joined(separator: "\n") + "\n"
  }

  private static func json(_ value: LuaValue) -> String {
    switch value {
    case .boolean(let value): return "\(value)"
    case .integer(let value): return "\(value)"
    case .number(let value): return value.isFinite ? "\(value)" : "null"
    case .string(let text): return quoted(text)
    case .table(let table):
      if table.fields.isEmpty {
        return "[" + table.elements.map(json).joined(separator: ", ") + "]"
      }
      // An object has no places for elements: they get their numbers as names.
      let elements = table.elements.enumerated().map { (name: "\($0 + 1)", value: $1) }
      let fields = table.fields.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
      let members = (elements + fields).map { "\(quoted($0.name)): \(json($0.value))" }
      return "{" + members.joined(separator: ", ") + "}"
    default: return "null"
    }
  }

  private static func csv(_ value: LuaValue) -> String {
    switch value {
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let text):
      text.contains { ",\"\n\r".contains($0) }
        ? "\"" + text.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\"" : text
    default: ""
    }
  }

  private static func quoted(_ text: String) -> String {
    let body = text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case _ where scalar.value < 0x20:
        "\\u" + String(repeating: "0", count: scalar.value < 0x10 ? 3 : 2)
          + String(scalar.value, radix: 16)
      default: String(scalar)
      }
    }
    return "\"" + body.joined() + "\""
  }
}
