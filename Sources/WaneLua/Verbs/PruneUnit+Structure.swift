import WaneCompress

// Units that go whole, so that shapes change: nothing is left of them to be zero.

extension PruneUnit {
  static let filter = PruneUnit(
    name: "filter", summary: "filters and units, really taken out"
  ) { options in
    try FilterReduction(
      .ratio(options.share()), criterion: options.filterCriterion(), scope: options.filterScope(),
      selection: options.selection(), name: "prune")
  }

  static let head = PruneUnit(
    name: "head", summary: "heads of attention, really taken out"
  ) { options in
    try HeadReduction(
      ratio: options.share(), criterion: options.filterCriterion(), scope: options.filterScope(),
      selection: options.selection())
  }

  static let layer = PruneUnit(
    name: "layer", summary: "layers, by correlation or cost"
  ) { options in
    var removal = try options.layerRemoval(.correlation)
    removal.name = "prune"
    return removal
  }

  /// The names of these units.
  static let whole = [filter, head, layer].map(\.name)

  /// What a search turns for a unit.
  static func knob(_ unit: String) -> Knob? {
    switch unit {
    case _ where unit.contains(":"): nil
    case filter.name, head.name: .ratio
    case layer.name: .count
    default: .sparsity
    }
  }
}

extension Options {
  /// The share of filters or heads.
  fileprivate func share() throws -> Double {
    try required("ratio", number("ratio"))
  }

  fileprivate func filterScope() throws -> FilterScope {
    guard let word = try string("scope") else { return .layer }
    guard let scope = FilterScope(rawValue: word) else {
      throw bad("scope", "expected 'layer' or 'global', got '\(word)'")
    }
    return scope
  }
}

extension Option {
  /// What units that go whole take.
  static let structure: [Option] =
    [
      Option("ratio", "number in [0, 1)", default: "none", "the share that goes")
        .belonging(to: "unit", PruneUnit.whole)
    ] + fewerLayers.map { $0.belonging(to: "unit", [PruneUnit.layer.name]) }

  /// The words that judge units that go whole.
  static let structureCriteria: [String] =
    FilterCriterion.allCases.map(\.rawValue) + LayerCriterion.allCases.map(\.rawValue)
}
