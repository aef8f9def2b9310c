import WaneCompress

extension Option {
  /// What fewer filters take.
  static let fewerFilters: [Option] =
    [
      Option(
        "criterion",
        oneOf: FilterCriterion.allCases.map(\.rawValue) + LayerCriterion.allCases.map(\.rawValue),
        default: "l2; cost for layers",
        "of filters: which matter least, by weights (l1, l2, geometric_median), the normalization "
          + "behind them (bn_scale), gradients (taylor), what they hand on (activation, apoz), what "
          + "the next layer loses (reconstruction), or chance (random); of layers: those most like "
          + "their operand (correlation), or without which the loss grows least (cost)"
      ).belonging(to: "method", ["filters", "layers"])
    ]
    + [
      Option(
        "scope", oneOf: FilterScope.allCases.map(\.rawValue), default: "layer",
        "whether each layer gives its share or all compete"),
      Option(
        "round_to", "integer", default: "1", "what the numbers left are multiples of, such as 8"),
      Option("min_filters", "integer", default: "1", "how many stay in a layer at least"),
      Option(
        "refit", "boolean", default: "true for reconstruction",
        "fit the weights left to what the layers gave before, on data"),
    ].map { $0.belonging(to: "method", ["filters"]) }
    + fewerLayers.map { $0.belonging(to: "method", ["layers", "tie"]) }

  /// What fewer layers take, and layers that share.
  static let fewerLayers: [Option] = [
    Option(
      "threshold", "number in [-1, 1]", default: "0.95; any with ratio or count of tie",
      "the correlation from which a layer goes; for tie, the similarity from which two share"
    ).belonging(to: "criterion", [LayerCriterion.correlation.rawValue], isImplied: true),
    Option(
      "count", "integer", default: "1 by cost, else all",
      "how many layers go, or take the weights of another, at most"),
  ]
}

extension Options {
  /// Fewer filters, by a share.
  func filterReduction() throws -> FilterReduction {
    guard case .table(let table) = value("ratio") else {
      return try filterReduction(.ratio(number("ratio", default: 0.5)), [])
    }
    guard table.elements.isEmpty else {
      throw bad("ratio", "a number, or a table such as { conv2d = 0.5 } expected")
    }
    let ratios = try table.fields.sorted { $0.key < $1.key }.map { layers, value in
      switch value {
      case .integer(let share): (layers: layers, ratio: Double(share))
      case .number(let share): (layers: layers, ratio: share)
      default: throw bad("ratio", "the share of '\(layers)' must be a number")
      }
    }
    return try filterReduction(.ratio(0), ratios)
  }

  /// Fewer filters until a target of multiply-accumulate operations alone is met; nil for other goals,
  /// which are searched for.
  func filterReductionForTarget() throws -> FilterReduction? {
    guard try choice("method") == "filters", let limit = try loneLimit(["macs", "macs_ratio"])
    else {
      return nil
    }
    let amount: FilterReduction.Amount =
      limit.name == "macs" ? .macs(try whole(limit)) : .macsRatio(limit.value)
    if has("ratio") { throw bad("ratio", "ratio is searched for when there is a target") }
    if has("trial_epochs") { throw bad("trial_epochs", "no trials are made for MACs alone") }
    return try filterReduction(amount, [])
  }

  /// The one limit of the option `target`, if it is one of some and accuracy is not limited.
  func loneLimit(_ names: [String]) throws -> (name: String, value: Double)? {
    guard !has("max_drop"), let target = try nested("target", Option.target) else { return nil }
    let given = Option.target.map(\.name).filter(target.has)
    guard given.count == 1, names.contains(given[0]) else { return nil }
    return try target.number(given[0]).map { (given[0], $0) }
  }

  /// A limit that is a count.
  func whole(_ limit: (name: String, value: Double)) throws -> Int {
    guard let whole = Int(exactly: limit.value.rounded(.down)), whole > 0 else {
      throw bad(
        "target",
        "\(limit.name) must be a positive number, got \(LuaNumber.format(limit.value))")
    }
    return whole
  }

  private func filterReduction(
    _ amount: FilterReduction.Amount, _ ratios: [(layers: String, ratio: Double)]
  ) throws -> FilterReduction {
    try FilterReduction(
      amount, criterion: filterCriterion(),
      ratios: ratios, scope: choice("scope").flatMap(FilterScope.init(rawValue:)) ?? .layer,
      multiple: integer("round_to", default: 1), least: integer("min_filters", default: 1),
      refits: boolean("refit"), selection: selection())
  }

  /// What a filter is worth.
  func filterCriterion() throws -> FilterCriterion {
    guard let word = try choice("criterion") else { return .l2 }
    if word == "magnitude" { return .l2 }
    guard let criterion = FilterCriterion(rawValue: word) else {
      throw bad("criterion", "'\(word)' does not judge filters")
    }
    return criterion
  }

  /// Fewer layers.
  func layerRemoval(_ usual: LayerCriterion) throws -> LayerRemoval {
    let criterion = try choice("criterion").map { word in
      guard let criterion = LayerCriterion(rawValue: word) else {
        throw bad("criterion", "'\(word)' does not judge layers")
      }
      return criterion
    }
    let ratio = try number("ratio")
    if ratio != nil, has("count") { throw bad("count", "either count or ratio, not both") }
    // A share says by itself how many go, unless they have to be alike as well.
    return try LayerRemoval(
      criterion ?? (has("threshold") ? .correlation : usual),
      threshold: number("threshold", default: ratio == nil ? 0.95 : -1), count: integer("count"),
      ratio: ratio, selection: selection())
  }
}
