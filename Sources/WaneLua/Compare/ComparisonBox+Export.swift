extension ComparisonBox {
  /// An array of objects, one a model.
  var json: String {
    let objects = rows.map { row in
      let members = fields(row).map {
        "\(ComparisonBox.quoted($0.name)): \(ComparisonBox.json($0.value))"
      }
      return "  {" + members.joined(separator: ", ") + "}"
    }
    return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
  }

  /// A header and a line a model (RFC 4180).
  var csv: String {
    guard let first = rows.first else { return "" }
    let header = fields(first).map(\.name).joined(separator: ",")
    let lines = rows.map { row in
      fields(row).map { ComparisonBox.csv($0.value) }.joined(separator: ",")
    }
    return ([header] + lines).joined(separator: "\n") + "\n"
  }

  private static func json(_ value: LuaValue) -> String {
    switch value {
    case .integer(let value): "\(value)"
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .string(let text): quoted(text)
    default: "null"
    }
  }

  private static func csv(_ value: LuaValue) -> String {
    switch value {
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
