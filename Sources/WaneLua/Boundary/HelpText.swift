/// Text laid out for a terminal of 80 columns.
enum HelpText {
  private static let width = 78

  /// Words in lines, the first line indented by `first` columns and the others by `rest`.
  static func wrapped(_ text: String, first: Int, rest: Int) -> String {
    var lines: [String] = []
    var line = String(repeating: " ", count: first)
    var length = first
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, length + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: rest)
        length = rest
        isEmpty = true
      }
      line += isEmpty ? "\(word)" : " \(word)"
      length += word.count + (isEmpty ? 0 : 1)
      isEmpty = false
    }
    lines.append(line)
    return lines.joined(separator: "\n") + "\n"
  }

  /// Rows of cells in columns, two spaces apart; the last cell is wrapped beside the others, or below
  /// them where they leave it too little room.
  static func columns(_ rows: [[String]]) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<max(count - 1, 0)).map { column in
      rows.map { $0[column].count }.filter { $0 <= 32 }.max() ?? 0
    }
    let indent = 2 + widths.reduce(0) { $0 + $1 + 2 }
    return rows.map { row in
      var line = "  "
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: max(0, width - cell.count) + 2)
      }
      guard let last = row.last else { return "" }
      let text = wrapped(last, first: indent, rest: indent)
      guard line.count == indent else {
        let cells = line.reversed().drop { $0 == " " }.reversed()
        return String(cells) + "\n" + text
      }
      return line + text.dropFirst(indent)
    }.joined()
  }
}
