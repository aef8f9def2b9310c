import WaneCompress

/// What `unit` of `wane.prune` can be: the word for it, and the pass that takes such units away.
struct PruneUnit: Sendable {
  let name: String
  /// What goes, in a few words, for the help.
  let summary: String
  /// Makes the pass that the options ask for.
  let pass: @Sendable (Options) throws -> any ModelPass

  /// All units with a name, smallest first; besides, there are patterns such as `2:4`.
  static let all: [PruneUnit] = [weight, block, row, column, filter, head, layer]
  /// What stands for those patterns in the help.
  static let pattern = "n:m"
  /// Units that become zero and stay where they are.
  static let zeroed = [weight, block, row, column].map(\.name) + [pattern]

  static let weight = PruneUnit(name: "weight", summary: "single weights") { options in
    try options.pruning(.weight)
  }

  static let block = PruneUnit(name: "block", summary: "rectangles of weights") { options in
    let extents = try options.integers("block") ?? [4, 4]
    guard extents.count == 2 else {
      throw options.bad("block", "{ rows, columns } expected, got \(extents.count) numbers")
    }
    return try options.pruning(.block(rows: extents[0], columns: extents[1]))
  }

  static let row = PruneUnit(
    name: "row", summary: "all that one input is multiplied by"
  ) { options in
    try options.pruning(.row)
  }

  static let column = PruneUnit(
    name: "column", summary: "all that goes into one output"
  ) { options in
    try options.pruning(.column)
  }

  /// The unit of a word.
  ///
  /// - Throws: when there is none.
  static func named(_ word: String, _ options: Options) throws -> PruneUnit {
    if let unit = all.first(where: { $0.name == word }) { return unit }
    let numbers = word.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    if numbers.count == 2, let keeping = numbers[0], let group = numbers[1] {
      return PruneUnit(name: word, summary: "") { options in
        try options.pruning(.pattern(keeping: keeping, of: group))
      }
    }
    let names = all.map(\.name)
    let list = names.map { "'\($0)'" }.joined(separator: ", ")
    let hint = NearestName.of(word, in: names).map { " (did you mean '\($0)'?)" } ?? ""
    throw options.bad("unit", "expected one of \(list) or n:m, got '\(word)'\(hint)")
  }
}

extension Options {
  /// The pass that zeroes units of a kind.
  fileprivate func pruning(_ unit: PruningUnit) throws -> Pruning {
    let criterion: PruningCriterion =
      try choice("criterion").map { word in
        guard let criterion = PruningCriterion(rawValue: word) else {
          throw bad("criterion", "'\(word)' does not judge units '\(unit)'")
        }
        return criterion
      } ?? .magnitude
    return try Pruning(
      sparsity(for: unit), unit: unit, criterion: criterion, scope: pruningScope(),
      schedule: pruningSchedule(), selection: selection())
  }

  private func sparsity(for unit: PruningUnit) throws -> PruningSparsity {
    if case .pattern = unit, !has("sparsity") { return .byPattern }
    guard case .table(let table) = value("sparsity"), table.elements.isEmpty else {
      return try .uniform(required("sparsity", number("sparsity")))
    }
    return .byLayer(
      try table.fields.sorted { $0.key < $1.key }.map { layers, value in
        switch value {
        case .integer(let share): (layers: layers, sparsity: Double(share))
        case .number(let share): (layers: layers, sparsity: share)
        default:
          throw bad("sparsity", "the share of '\(layers)' must be a number")
        }
      })
  }

  private func pruningScope() throws -> PruningScope {
    switch value("scope") {
    case nil: return .global
    case .table(let table) where table.fields.isEmpty && !table.elements.isEmpty:
      return .groups(
        try table.elements.map { element in
          switch element {
          case .string(let word): return [word]
          case .table(let group) where group.fields.isEmpty && !group.elements.isEmpty:
            return try group.elements.map { word in
              guard case .string(let word) = word else {
                throw bad("scope", "a group is a list of words, got a \(word.typeName) in one")
              }
              return word
            }
          default:
            throw bad(
              "scope", "lists of layers expected, as in { { \"conv.*\" }, { \"dense.*\" } }")
          }
        })
    case .string("global"): return .global
    case .string("layer"): return .layer
    case let other:
      throw bad(
        "scope",
        "expected 'global', 'layer' or a list of groups, got \(other?.shortDescription ?? "nil")")
    }
  }

  private func pruningSchedule() throws -> PruningSchedule {
    switch try choice("schedule") {
    case "cubic": return .cubic
    case "iterative":
      return .iterative(rounds: try integer("rounds", default: 3), rewind: try rewind())
    case "rigl":
      return .rigl(
        fraction: try number("fraction", default: 0.3), interval: try integer("interval"))
    default: return .constant
    }
  }

  private func rewind() throws -> PruningSchedule.Rewind {
    let initial = try object("initial", as: ModelBox.self, called: "Model")
    switch value("rewind") {
    case nil: return initial.map { .model($0.graph) } ?? .none
    case .string("start"): return initial.map { .model($0.graph) } ?? .epochs(0)
    case .integer, .number:
      guard initial == nil else {
        throw bad("rewind", "the option 'initial' says already what weights return to")
      }
      return .epochs(try number("rewind", default: 0))
    case let other:
      throw bad(
        "rewind",
        "'start' or a number of epochs expected, got \(other?.shortDescription ?? "nil")")
    }
  }
}
