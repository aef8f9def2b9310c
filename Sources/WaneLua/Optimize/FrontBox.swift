import WaneCompress
import WaneGraph
import WaneTensor

/// What an exploration measured, as Lua holds it.
final class FrontBox: LuaObject {
  /// A model of the front, or the original.
  struct Row {
    let name: String
    /// None for the original.
    let recipe: Recipe?
    let model: ModelBox
    let accuracy: Double
    let drop: Double
    let costs: Costs
    let epochs: Double
    let seconds: Double
  }

  /// The model that all started from.
  let original: Row
  /// Those that no other beats, the smallest first.
  let rows: [Row]
  /// All that was measured, in order.
  let all: [Row]
  /// The place in `rows` of the model that was chosen.
  let best: Int?
  /// What was wanted, in words.
  let wanted: String
  /// How long it took.
  let seconds: Double
  /// Whether the user ended it.
  let isInterrupted: Bool
  /// What the horizontal axis of a plot is.
  let axis: Quantity

  init(
    original: Row, rows: [Row], all: [Row], best: Int?, wanted: String, seconds: Double,
    isInterrupted: Bool, axis: Quantity
  ) {
    self.original = original
    self.rows = rows
    self.all = all
    self.best = best
    self.wanted = wanted
    self.seconds = seconds
    self.isInterrupted = isInterrupted
    self.axis = axis
  }

  /// What a row says, by the names that JSON, CSV and Lua use, in order; without model and recipe.
  func fields(_ row: Row) -> TableExport.Row {
    [("name", .string(row.name)), ("accuracy", .number(row.accuracy)), ("drop", .number(row.drop))]
      + Quantity.allCases.map { ($0.rawValue, row.costs[$0].map($0.lua) ?? .none) }
      + [("epochs", .number(row.epochs)), ("seconds", .number(row.seconds))]
  }

  /// A row with its recipe as text.
  private func exported(_ row: Row) -> TableExport.Row {
    let recipe = row.recipe.map { recipe -> LuaValue in
      let stages = recipe.table.elements.compactMap { element -> LuaTable? in
        if case .table(let table) = element { table } else { nil }
      }
      return .string(RecipeText.shown(stages))
    }
    return fields(row) + [("recipe", recipe ?? .none)]
  }

  var json: String {
    TableExport.json(
      rows.map { fields($0) + [("recipe", $0.recipe.map { .table($0.table) } ?? .none)] })
  }

  var csv: String { TableExport.csv(rows.map(exported)) }

  /// A row as a Lua table.
  func table(_ row: Row) -> LuaValue {
    var table = LuaTable(fields: Dictionary(fields(row).map { ($0.name, $0.value) }) { $1 })
    table["model"] = .object(row.model)
    table["recipe"] = row.recipe.map { .table($0.table) } ?? .none
    return .table(table)
  }

  /// The front as people read it.
  var text: String {
    var table = TextTable(
      [("", .left), ("recipe", .left), ("accuracy", .right), ("diff", .right)]
        + Quantity.allCases.map { (title: $0.title, alignment: .right) } + [("epochs", .right)])
    func cells(_ row: Row, _ mark: String) -> [String] {
      [
        mark, row.name, "\(NumberText.percent(row.accuracy)) %",
        (row.drop <= 0 ? "+" : "") + NumberText.fixed(-row.drop * 100, 2),
      ]
        + Quantity.allCases.map { quantity in
          row.costs[quantity].map { quantity.shown($0) } ?? "-"
        } + [row.recipe == nil ? "" : NumberText.fixed(row.epochs, 1)]
    }
    for (index, row) in rows.enumerated() {
      table.add(cells(row, index == best ? "\(index + 1) *" : "\(index + 1)"))
    }
    table.addFooter(cells(original, ""))
    let models = all.count == 1 ? "1 model" : "\(all.count) models"
    let time = seconds < 100 ? "\(NumberText.fixed(seconds, 1)) s" : "\(Int(seconds)) s"
    let outcome = best == nil ? "no model is \(wanted)" : "* \(wanted)"
    return table.text
      + "\n\(models) in \(time)\(isInterrupted ? ", interrupted" : ""); \(outcome)"
  }

