import WaneCompress

extension SensitivityBox {
  /// How much worse a result is than the original; nil for a layer that was not treated.
  private func cost(_ result: Sensitivity.Result) -> Double? {
    guard result.skipped == nil else { return nil }
    let difference = score(result) - score(sensitivity.original)
    return isClassified ? -difference : difference
  }

  private func costText(_ cost: Double) -> String {
    isClassified ? "\(NumberText.fixed(-cost * 100, 2)) points" : NumberText.fixed(cost, 4)
  }

  private func levelText(_ level: Double) -> String {
    "\(sensitivity.method.rawValue) \(LuaNumber.format(level))"
  }

  /// A bar a layer: how much its hardest level costs.
  var plot: String {
    let width = 40.0
    let costs = sensitivity.rows.map { row in row.results.compactMap(cost).max() }
    let largest = max(costs.compactMap { $0 }.max() ?? 0, .leastNormalMagnitude)
    let names = sensitivity.rows.map(\.layer.count).max() ?? 0
    return zip(sensitivity.rows, costs).map { row, cost in
      let name = row.layer + String(repeating: " ", count: names - row.layer.count)
      guard let cost else { return "\(name)  not treated" }
      let length = Int((width * max(cost, 0) / largest).rounded())
      let bar = String(repeating: "█", count: length)
      return "\(name)  \(bar)\(length > 0 ? " " : "")\(costText(cost))"
    }.joined(separator: "\n")
  }

  /// The table as a page; the longer a bar, the more the layer minds.
  var html: String {
    var page = HTMLPage(
      title: "Sensitivity",
      subtitle: "each layer alone, without training; the original has \(text(sensitivity.original))"
    )
    let columns: [HTMLPage.Column] =
      [.init("layer", isNumber: false), .init("weights")]
      + sensitivity.levels.map { .init(levelText($0)) }
    let largest = sensitivity.rows.flatMap { $0.results.compactMap(cost) }.max() ?? 0
    let cells = sensitivity.rows.map { row -> [HTMLPage.Cell] in
      [.init(row.layer), .init(NumberText.grouped(row.weights))]
        + row.results.map { result in
          guard let cost = cost(result) else {
            return .init("-", detail: result.skipped ?? "")
          }
          return .init(
            text(result), share: largest > 0 ? cost / largest : 0, detail: costText(cost))
        }
    }
    page.add(
      "Layer by layer", "The longer a bar, the more is lost at that level.",
      HTMLPage.table(columns, cells))
    return page.text
  }
}
