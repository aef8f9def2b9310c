import WaneFormats
import WaneGraph
import WaneTensor

extension Noun {
  static let comparison = Noun(
    ComparisonBox.self, "Comparison", "Models side by side.",
    fields: [
      Field("rows", "list of tables", "The measures of each model.") { (box: ComparisonBox) in
        box.rows.map { box.table($0) }
      }
    ],
    methods: [
      Function(
        "json", "The rows as JSON.", signature: "json() -> text",
        method: { (box: ComparisonBox, context) in
          context.results(TableExport.json(box.rows.map(box.fields)))
        }),
      Function(
        "csv", "The rows as comma-separated values with a header.", signature: "csv() -> text",
        method: { (box: ComparisonBox, context) in
          context.results(TableExport.csv(box.rows.map(box.fields)))
        }),
      Function(
        "plot", "A bar a model, the size of its file, and accuracy against size, in letters.",
        signature: "plot() -> text", example: "print(comparison:plot())",
        method: { (box: ComparisonBox, context) in context.results(box.plot) }),
      Function(
        "html",
        "A page with table, plots and layers, whole in itself; with a path, written to a file.",
        signature: "html([path]) -> text", example: #"comparison:html "report.html""#,
        method: { (box: ComparisonBox, context) in try context.page(box.html()) }),
    ],
    metamethods: [
      Function(
        "__tostring", "An aligned table.", signature: "tostring(comparison)",
        method: { (box: ComparisonBox, context) in context.results(box.text) }),
      Function(
        "__index", "The measures of a model by its name or place.", signature: "comparison.int8",
        method: { (box: ComparisonBox, context) in
          if context.isNumber(2) {
            let place = try context.integer(2)
            return context.results(
              box.rows.indices.contains(place - 1) ? box.table(box.rows[place - 1]) : .none)
          }
          let name = try context.string(2)
          return context.results(
            box.rows.first { $0.name == name }.map { box.table($0) } ?? .none)
        }),
      Function(
        "__len", "The number of models.", signature: "#comparison",
        method: { (box: ComparisonBox, context) in context.results(box.rows.count) }),
    ],
    names: { box, _ in box.rows.map(\.name) })
}

extension ComparisonBox {
  /// A row as a Lua table.
  fileprivate func table(_ row: Row) -> LuaValue {
    .table(LuaTable(fields: Dictionary(fields(row).map { ($0.name, $0.value) }) { $1 }))
  }
}

extension Function {
  /// `wane.compare`.
  static let compare = Function(
    "compare", "Evaluates models and measures their size, memory and speed, in one table.",
    signature: "compare({ name = model, ... } or { { name, model }, ... }, options) -> Comparison",
    options: [
      Option("data", "Dataset", "what they are evaluated on"),
      Option(
        "baseline", "string", default: "'original', else the largest file",
        "the model that the others are compared with"),
      Option("seconds", "number", default: "0.4", "how long to measure the speed of each"),
      .progress,
    ],
    example: "print(wane.compare({ original = model, int8 = int8 }, { data = test }))"
  ) { context in
    let options = try context.options(2)
    let data = try options.required("data", options.dataset("data"))
    let seconds = try options.number("seconds", default: 0.4)
    guard seconds > 0, seconds <= 3600 else {
      throw options.bad("seconds", "a number from 0 to 3600 expected, got \(seconds)")
    }
    let models = try context.namedModels(1, baseline: options.string("baseline"), options)
    return context.results(
      try ComparisonBox(
        models, data: data, seconds: seconds, progress: context.progress(options),
        poll: context.poll))
  }
}

extension CallContext {
  /// Models with their names, the one to compare with first.
  ///
  /// A list keeps its order; a table by names has none, so its rows go from the largest file to the
  /// smallest.
  fileprivate func namedModels(_ index: Int, baseline: String?, _ options: Options) throws -> [(
    name: String, graph: Graph
  )] {
    let table = try table(index)
    func model(_ value: LuaValue, _ name: String) throws -> Graph {
      guard case .object(let object) = value, let box = object as? ModelBox else {
        throw argumentError(index, "'\(name)' must be a Model, got \(value.shortDescription)")
      }
      return box.graph
    }
    var models = try table.elements.enumerated().map { place, element in
      guard case .table(let pair) = element, pair.elements.count == 2,
        case .string(let name) = pair.elements[0]
      else { throw argumentError(index, "element \(place + 1) must be { name, model }") }
      return (name: name, graph: try model(pair.elements[1], name))
    }
    let named = try table.fields.map { (name: $0.key, graph: try model($0.value, $0.key)) }
      .map { (name: $0.name, graph: $0.graph, bytes: try WaneFile.size(of: $0.graph)) }
      .sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
    models += named.map { (name: $0.name, graph: $0.graph) }
    guard !models.isEmpty else { throw argumentError(index, "no models to compare") }
    let first = baseline ?? (table.elements.isEmpty ? "original" : models[0].name)
    if let place = models.firstIndex(where: { $0.name == first }) {
      models.insert(models.remove(at: place), at: 0)
    } else if baseline != nil {
      throw options.bad(
        "baseline", "no model '\(first)' \(NearestName.hint(for: first, in: models.map(\.name)))")
    }
    return models
  }
}
