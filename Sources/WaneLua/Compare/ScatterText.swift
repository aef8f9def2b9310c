/// Points in a plane, drawn with letters for a terminal.
enum ScatterText {
  /// A point with the letter that marks it.
  struct Point {
    let x: Double
    let y: Double
    let mark: Character
  }

  /// How wide and high the plane is, in characters.
  private static let (width, height) = (60, 14)

  /// Draws points; the horizontal axis is logarithmic.
  ///
  /// - Parameters:
  ///   - points: those that come later stand over earlier ones; only positive x are drawn.
  ///   - x: the name of the horizontal axis, and a text for each of its ends.
  ///   - y: the same for the vertical one.
  /// - Returns: lines of text.
  static func draw(
    _ points: [Point], x: (name: String, text: (Double) -> String),
    y: (name: String, text: (Double) -> String)
  ) -> String {
    let points = points.filter { $0.x > 0 && $0.x.isFinite && $0.y.isFinite }
    guard let first = points.first else { return "nothing to plot" }
    let xs = points.map(\.x)
    let ys = points.map(\.y)
    let left = xs.min() ?? first.x
    let right = xs.max() ?? first.x
    let low = ys.min() ?? first.y
    let high = ys.max() ?? first.y
    var cells = [[Character]](
      repeating: [Character](repeating: " ", count: width), count: height)
    for point in points {
      let across = right > left ? Logarithm.of(point.x / left) / Logarithm.of(right / left) : 0.5
      let up = high > low ? (point.y - low) / (high - low) : 0.5
      let column = Int((across * Double(width - 1)).rounded())
      let row = height - 1 - Int((up * Double(height - 1)).rounded())
      cells[row][column] = point.mark
    }
    let labels = [y.text(high), y.text(low)]
    let margin = labels.map(\.count).max() ?? 0
    func padded(_ text: String) -> String {
      String(repeating: " ", count: margin - text.count) + text
    }
    var lines = [y.name]
    for (row, line) in cells.enumerated() {
      let label = row == 0 ? labels[0] : row == height - 1 ? labels[1] : ""
      let edge = label.isEmpty ? "│" : "┤"
      let text = String(line).reversed().drop { $0 == " " }.reversed()
      lines.append("\(padded(label)) \(edge)\(String(text))")
    }
    lines.append("\(padded("")) └" + String(repeating: "─", count: width))
    let ends = (x.text(left), x.text(right))
    let gap = max(2, width + 1 - ends.0.count - ends.1.count - x.name.count)
    let half = gap / 2
    lines.append(
      padded("") + " " + ends.0 + String(repeating: " ", count: half) + x.name
        + String(repeating: " ", count: gap - half) + ends.1)
    return lines.joined(separator: "\n")
  }

  /// The mark of a row: 1 to 9, then letters.
  static func mark(_ row: Int) -> Character {
    let marks = Array("123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return row < marks.count ? marks[row] : "*"
  }
}
