import WaneCompress

extension Verb {
  static let prune = Verb(
    name: "prune", summary: "Sets the weights that matter least to zero, where they stay.",
    ownOptions: [
      Option(
        "sparsity", "number in [0, 1], or table of layer = number",
        "the share of units that become zero; n:m says it itself"
      ).belonging(to: "unit", PruneUnit.zeroed),
      Option(
        "unit", oneOf: PruneUnit.all.map(\.name), or: PruneUnit.pattern, default: "weight",
        PruneUnit.all.map { "\($0.name): \($0.summary)" }.joined(separator: "; ")
          + "; n:m, such as 2:4: all but n of every m weights along the inputs"),
      Option("block", "{ rows, columns }", default: "{ 4, 4 }", "the size of a block")
        .belonging(to: "unit", [PruneUnit.block.name]),
      Option(
        "criterion",
        oneOf: PruningCriterion.allCases.map(\.rawValue)
          + Option.structureCriteria.filter { PruningCriterion(rawValue: $0) == nil },
        default: "magnitude; correlation for layers",
        "magnitude: small ones; lamp: small ones against what their layer would have left (Lee et "
          + "al., 2021); taylor, fisher: those whose loss costs least, to first or second "
          + "order; error: those that change the layer's output least; activation: small ones on "
          + "small inputs; movement: those that training moves to zero; bn_scale: those that batch "
          + "normalization scales down; random: any; filters, heads and layers go by those of "
          + "compress"),
      Option(
        "scope", "\"global\" | \"layer\" | list of lists of layers", default: "global",
        "whether layers compete, each gives its share, or those of a list compete"
      ).belonging(to: "unit", PruneUnit.zeroed + [PruneUnit.filter.name, PruneUnit.head.name]),
      Option(
        "schedule", oneOf: ["constant", "one_shot", "cubic", "iterative", "rigl"],
        default: "constant",
        "constant or one_shot: at once; cubic: gradually while training (Zhu and Gupta, 2017); "
          + "iterative: in rounds of pruning and training for 'epochs' each (Han et al., 2015); "
          + "rigl: at once, then exchanged for others while training (Evci et al., 2020)"
      ).belonging(to: "unit", PruneUnit.zeroed),
      Option("rounds", "integer", default: "3", "how many rounds")
        .belonging(to: "schedule", ["iterative"]),
      Option(
        "rewind", "\"start\" | number of epochs", default: "none",
        "what is left returns to its values after so many epochs of a first training, or at its "
          + "start (Frankle and Carbin, 2019)"
      ).belonging(to: "schedule", ["iterative"]),
      Option(
        "initial", "Model", default: "none",
        "a model with the values to return to, in place of a first training"
      ).belonging(to: "schedule", ["iterative"]),
      Option("fraction", "number in (0, 1]", default: "0.3", "the share exchanged at first")
        .belonging(to: "schedule", ["rigl"]),
      Option(
        "interval", "integer", default: "100, or a 20th of the run", "steps between exchanges"
      ).belonging(to: "schedule", ["rigl"]),
    ] + Option.structure + Option.selection,
    example:
      #"sparse, report = wane.prune(model, { sparsity = 0.9, schedule = "cubic", data = train, epochs = 3 })"#
  ) { options in
    try PruneUnit.named(try options.string("unit") ?? "weight", options).pass(options)
  } knob: { options in
    PruneUnit.knob(try options.string("unit") ?? "weight")
  }
}