  /// Accuracy against size, for a terminal.
  var plot: String {
    let points =
      all.map { ScatterText.Point(x: $0.costs[axis] ?? 0, y: $0.accuracy, mark: "·") }
      + [ScatterText.Point(x: original.costs[axis] ?? 0, y: original.accuracy, mark: "o")]
      + rows.enumerated().map { index, row in
        ScatterText.Point(
          x: row.costs[axis] ?? 0, y: row.accuracy, mark: ScatterText.mark(index))
      }
    return ScatterText.draw(
      points, x: (axis.title, axis.shown), y: ("accuracy", { "\(NumberText.percent($0)) %" }))
      + "\no original, numbers the front, · other models"
  }
}

extension Noun {
  static let front = Noun(
    FrontBox.self, "Front", "The models of a search that no other beats in accuracy and size.",
    fields: [
      Field(
        "rows", "list of tables",
        "Name, recipe, model, accuracy, drop, bytes, memory, macs, latency, epochs and seconds."
      ) { (box: FrontBox) in box.rows.map { box.table($0) } },
      Field("all", "list of tables", "The same of every model that was measured, in order.") {
        (box: FrontBox) in box.all.map { box.table($0) }
      },
      Field("original", "table", "The same of the model that all started from.") {
        (box: FrontBox) in box.table(box.original)
      },
      Field("best", "integer or nil", "The row that was chosen; nil when none is as wanted.") {
        (box: FrontBox) in box.best.map { $0 + 1 }
      },
      Field("seconds", "number", "How long the search took.") { (box: FrontBox) in box.seconds },
      Field("interrupted", "boolean", "Whether Ctrl-C ended it.") {
        (box: FrontBox) in box.isInterrupted
      },
    ],
    methods: [
      Function(
        "pipeline", "The recipe of a row, to be run again.",
        signature: "pipeline(row) -> Pipeline",
        example: "again = front:pipeline(1):run(model, { data = train })",
        method: { (box: FrontBox, context) in
          guard !box.rows.isEmpty else { throw context.argumentError(2, "the front is empty") }
          let row = try context.integer(2, in: 1...box.rows.count)
          return context.results(try PipelineBox(box.rows[row - 1].recipe?.table ?? LuaTable()))
        }),
      Function(
        "json", "The rows as JSON.", signature: "json() -> text",
        method: { (box: FrontBox, context) in context.results(box.json) }),
      Function(
        "csv", "The rows as comma-separated values with a header.", signature: "csv() -> text",
        method: { (box: FrontBox, context) in context.results(box.csv) }),
      Function(
        "plot", "Accuracy against size, in letters.", signature: "plot() -> text",
        example: "print(front:plot())",
        method: { (box: FrontBox, context) in context.results(box.plot) }),
      Function(
        "html",
        "A page with table, plots and recipes, whole in itself; with a path, written to a file.",
        signature: "html([path]) -> text", example: #"front:html "front.html""#,
        method: { (box: FrontBox, context) in try context.page(box.html) }),
    ],
    metamethods: [
      Function(
        "__tostring", "An aligned table.", signature: "tostring(front)",
        method: { (box: FrontBox, context) in context.results(box.text) }),
      Function(
        "__index", "A row by its place.", signature: "front[1]",
        method: { (box: FrontBox, context) in
          guard context.isNumber(2) else { return context.results(LuaValue.none) }
          let place = try context.integer(2)
          return context.results(
            box.rows.indices.contains(place - 1) ? box.table(box.rows[place - 1]) : .none)
        }),
      Function(
        "__len", "The number of models in the front.", signature: "#front",
        method: { (box: FrontBox, context) in context.results(box.rows.count) }),
    ])
}
