import WaneCompress

extension FrontBox {
  /// The front as a page that needs nothing else.
  var html: String {
    let models = all.count == 1 ? "1 model" : "\(all.count) models"
    var page = HTMLPage(
      title: "Smaller models",
      subtitle: "\(models) trained and measured in \(NumberText.fixed(seconds, 0)) s"
        + "\(isInterrupted ? ", interrupted" : ""); \(best == nil ? "none is " : "")\(wanted)")
    page.add("The front", "Models that no other beats in accuracy and size.", overview)
    page.add(
      "Accuracy against size and speed",
      "The original stands out in colour, what the front beats is faint.", plots)
    page.add(
      "Recipes", "Each makes its model again: wane.pipeline(recipe):run(model, ...).", recipes)
    return page.text
  }

  private func text(_ accuracy: Double) -> String { "\(NumberText.percent(accuracy)) %" }

  private var overview: String {
    let columns: [HTMLPage.Column] =
      [
        .init("", isNumber: false), .init("recipe", isNumber: false), .init("accuracy"),
        .init("diff"),
      ]
      + Quantity.allCases.map { .init($0.title) } + [.init("epochs")]
    func cells(_ row: Row, _ name: String) -> [HTMLPage.Cell] {
      let costs = Quantity.allCases.map { quantity -> HTMLPage.Cell in
        let amount = row.costs[quantity] ?? 0
        return .init(quantity.shown(amount), share: amount / (original.costs[quantity] ?? amount))
      }
      return [
        .init(name), .init(row.name), .init(text(row.accuracy)),
        .init((row.drop <= 0 ? "+" : "") + NumberText.fixed(-row.drop * 100, 2)),
      ] + costs + [.init(row.recipe == nil ? "" : NumberText.fixed(row.epochs, 1))]
    }
    let body =
      [cells(original, "")]
      + rows.enumerated().map { cells($1, "\($0 + 1)\($0 == best ? " *" : "")") }
    return HTMLPage.table(columns, body, marked: best.map { [$0 + 1] } ?? [])
  }

  private var plots: String {
    let places = Set(rows.map { ObjectIdentifier($0.model) })
    func scatter(_ quantity: Quantity, _ text: @escaping (Double) -> String) -> String {
      func point(_ row: Row, _ name: String, _ look: SVGScatter.Look) -> SVGScatter.Point {
        let amount = row.costs[quantity] ?? 0
        return SVGScatter.Point(
          x: amount, y: row.accuracy, name: name,
          detail: "\(row.name): \(self.text(row.accuracy)), \(quantity.shown(amount))", look: look)
      }
      let points =
        all.filter { !places.contains(ObjectIdentifier($0.model)) }.map { point($0, "", .faint) }
        + rows.enumerated().map { point($1, "\($0 + 1)", .usual) }
        + [point(original, "original", .first)]
      return SVGScatter(
        points, x: .init(name: quantity.axisName, text: text),
        y: .init(name: "accuracy", text: { "\(NumberText.percent($0, 1)) %" }),
        isJoined: quantity == axis
      ).text
    }
    let second: Quantity = axis == .latency ? .bytes : .latency
    return HTMLPage.figures(
      [axis, second].map { quantity in scatter(quantity, quantity.axisText) })
  }

  private var recipes: String {
    rows.enumerated().map { index, row in
      let stages = row.recipe?.table.elements.compactMap { element -> LuaTable? in
        if case .table(let table) = element { table } else { nil }
      }
      let code = "wane.pipeline \(RecipeText.shown(stages ?? []))"
      return HTMLPage.folded(
        "\(index + 1)  \(row.name)", "<pre>\(HTMLPage.escaped(code))</pre>", isOpen: index == best)
    }.joined(separator: "\n")
  }
}

extension Quantity {
  /// What an axis of it is called.
  fileprivate var axisName: String {
    switch self {
    case .bytes: "file"
    case .memory: "memory"
    case .macs: "multiplications"
    case .latency: "time of one sample"
    }
  }

  /// A value on its axis.
  fileprivate var axisText: (Double) -> String {
    switch self {
    case .bytes, .memory: NumberText.bytes
    case .macs: NumberText.count
    case .latency: NumberText.shortDuration
    }
  }
}
