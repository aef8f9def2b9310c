import WaneCompress

extension Report {
  /// The runs of a search as people read them; nil without any.
  var trialTable: String? {
    guard let first = trials.first else { return nil }
    let quantities = first.costs.keys.sorted()
    let hasAccuracy = trials.contains { $0.accuracy != nil }
    var table = TextTable(
      [(first.option, .right), ("epochs", .right)]
        + (hasAccuracy ? [("accuracy", .right), ("diff", .right)] : [])
        + quantities.map { (title: $0.title, alignment: .right) })
    for trial in trials {
      let accuracy = [
        "\(NumberText.percent(trial.accuracy)) %",
        trial.drop.map { ($0 <= 0 ? "+" : "") + NumberText.fixed(-$0 * 100, 2) } ?? "-",
      ]
      table.add(
        [LuaNumber.format(trial.value), LuaNumber.format(trial.epochs)]
          + (hasAccuracy ? accuracy : [])
          + quantities.map { quantity in
            trial.costs[quantity].map { quantity.shown($0) } ?? "-"
          })
    }
    return table.text
  }

  /// The runs of a search as Lua tables.
  var trialRows: [LuaValue] {
    trials.map { trial in
      var fields: [String: LuaValue] = [
        trial.option: .number(trial.value), "epochs": .number(trial.epochs),
      ]
      fields["accuracy"] = trial.accuracy.map { .number($0) }
      fields["drop"] = trial.drop.map { .number($0) }
      for (quantity, amount) in trial.costs { fields[quantity.rawValue] = quantity.lua(amount) }
      return .table(LuaTable(fields: fields))
    }
  }
}

extension Quantity {
  /// The head of its column.
  var title: String {
    switch self {
    case .bytes: "file"
    case .memory: "memory"
    case .macs: "MACs"
    case .latency: "batch 1"
    }
  }

  /// An amount as people read it in a column.
  func shown(_ amount: Double) -> String {
    guard amount.isFinite, abs(amount) < 9e15 else { return "\(amount)" }
    switch self {
    case .bytes, .memory: return "\(NumberText.grouped(Int(amount))) B"
    case .macs: return NumberText.grouped(Int(amount))
    case .latency: return NumberText.duration(amount)
    }
  }

  /// An amount as Lua sees it.
  func lua(_ amount: Double) -> LuaValue {
    self == .latency
      ? .number(amount) : Int(exactly: amount).map { .integer($0) } ?? .number(amount)
  }
}
