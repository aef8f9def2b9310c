/// Rows of text in aligned columns.
struct TextTable {
  /// How a column is aligned.
  enum Alignment {
    case left
    case right
  }

  private let header: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []
  private var footer: [[String]] = []

  init(_ columns: [(title: String, alignment: Alignment)]) {
    header = columns.map(\.title)
    alignments = columns.map(\.alignment)
  }

  /// Adds a row, one text a column.
  mutating func add(_ row: [String]) { rows.append(row) }

  /// Adds a row below the last line.
  mutating func addFooter(_ row: [String]) { footer.append(row) }

  /// The table with a line under the header and above the footer.
  var text: String {
    let all = [header] + rows + footer
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    func line(_ row: [String]) -> String {
      let cells = row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return alignments[column] == .left ? row[column] + padding : padding + row[column]
      }
      let joined = cells.joined(separator: "  ")
      return String(joined.reversed().drop { $0 == " " }.reversed())
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "──")
    return
      ([line(header), rule] + rows.map(line) + (footer.isEmpty ? [] : [rule])
      + footer.map(line)).joined(separator: "\n")
  }
}

/// Numbers as people read them.
enum NumberText {
  /// `121 930`.
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += " " }
      result.append(digit)
    }
    return (value < 0 ? "-" : "") + result
  }

  /// A number with that many digits behind the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    guard abs(value) * scale < 9e15 else { return "\(value)" }
    let scaled = Int((abs(value) * scale).rounded())
    let whole = scaled / Int(scale)
    let fraction = String(scaled % Int(scale))
    let zeros = String(repeating: "0", count: max(0, digits - fraction.count))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(zeros)\(fraction)"
  }

  /// A fraction as a percentage: `91.13`.
  static func percent(_ fraction: Double?, _ digits: Int = 2) -> String {
    fraction.map { fixed($0 * 100, digits) } ?? "-"
  }

  /// Seconds in a unit that suits them: `12.3 us`.
  static func duration(_ seconds: Double) -> String {
    if seconds < 1e-3 { return "\(fixed(seconds * 1e6, 1)) us" }
    if seconds < 1 { return "\(fixed(seconds * 1e3, 2)) ms" }
    return "\(fixed(seconds, 2)) s"
  }
}
