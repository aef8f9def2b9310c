import WaneCompress

/// What `unit` of `wane.prune` can be: the word for it, and the pass that takes such units away.
struct PruneUnit: Sendable {
  let name: String
  /// What goes, in a few words, for the help.
  let summary: String
  /// Makes the pass that the options ask for.
  let pass: @Sendable (Options) throws -> any ModelPass

  /// All units, smallest first.
  static let all: [PruneUnit] = [weight, filter, head, layer]

  /// Single weights.
  static let weight = PruneUnit(name: "weight", summary: "single weights") { options in
    try Pruning(
      sparsity: options.required("sparsity", options.number("sparsity")),
      criterion: options.choice("criterion").flatMap(PruningCriterion.init(rawValue:))
        ?? .magnitude,
      scope: options.choice("scope").flatMap(PruningScope.init(rawValue:)) ?? .global,
      schedule: options.choice("schedule").flatMap(PruningSchedule.init(rawValue:)) ?? .constant,
      selection: options.selection())
  }
}
