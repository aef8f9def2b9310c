import WaneCompress
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
  }

  private let stages: [Stage]

  /// Checks a list of stages, `{ "prune", sparsity = 0.9, epochs = 3 }` each.
  init(_ list: LuaTable, _ context: CallContext) throws {
    guard list.fields.isEmpty, !list.elements.isEmpty else {
      throw context.argumentError(
        1, "a list of stages expected, such as { \"prune\", sparsity = 0.9 }")
    }
    stages = try list.elements.enumerated().map { index, element in
      guard case .table(var table) = element, case .string(let name)? = table.elements.first else {
        throw context.argumentError(
          1, "stage \(index + 1) must start with a verb, as in { \"prune\", sparsity = 0.9 }")
      }
      guard let verb = Verb.all.first(where: { $0.name == name }) else {
        let hint = NearestName.hint(for: name, in: Verb.all.map(\.name))
        throw context.argumentError(1, "stage \(index + 1): no verb '\(name)' \(hint)")
      }
      table.elements.removeFirst()
      let options = try Options(table, of: name, verb.options)
      // Distillation gets its teacher when the pipeline runs.
      let pass: any ModelPass =
        verb.name == "distill" && !options.has("teacher")
        ? Distilling(
          transfer: try options.choice("transfer").flatMap(ParameterTransfer.init(rawValue:))
            ?? .none)
        : try verb.pass(options)
      _ = try options.fineTuning(hasData: false)
      return Stage(verb: verb, pass: pass, options: options)
    }
  }

  /// One line: `Pipeline (prune, compress, quantize)`.
  var description: String {
    "Pipeline (\(stages.map(\.verb.name).joined(separator: ", ")))"
  }

  func run(_ model: Graph, _ context: CompressionContext) throws -> (
    model: Graph, reports: [Report]
  ) {
    let pipeline = try Pipeline(
      stages.map { stage in
        Pipeline.Stage(
          pass: stage.pass,
          fineTuning: try stage.options.fineTuning(hasData: context.data != nil))
      })
    return try pipeline.run(model, context)
  }
}

extension Noun {
  static let pipeline = Noun(
    PipelineBox.self, "Pipeline", "Verbs in sequence: what each one learned is kept by the next.",
    methods: [
      Function(
        "run",
        "Runs the stages one after another, and checks after each that all constraints hold.",
        signature: "run(model, options) -> Model, Report",
        options: [
          Option("data", "Dataset", default: "none", "what the stages learn from"),
          Option(
            "calibration", "Dataset", default: "the first 512 samples of data", "for quantize"),
          .validation,
          Option("teacher", "Model", default: "none", "a model that all stages learn from"),
          Option("temperature", "number", default: "4", "how soft the teacher's answers are made"),
          Option("alpha", "number in [0, 1]", default: "0.9", "the teacher's weight"), .progress,
        ],
        example:
          "tiny, report = pipeline:run(model, { data = train, teacher = model, validation = test })",
        method: { (box: PipelineBox, context) in
          let model = try context.object(2, as: ModelBox.self).graph
          let work = try context.options(3).compression(context)
          let (result, reports) = try box.run(model, work)
          return context.results(
            ModelBox(result), ReportBox(reports, before: model, after: result))
        })
    ],
    metamethods: [
      Function(
        "__tostring", "Its verbs.", signature: "tostring(pipeline)",
        method: { (box: PipelineBox, context) in context.results(box.description) })
    ])
}

extension Function {
  /// `wane.pipeline`.
  static let pipeline = Function(
    "pipeline", "Verbs to be run one after another.",
    signature: "pipeline { { verb, options... }, ... } -> Pipeline",
    example: """
      recipe = wane.pipeline {
        { "prune", sparsity = 0.9, epochs = 3 },
        { "compress", method = "share", clusters = 16, epochs = 2 },
        { "quantize", bits = 8, epochs = 2 },
      }
      """
  ) { context in
    context.results(try PipelineBox(try context.table(1), context))
  }
}
