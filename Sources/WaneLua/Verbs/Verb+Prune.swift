import WaneCompress

extension Verb {
  static let prune = Verb(
    name: "prune", summary: "Sets the weights that matter least to zero, where they stay.",
    ownOptions: [
      Option("sparsity", "number in [0, 1]", "the share of weights that become zero"),
      Option(
        "unit", oneOf: PruneUnit.all.map(\.name), default: "weight",
        PruneUnit.all.map { "\($0.name): \($0.summary)" }.joined(separator: "; ")),
      Option(
        "criterion",
        oneOf: PruningCriterion.allCases.map(\.rawValue)
          + Option.structureCriteria.filter { PruningCriterion(rawValue: $0) == nil },
        default: "magnitude; correlation for layers",
        "magnitude: small ones; taylor: those whose loss costs least to first order; filters, heads "
          + "and layers go by those of compress"),
      Option(
        "scope", oneOf: PruningScope.allCases.map(\.rawValue), default: "global",
        "whether layers compete or each gives its share"),
      Option(
        "schedule", oneOf: PruningSchedule.allCases.map(\.rawValue), default: "constant",
        "constant: at once; cubic: gradually while training (Zhu and Gupta, 2017)"),
    ] + Option.structure + Option.selection,
    example:
      #"sparse, report = wane.prune(model, { sparsity = 0.9, schedule = "cubic", data = train, epochs = 3 })"#
  ) { options in
    let name = try options.choice("unit") ?? "weight"
    let unit = PruneUnit.all.first { $0.name == name } ?? .weight
    return try unit.pass(options)
  } knob: { options in
    PruneUnit.knob(try options.string("unit") ?? "weight")
  }
}
