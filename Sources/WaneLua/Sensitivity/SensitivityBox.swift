import WaneCompress

/// A sensitivity as Lua holds it.
final class SensitivityBox: LuaObject {
  let sensitivity: Sensitivity

  init(_ sensitivity: Sensitivity) { self.sensitivity = sensitivity }

  /// What is compared: accuracy, or loss where labels are not classes.
  func score(_ result: Sensitivity.Result) -> Double { result.accuracy ?? result.loss }

  /// Whether labels are classes.
  var isClassified: Bool { sensitivity.original.accuracy != nil }

  /// A result as people read it.
  func text(_ result: Sensitivity.Result) -> String {
    if result.skipped != nil { return "-" }
    return isClassified
      ? "\(NumberText.percent(result.accuracy)) %" : NumberText.fixed(result.loss, 4)
  }

  /// An aligned table: a row a layer, a column a level.
  var text: String {
    let levels = sensitivity.levels.map { level in
      level == level.rounded() ? "\(Int(level))" : NumberText.fixed(level, 2)
    }
    var table = TextTable(
      [("layer", .left), ("weights", .right)]
        + levels.map { (title: "\(sensitivity.method.rawValue) \($0)", alignment: .right) })
    for row in sensitivity.rows {
      table.add([row.layer, NumberText.grouped(row.weights)] + row.results.map(text))
    }
    table.addFooter(
      ["original", ""] + levels.indices.map { $0 == 0 ? text(sensitivity.original) : "" })
    return table.text
  }

  /// A row a layer as Lua tables.
  var rows: [LuaValue] {
    sensitivity.rows.map { row in
      let results = zip(sensitivity.levels, row.results).map { level, result -> LuaValue in
        var fields: [String: LuaValue] = ["level": .number(level), "loss": .number(result.loss)]
        fields["accuracy"] = result.accuracy.map { .number($0) }
        fields["skipped"] = result.skipped.map { .string($0) }
        return .table(LuaTable(fields: fields))
      }
      return .table(
        LuaTable(fields: [
          "layer": .string(row.layer), "weights": .integer(row.weights),
          "results": .table(LuaTable(results)),
        ]))
    }
  }
}

extension Noun {
  static let sensitivity = Noun(
    SensitivityBox.self, "Sensitivity", "How much each layer minds being made smaller.",
    fields: [
      Field("rows", "list of tables", "Layer, weights, and a result for each level.") {
        (box: SensitivityBox) in box.rows
      },
      Field("levels", "list of numbers", "The levels that were tried.") {
        (box: SensitivityBox) in box.sensitivity.levels.map { LuaValue.number($0) }
      },
    ],
    methods: [
      Function(
        "plot", "A bar a layer: what the last level costs it.", signature: "plot() -> text",
        example: "print(sensitivity:plot())",
        method: { (box: SensitivityBox, context) in context.results(box.plot) }),
      Function(
        "html", "A page with the table, whole in itself; with a path, written to a file.",
        signature: "html([path]) -> text", example: #"sensitivity:html "sensitivity.html""#,
        method: { (box: SensitivityBox, context) in try context.page(box.html) }),
    ],
    metamethods: [
      Function(
        "__tostring", "An aligned table.", signature: "tostring(sensitivity)",
        method: { (box: SensitivityBox, context) in context.results(box.text) }),
      Function(
        "__len", "The number of layers.", signature: "#sensitivity",
        method: { (box: SensitivityBox, context) in
          context.results(box.sensitivity.rows.count)
        }),
    ])
}

extension Function {
  /// `wane.sensitivity`.
  static let sensitivity = Function(
    "sensitivity",
    "Tries each layer alone at several levels, without training, and measures what it costs.",
    signature: "sensitivity(model, options) -> Sensitivity",
    options: [
      Option(
        "by", oneOf: Sensitivity.Method.allCases.map(\.rawValue), default: "prune",
        "prune: share of zeros; quantize: bits; filters: share taken out; low_rank: energy kept"),
      Option(
        "levels", "list of numbers", default: "three or four usual ones", "how far each layer goes"),
      Option("data", "Dataset", "what is measured on"),
    ] + Option.selection + [.progress],
    example:
      #"print(wane.sensitivity(model, { by = "prune", levels = { .3, .6, .9 }, data = test }))"#
  ) { context in
    let model = try context.object(1, as: ModelBox.self).graph
    let options = try context.options(2)
    let work = CompressionContext(
      pool: try Threads.pool(), data: try options.required("data", options.dataset("data")),
      progress: try context.progress(options), poll: context.poll)
    return context.results(
      SensitivityBox(
        try Sensitivity(
          model, by: options.choice("by").flatMap(Sensitivity.Method.init(rawValue:)) ?? .prune,
          levels: options.numbers("levels") ?? [], selection: options.selection(), work)))
  }
}
