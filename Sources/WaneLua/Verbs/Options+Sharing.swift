import WaneCompress

extension Option {
  /// How kernels are split.
  static let decomposition = Option(
    "decomposition", oneOf: Decomposition.allCases.map(\.rawValue), default: "svd",
    "how a window is split: svd: fewer filters, then single places; spatial_svd: a column, "
      + "then a row; tucker: single places, a window of fewer channels, single places; auto: what "
      + "pays most, layer by layer"
  ).belonging(to: "method", ["low_rank"])

  /// Which layers share.
  static let tiedLayers = Option(
    "layers", "list of lists of layers", default: "found by similarity",
    "those of a list share their weights; of a word for several - a kind, a pattern - those that "
      + "have one shape"
  ).belonging(to: "method", ["tie"])
}

extension Options {
  /// Low rank, by energy or by a share.
  func lowRank() throws -> LowRank {
    if has("ratio"), has("energy") {
      throw bad("ratio", "either ratio or energy, not both")
    }
    return try lowRank(
      number("ratio").map { .ratio($0) } ?? .energy(number("energy", default: 0.95)))
  }

  /// Low rank under a budget that needs no search; nil for other goals.
  func lowRankForTarget() throws -> LowRank? {
    guard try choice("method") == "low_rank",
      let limit = try loneLimit(["macs", "macs_ratio", "parameters"])
    else { return nil }
    for name in ["ratio", "energy"] where has(name) {
      throw bad(name, "ranks are chosen by the target")
    }
    if has("trial_epochs") { throw bad("trial_epochs", "no trials are made for such a target") }
    switch limit.name {
    case "macs": return try lowRank(.budget(.macs(whole(limit))))
    case "macs_ratio": return try lowRank(.budget(.macsRatio(limit.value)))
    default: return try lowRank(.budget(.parameters(whole(limit))))
    }
  }

  private func lowRank(_ choice: LowRank.Choice) throws -> LowRank {
    try LowRank(
      choice,
      decomposition: self.choice("decomposition").flatMap(Decomposition.init(rawValue:)) ?? .svd,
      selection: selection())
  }

  /// Layers that share their weights.
  func layerTying() throws -> LayerTying {
    let groups = try table("layers").map { table in
      try table.elements.map { group -> [String] in
        guard case .table(let names) = group, names.fields.isEmpty else {
          throw bad("layers", "lists of layers expected, as in { { \"conv2d_1\", \"conv2d_2\" } }")
        }
        return try names.elements.map { name in
          guard case .string(let name) = name else {
            throw bad("layers", "the name of a layer expected, got a \(name.typeName)")
          }
          return name
        }
      }
    }
    if groups != nil {
      for name in ["threshold", "count"] where has(name) {
        throw bad(name, "the option 'layers' says already which share")
      }
    }
    let count = try integer("count")
    return try LayerTying(
      groups: groups, threshold: number("threshold", default: count == nil ? 0.95 : -1),
      count: count,
      selection: selection())
  }
}
