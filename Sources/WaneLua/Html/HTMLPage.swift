/// One page of HTML that needs nothing else: no network, no script, style and drawings inside.
struct HTMLPage {
  private let title: String
  private let subtitle: String
  private var sections: [String] = []

  /// Begins a page.
  init(title: String, subtitle: String) {
    self.title = title
    self.subtitle = subtitle
  }

  /// Adds a part under a heading, with a remark under that.
  mutating func add(_ heading: String, _ remark: String = "", _ body: String) {
    let note = remark.isEmpty ? "" : "<p class=\"note\">\(HTMLPage.escaped(remark))</p>\n"
    sections.append(
      "<section>\n<h2>\(HTMLPage.escaped(heading))</h2>\n\(note)\(body)\n</section>\n")
  }

  /// The page as text.
  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(HTMLPage.escaped(title))</title>
    <style>
    \(HTMLPage.style)
    </style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(HTMLPage.escaped(title))</h1>
    <p class="note">\(HTMLPage.escaped(subtitle))</p>
    </header>
    \(sections.joined())</main>
    </body>
    </html>

    """
  }

  /// Text with the characters that mean something in HTML replaced.
  ///
  /// Those that no document may hold become the sign for what cannot be shown.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A column of a table.
  struct Column {
    let title: String
    let isNumber: Bool

    init(_ title: String, isNumber: Bool = true) {
      self.title = title
      self.isNumber = isNumber
    }
  }

  /// A cell: text, and how far a bar behind it reaches.
  struct Cell {
    let text: String
    var share: Double?
    var detail = ""

    init(_ text: String, share: Double? = nil, detail: String = "") {
      self.text = text
      self.share = share
      self.detail = detail
    }
  }

  /// A table; `marked` rows stand out.
  static func table(_ columns: [Column], _ rows: [[Cell]], marked: Set<Int> = []) -> String {
    let head = columns.map { column in
      "<th scope=\"col\"\(column.isNumber ? " class=\"n\"" : "")>\(escaped(column.title))</th>"
    }
    let body = rows.enumerated().map { index, row in
      let cells = zip(columns, row).map { column, cell in
        let share = cell.share.map { min(max($0.isFinite ? $0 : 0, 0), 1) }
        let bar = share.map {
          " style=\"--share:\(NumberText.fixed($0 * 100, 1))%\""
        }
        let kinds = (column.isNumber ? ["n"] : []) + (share == nil ? [] : ["bar"])
        let kind = kinds.isEmpty ? "" : " class=\"\(kinds.joined(separator: " "))\""
        let detail = cell.detail.isEmpty ? "" : " title=\"\(escaped(cell.detail))\""
        return "<td\(kind)\(bar ?? "")\(detail)>\(escaped(cell.text))</td>"
      }
      return "<tr\(marked.contains(index) ? " class=\"marked\"" : "")>\(cells.joined())</tr>"
    }
    return """
      <div class="scroll"><table>
      <thead><tr>\(head.joined())</tr></thead>
      <tbody>
      \(body.joined(separator: "\n"))
      </tbody>
      </table></div>
      """
  }

  /// Drawings beside each other where there is room.
  static func figures(_ drawings: [String]) -> String {
    let parts = drawings.map { "<figure>\n\($0)\n</figure>" }
    return "<div class=\"figures\">\n\(parts.joined(separator: "\n"))\n</div>"
  }

  /// A part that opens when it is clicked on.
  static func folded(_ summary: String, _ body: String, isOpen: Bool = false) -> String {
    "<details\(isOpen ? " open" : "")>\n<summary>\(escaped(summary))</summary>\n\(body)\n</details>"
  }

  private static let style = """
    :root {
      --page: #f6f6f3; --card: #fff; --ink: #1b1d1f; --quiet: #63676c; --line: #dfdfd9;
      --accent: #1f6fd1; --second: #d9622b; --tint: #1f6fd11f; --grid: #ebebe6;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #131416; --card: #1c1e21; --ink: #eceded; --quiet: #9ba0a6; --line: #33363b;
        --accent: #6aa9f7; --second: #f0935f; --tint: #6aa9f72b; --grid: #2a2d31;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0; background: var(--page); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    }
    main { max-width: 1360px; margin: 0 auto; padding: 32px 20px 64px; }
    h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
    h2 { font-size: 17px; margin: 0 0 4px; }
    .note { color: var(--quiet); margin: 2px 0 14px; max-width: 80ch; }
    section {
      background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: 18px 20px; margin-top: 18px;
    }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
    th, td { padding: 6px 9px; text-align: left; white-space: nowrap; }
    th {
      font-size: 12px; font-weight: 600; color: var(--quiet); vertical-align: bottom;
      border-bottom: 1px solid var(--line);
    }
    td { border-bottom: 1px solid var(--grid); }
    tbody tr:last-child td { border-bottom: 0; }
    .n { text-align: right; }
    .bar {
      background: linear-gradient(var(--tint), var(--tint)) left / var(--share) 100% no-repeat;
    }
    .marked td { font-weight: 600; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 20px; }
    @media (max-width: 520px) { .figures { grid-template-columns: 1fr; } }
    figure { margin: 0; }
    svg { display: block; width: 100%; height: auto; }
    svg text { fill: var(--quiet); font-size: 12px; font-family: inherit; }
    svg text.name { fill: var(--ink); font-weight: 600; }
    svg .axis { stroke: var(--line); }
    svg .grid { stroke: var(--grid); }
    svg .point { fill: var(--accent); stroke: var(--card); stroke-width: 2; }
    svg .first { fill: var(--second); }
    svg .faint { fill: var(--quiet); opacity: 0.45; stroke: none; }
    svg .path { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
    details { border-top: 1px solid var(--grid); padding: 8px 0; }
    details:first-of-type { border-top: 0; }
    summary { cursor: pointer; font-weight: 600; }
    pre {
      margin: 8px 0 0; overflow-x: auto; font: 13px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
    }
    @media print { body { background: #fff; } section { break-inside: avoid; } }
    """
}
