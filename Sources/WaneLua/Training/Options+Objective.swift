import WaneNN
import WaneTensor

extension Option {
  static let lossWeights = Option(
    "loss_weights", "list of numbers or table by output", default: "1 each",
    "what the loss of each output counts")
}

/// What an option says that may be one thing for all outputs, a list, or a table by output.
enum OutputLossOption {
  case loss(Loss?)
  case function(LuaFunction)
}

extension Options {
  /// The losses of the outputs: one for all, a list with one an output, or a table by name.
  func outputLosses() throws -> PerOutput<OutputLossOption> {
    guard let value = value("loss") else { return .all(.loss(nil)) }
    func one(_ value: LuaValue) throws -> OutputLossOption {
      if case .function(let function) = value { return .function(function) }
      return .loss(try form(value, "loss", of: Loss.forms))
    }
    guard case .table(let table) = value else { return .all(try one(value)) }
    if table.elements.isEmpty, !table.fields.isEmpty {
      return .named(try table.fields.mapValues(one))
    }
    if case .string? = table.elements.first, table.elements.count == 1 || !table.fields.isEmpty {
      return .all(try one(value))
    }
    guard table.fields.isEmpty, !table.elements.isEmpty else { return .all(try one(value)) }
    return .list(try table.elements.map(one))
  }

  /// What is made small and measured; losses that are functions are traced while the call lasts.
  func objective(_ context: CallContext) throws -> Objective {
    let losses = try outputLosses().mapped { option in
      switch option {
      case .loss(let loss): Objective.OutputLoss(loss)
      case .function(let function):
        Objective.OutputLoss(custom: CustomLoss(function, context))
      }
    }
    return Objective(losses: losses, lossWeights: try lossWeights(), metrics: try outputMetrics())
  }

  /// The same for what can only work with losses that there are.
  func namedObjective() throws -> Objective {
    let losses = try outputLosses().mapped { option in
      guard case .loss(let loss) = option else {
        throw bad("loss", "a name or a table expected, got function")
      }
      return Objective.OutputLoss(loss)
    }
    return Objective(losses: losses, lossWeights: try lossWeights())
  }

  /// The metrics of the outputs: the same for all, or a table by output.
  private func outputMetrics() throws -> PerOutput<[Metric]> {
    guard case .table(let table)? = value("metrics"), table.elements.isEmpty, !table.fields.isEmpty
    else { return .all(try metrics()) }
    return .named(try table.fields.mapValues { try metrics(of: $0) })
  }

  func lossWeights() throws -> PerOutput<Float> {
    func number(_ value: LuaValue) throws -> Float {
      switch value {
      case .integer(let value): Float(value)
      case .number(let value): Float(value)
      default: throw bad("loss_weights", "number expected, got \(value.shortDescription)")
      }
    }
    guard let value = value("loss_weights") else { return .all(1) }
    guard case .table(let table) = value else {
      throw bad("loss_weights", "list or table by output expected, got \(value.shortDescription)")
    }
    guard table.elements.isEmpty || table.fields.isEmpty else {
      throw bad("loss_weights", "a list or names of outputs expected, got both")
    }
    return table.elements.isEmpty
      ? .named(try table.fields.mapValues(number)) : .list(try table.elements.map(number))
  }
}

extension PerOutput {
  /// The same for what a function makes of each, in the order of names where there are any.
  func mapped<Other: Sendable>(_ body: (Value) throws -> Other) rethrows -> PerOutput<Other> {
    switch self {
    case .all(let value): return .all(try body(value))
    case .list(let values): return .list(try values.map(body))
    case .named(let values):
      var result: [String: Other] = [:]
      for (name, value) in values.sorted(by: { $0.key < $1.key }) { result[name] = try body(value) }
      return .named(result)
    }
  }
}
