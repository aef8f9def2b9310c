import WaneFormats
import WaneNN
import WaneTensor

/// What the epochs of a `fit` came to, for the caller, for logs and for a checkpoint.
struct FitHistory {
  /// The measures of each epoch.
  private(set) var epochs: [[String: Metric.Value]] = []
  /// The layers whose products were rounded to bf16; nil when that was not asked for.
  var layersInBF16: [String]?
  private var csv: LogFile?
  private var jsonLines: LogFile?

  /// A table of lists, one a measure; an epoch without one has nothing there.
  var luaValue: LuaValue {
    var lists: [String: LuaValue] = [:]
    for name in names { lists[name] = .table(LuaTable(epochs.compactMap { $0[name]?.luaValue })) }
    lists["bf16_layers"] = layersInBF16.map { .table(LuaTable($0.map { .string($0) })) }
    return .table(LuaTable(fields: lists))
  }

  private var names: [String] { Set(epochs.flatMap(\.keys)).sorted() }

  /// Adds an epoch and writes it to the logs.
  ///
  /// - Throws: when a log cannot be written.
  mutating func append(_ measures: [String: Metric.Value]) throws {
    epochs.append(measures)
    if epochs.count == 1, let header { try csv?.append(header) }
    let numbers = FitHistory.numbers(measures)
    try csv?.append(FitHistory.csv(numbers, epoch: epochs.count))
    try jsonLines?.append(FitHistory.json(numbers, epoch: epochs.count))
  }

  /// Opens the logs, with the epochs that there are.
  ///
  /// - Throws: when one cannot be written.
  mutating func open(csv: String?, jsonLines: String?) throws {
    let past = epochs.enumerated().map { ($0.offset + 1, FitHistory.numbers($0.element)) }
    if let csv {
      let lines = past.map { FitHistory.csv($0.1, epoch: $0.0) }
      self.csv = try LogFile(csv, lines: (header.map { [$0] } ?? []) + lines)
    }
    if let jsonLines {
      self.jsonLines = try LogFile(
        jsonLines, lines: past.map { FitHistory.json($0.1, epoch: $0.0) })
    }
  }

  /// The measures that are numbers.
  static func numbers(_ measures: [String: Metric.Value]) -> [String: Double] {
    measures.compactMapValues { if case .number(let value) = $0 { value } else { nil } }
  }

  private var header: String? {
    epochs.first.map { first in
      (["epoch"] + FitHistory.numbers(first).keys.sorted()).joined(separator: ",")
    }
  }

  private static func csv(_ numbers: [String: Double], epoch: Int) -> String {
    (["\(epoch)"] + numbers.sorted { $0.key < $1.key }.map { "\($0.value)" })
      .joined(separator: ",")
  }

  private static func json(_ numbers: [String: Double], epoch: Int) -> String {
    let members = numbers.sorted { $0.key < $1.key }.map { name, value in
      "\"\(name)\": \(value.isFinite ? "\(value)" : "null")"
    }
    return "{" + (["\"epoch\": \(epoch)"] + members).joined(separator: ", ") + "}"
  }

  // MARK: Checkpoint

  /// Puts the epochs in.
  func save(to state: inout TrainingState) {
    state.values["history/epochs"] = .integer(epochs.count)
    for (index, measures) in epochs.enumerated() {
      for (name, value) in measures {
        state.values["history/\(index)/\(name)"] =
          switch value {
          case .number(let number): .number(number)
          case .matrix(let tensor): .tensor(tensor)
          }
      }
    }
  }

  /// Takes the epochs out.
  ///
  /// - Throws: when they are not there.
  mutating func restore(_ state: TrainingState) throws {
    let count = try state.integer("history/epochs")
    guard (0...state.values.count).contains(count) else {
      throw WaneError("resume", "the checkpoint has \(count) epochs of history")
    }
    epochs = (0..<count).map { index in
      var measures: [String: Metric.Value] = [:]
      for (name, value) in state.values(under: "history/\(index)/") {
        switch value {
        case .number(let number): measures[name] = .number(number)
        case .tensor(let tensor): measures[name] = .matrix(tensor)
        default: break
        }
      }
      return measures
    }
  }
}
