import WaneCompress
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

/// A verb: `new_model, report = wane.VERB(model, options)`.
struct Verb: Sendable {
  let name: String
  let summary: String
  /// The options of its own, before those that verbs share.
  let ownOptions: [Option]
  let example: String
  /// Makes the pass that the options ask for.
  let pass: @Sendable (Options) throws -> any ModelPass
  /// What a search turns when a target is given instead of a strength; none where nothing can be.
  var knob: (@Sendable (Options) throws -> Knob?)?
  /// The pass that reaches a target by itself; nil where a search has to.
  var directPass: (@Sendable (Options) throws -> (any ModelPass)?)?

  /// All options.
  var options: [Option] {
    ownOptions + (knob == nil ? [] : Option.search) + Option.fineTuning
  }

  /// The verb as Lua calls it.
  var function: Function {
    Function(
      name, summary, signature: "\(name)(model, options) -> Model, Report", options: options,
      example: example
    ) { context in
      let model = try context.object(1, as: ModelBox.self).graph
      let options = try context.options(2)
      let work = try options.compression(context)
      let chosen: any ModelPass = try searchingPass(options)
      let outcome = try chosen.apply(to: model, work)
      let report = ReportBox(
        [outcome.report], before: model, after: outcome.model, peers: outcome.peers)
      return context.results(ModelBox(outcome.model), report)
    }
  }
}

extension Verb {
  /// The verbs, in the order of their families.
  static let all: [Verb] = [compress, quantize, prune, distill]

  static let compress = Verb(
    name: "compress",
    summary: "Makes a model smaller: fewer distinct weights, fewer filters, thinner layers.",
    ownOptions: [
      Option(
        "method", oneOf: ["share", "tie", "filters", "layers", "merge", "low_rank", "entropy"],
        "share: few distinct weights a layer; tie: the same weights for several layers; filters: really "
          + "narrower layers; layers: fewer of them; merge: one layer for several where that is the "
          + "same; low_rank: thin layers for one; "
          + "entropy: weights trained to take few bytes in the file"),
      Option("clusters", "integer in 2..256", default: "16", "distinct weights a layer")
        .belonging(to: "method", ["share"]),
      Option(
        "initial", oneOf: CentroidInitializer.allCases.map(\.rawValue), default: "kmeans++",
        "where the shared weights start"
      ).belonging(to: "method", ["share"]),
      Option(
        "per", oneOf: ["tensor", "channel"], default: "tensor",
        "whether all of a layer shares its weights, or each of its filters or units has its own"
      ).belonging(to: "method", ["share"]),
      Option(
        "ratio", "number in [0, 1), or table of layer = number", default: "0.5",
        "the share that is taken away, of filters, of layers in place of count, or of weights in place "
          + "of energy; only filters have a default"
      ).belonging(to: "method", ["filters", "layers", "low_rank"]),
      Option(
        "energy", "number in (0, 1]", default: "0.95",
        "the share of the squared singular values that is kept"
      ).belonging(to: "method", ["low_rank"]),
      Option(
        "rate", "number", default: "0.01",
        "the loss that a kilobyte may cost; target = { bytes = n } is met besides"
      ).belonging(to: "method", ["entropy"]), .decomposition, .tiedLayers,
    ] + Option.fewerFilters + Option.selection,
    example:
      #"slim, report = wane.compress(model, { method = "filters", ratio = 0.5, data = train, epochs = 2 })"#
  ) { options in
    switch try options.required("method", options.choice("method")) {
    case "share":
      return try WeightSharing(
        clusters: options.integer("clusters", default: 16),
        initial: options.choice("initial").flatMap(CentroidInitializer.init(rawValue:))
          ?? .kMeansPlusPlus,
        isPerChannel: options.choice("per") == "channel", selection: options.selection())
    case "entropy": return try options.entropyTraining()
    case "low_rank": return try options.lowRank()
    case "tie": return try options.layerTying()
    case "layers": return try options.layerRemoval(.cost)
    case "merge": return LayerMerging(selection: try options.selection())
    default: return try options.filterReduction()
    }
  } knob: { options in
    switch try options.required("method", options.choice("method")) {
    case "share": return .clusters
    case "low_rank": return .energy
    case "filters": return .ratio
    case "layers", "tie": return .count
    case "entropy": return .rate
    default: return nil
    }
  } directPass: { options in
    try options.filterReductionForTarget() ?? options.entropyTrainingForTarget()
      ?? options.lowRankForTarget()
  }
}
