import WaneCompress

extension Recipe {
  /// The recipe as `wane.pipeline` takes it.
  var table: LuaTable {
    LuaTable(
      stages.map { stage in
        .table(
          LuaTable([.string(stage.verb)], fields: stage.options.mapValues(\.luaValue)))
      })
  }

  /// What it does, in a few words: `filters 0.5, prune 0.83, 4 bits, taught`.
  var summary: String {
    var words: [String] = []
    var isTaught = false
    for stage in stages {
      func text(_ name: String) -> String { stage.options[name]?.text ?? "" }
      if stage.options["teacher"] != nil { isTaught = true }
      switch stage.verb {
      case "prune": words.append("prune \(text("sparsity"))")
      case "quantize": words.append("\(text("bits")) bits")
      case "compress":
        switch text("method") {
        case "share": words.append("share \(text("clusters"))")
        case "filters": words.append("filters \(text("ratio"))")
        case "entropy": words.append("entropy")
        case let method: words.append("\(method) \(text("energy"))")
        }
      default: words.append(stage.verb)
      }
    }
    return (words + (isTaught ? ["taught"] : [])).joined(separator: ", ")
  }
}

extension Recipe.Setting {
  /// The value as Lua sees it.
  fileprivate var luaValue: LuaValue {
    switch self {
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .text(let text): .string(text)
    case .table(let numbers):
      .table(
        LuaTable(
          fields: numbers.mapValues { number in
            Int(exactly: number).map { .integer($0) } ?? .number(number)
          }))
    }
  }

  fileprivate var text: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): LuaNumber.format(value)
    case .text(let text): text
    case .table(let numbers): numbers.keys.sorted().joined(separator: " ")
    }
  }
}
