import WaneCompress
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

/// A sequence of verbs as Lua holds it, ready to run on any model.
final class PipelineBox: LuaObject {
  /// A verb with its options, checked but not yet given data.
  private struct Stage {
    let verb: Verb
    let pass: any ModelPass
    let options: Options
    /// Whether it learns from the model that the pipeline starts from.
    let learnsFromOriginal: Bool
  }

  /// The word that stands for the model that a pipeline starts from.
  static let original = "original"

  /// The stages as they were given: verb first, then its options.
  let recipe: [LuaTable]
  private let stages: [Stage]

  /// Checks a list of stages, `{ "prune", sparsity = 0.9, epochs = 3 }` each.
  ///
  /// - Throws: an error that names the stage.
  init(_ list: LuaTable) throws {
    guard list.fields.isEmpty, !list.elements.isEmpty else {
      throw PipelineBox.error("a list of stages expected, such as { \"prune\", sparsity = 0.9 }")
    }
    var recipe: [LuaTable] = []
    stages = try list.elements.enumerated().map { index, element in
      guard case .table(let table) = element, case .string(let name)? = table.elements.first else {
        throw PipelineBox.error(
          "stage \(index + 1) must start with a verb, as in { \"prune\", sparsity = 0.9 }")
      }
      guard let verb = Verb.stages.first(where: { $0.name == name }) else {
        let hint = NearestName.hint(for: name, in: Verb.stages.map(\.name))
        throw PipelineBox.error("stage \(index + 1): no verb '\(name)' \(hint)")
      }
      recipe.append(table)
      return try PipelineBox.stage(verb, table, number: index + 1)
    }
    self.recipe = recipe
  }

  private static func stage(_ verb: Verb, _ table: LuaTable, number: Int) throws -> Stage {
    var table = table
    table.elements.removeFirst()
    if let name = table.fields.keys.sorted().first(where: { table[$0].isFunction }) {
      throw error("stage \(number): '\(name)' is a function, which a stage cannot keep")
    }
    var learnsFromOriginal = false
    if case .string(original) = table["teacher"] {
      // The model that the pipeline starts from is not known yet; any stands for it here.
      table["teacher"] = .object(ModelBox(Graph()))
      learnsFromOriginal = true
    }
    let options = try Options(table, of: verb.name, verb.options)
    _ = try options.fineTuning(hasData: false)
    return Stage(
      verb: verb, pass: try verb.stagePass(options), options: options,
      learnsFromOriginal: learnsFromOriginal)
  }

  private static func error(_ message: String) -> LuaError { .argument(1, message) }

  /// The recipe as Lua code that makes the pipeline, with objects shown as `<Model>`.
  var description: String { "wane.pipeline \(RecipeText.shown(recipe))" }

  /// Runs the stages.
  ///
  /// - Parameters:
  ///   - model: what the first starts from.
  ///   - context: what all work with.
  /// - Returns: what the last made, and the report of each.
  /// - Throws: what a stage throws, or what constraint it broke.
  func run(_ model: Graph, _ context: CompressionContext) throws -> (
    model: Graph, reports: [Report]
  ) {
    let pipeline = try Pipeline(
      stages.map { stage in
        let options =
          stage.learnsFromOriginal
          ? stage.options.setting("teacher", .object(ModelBox(model))) : stage.options
        return Pipeline.Stage(
          pass: stage.pass, fineTuning: try options.fineTuning(hasData: context.data != nil),
          name: stage.verb.name)
      })
    return try pipeline.run(model, context)
  }
}

extension LuaValue {
  /// Whether it is a function.
  fileprivate var isFunction: Bool {
    if case .function = self { true } else { false }
  }
}

extension Noun {
  static let pipeline = Noun(
    PipelineBox.self, "Pipeline", "Verbs in sequence: what each one learned is kept by the next.",
    fields: [
      Field("stages", "list of tables", "The recipe: verb and options of each stage.") {
        (box: PipelineBox) in box.recipe.map { LuaValue.table($0) }
      }
    ],
    methods: [
      Function(
        "run",
        "Runs the stages one after another, and checks after each that all constraints hold.",
        signature: "run(model, options) -> Model, Report",
        options: [
          Option("data", "Dataset or Stream", default: "none", "what the stages learn from"),
          Option(
            "calibration", "Dataset or Stream", default: "the first 512 samples of data",
            "for quantize"),
          .validation,
        ] + Option.teaching + [.progress],
        example:
          "tiny, report = pipeline:run(model, { data = train, teacher = model, validation = test })",
        method: { (box: PipelineBox, context) in
          let model = try context.object(2, as: ModelBox.self).graph
          let work = try context.options(3).compression(context)
          let (result, reports) = try box.run(model, work)
          return context.results(
            ModelBox(result), ReportBox(reports, before: model, after: result))
        }),
      Function(
        "save",
        "Writes the recipe to a file, from which wane.pipeline reads it: a table in Lua.",
        signature: "save(path)", example: #"pipeline:save "recipe.lua""#,
        method: { (box: PipelineBox, context) in
          let text = try RecipeText.write(box.recipe)
          try TextFile.write("return \(text)\n", to: context.string(2))
          return context.results()
        }),
    ],
    metamethods: [
      Function(
        "__tostring", "The recipe as Lua code.", signature: "tostring(pipeline)",
        method: { (box: PipelineBox, context) in context.results(box.description) }),
      Function(
        "__len", "The number of stages.", signature: "#pipeline",
        method: { (box: PipelineBox, context) in context.results(box.recipe.count) }),
    ])
}

extension Function {
  /// `wane.pipeline`.
  static let pipeline = Function(
    "pipeline",
    "Verbs to be run one after another, from a list or from a file that holds one.",
    signature: "pipeline { { verb, options... }, ... } or pipeline(path) -> Pipeline",
    example: """
      recipe = wane.pipeline {
        { "prune", sparsity = 0.9, epochs = 3, teacher = "original" },
        { "compress", method = "share", clusters = 16, epochs = 2 },
        { "quantize", bits = 8, epochs = 2 },
        { "fit", epochs = 1 },
      }
      """
  ) { context in
    guard context.isString(1) else {
      return context.results(try PipelineBox(try context.table(1)))
    }
    let path = try context.string(1)
    let table = try RecipeText.read(path)
    do {
      return context.results(try PipelineBox(table))
    } catch {
      // What is wrong stands in the file, not in the call.
      switch LuaError(error) {
      case .argument(_, let message), .message(let message):
        throw LuaError.message("\(path): \(message)")
      case let other: throw other
      }
    }
  }
}
