import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

/// A verb tried on a model without training, to see what it gives.
struct Technique {
  /// The verb with its options, as a stage of a pipeline.
  let stage: LuaTable
  /// What it is called: `prune 0.9`.
  let name: String
  /// What fine-tuning to recommend, in epochs; nil for none.
  let epochs: Int?
  /// What the model takes afterwards; empty when the verb could not be applied.
  var costs: Costs = [:]
  /// The accuracy without training, where there are data.
  var accuracy: Double?
  /// Layers that were left as they are, and why.
  var skipped: [Report.Skipped] = []
  /// Why the verb could not be applied.
  var obstacle: String?

  /// Those that are tried, in the order in which they cost least trouble.
  static var usual: [Technique] {
    [
      Technique("quantize", ["bits": 8], "8 bits", epochs: nil),
      Technique("quantize", ["bits": 4], "4 bits", epochs: 1),
      Technique("compress", ["method": "share", "clusters": 16], "16 shared weights", epochs: 1),
      Technique("prune", ["sparsity": 0.9], "nine in ten weights zero", epochs: 3),
      Technique("compress", ["method": "filters", "ratio": 0.5], "half of the filters", epochs: 2),
      Technique("compress", ["method": "low_rank", "energy": 0.9], "low rank", epochs: 1),
    ]
  }

  private init(_ verb: String, _ options: [String: LuaValue], _ name: String, epochs: Int?) {
    stage = LuaTable([.string(verb)], fields: options)
    self.name = name
    self.epochs = epochs
  }

  /// The verb.
  var verb: String {
    if case .string(let verb)? = stage.elements.first { verb } else { "" }
  }

  /// The line of Lua that does it, with fine-tuning where that is needed.
  var call: String {
    var options = stage
    options.elements = []
    if verb == "prune" { options["schedule"] = "cubic" }
    let text = RecipeText.shown(options)
    let data =
      epochs.map { "data = train, epochs = \($0)" } ?? "calibration = train:take(512)"
    return "wane.\(verb)(model, \(text.dropLast(2)), \(data) })"
  }

  /// Applies the verb, and measures the result.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - data: what is measured on; nil when only sizes and times are.
  ///   - samples: what shows the ranges of values.
  ///   - meter: measures what models take.
  ///   - context: threads, and who waits.
  /// - Returns: the technique with what was measured.
  /// - Throws: when the user stops; what the verb objects to is noted.
  func tried(
    on model: Graph, data: Dataset?, samples: Dataset, _ meter: CostMeter,
    _ context: CompressionContext
  ) throws -> Technique {
    var result = self
    do {
      var work = context
      work.data = nil
      work.calibration = samples
      let outcome = try PipelineBox(LuaTable([.table(stage)])).run(model, work)
      result.skipped = outcome.reports.last?.skipped ?? []
      result.costs = try meter.measure(outcome.model, Quantity.allCases, poll: context.poll)
      if let data {
        result.accuracy =
          try Evaluation(outcome.model, on: data, pool: context.pool, poll: context.poll).accuracy
      }
    } catch {
      if case .interrupted = LuaError(error) { throw error }
      result.obstacle = "\(error)"
    }
    return result
  }
}
