import WaneCompress
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

/// What one or several verbs did, as Lua holds it.
final class ReportBox: LuaObject {
  let reports: [Report]
  private let before: Graph
  private let after: Graph
  /// Models that have learned beside it.
  let peers: [Graph]

  init(_ reports: [Report], before: Graph, after: Graph, peers: [Graph] = []) {
    self.reports = reports
    self.before = before
    self.after = after
    self.peers = peers
  }

  func bytesBefore() throws -> Int { try WaneFile.size(of: before) }
  func bytesAfter() throws -> Int { try WaneFile.size(of: after) }

  /// The report as people read it.
  func text() throws -> String {
    var lines: [String] = []
    for report in reports {
      let options = report.options.map { "\($0.name) = \($0.value.text)" }.joined(separator: ", ")
      lines.append(options.isEmpty ? report.verb : "\(report.verb) (\(options))")
      if let table = report.layerTable { lines.append(table) }
      lines += report.skipped.map { "skipped \($0.layer): \($0.reason)" }
      if let table = report.trialTable { lines.append(table) }
      if let last = report.history.last {
        let accuracy = last.validationAccuracy ?? last.accuracy
        lines.append(
          "fine-tuned for \(ReportValue.text(last.epoch)) epochs: loss "
            + NumberText.fixed(last.loss, 4)
            + (accuracy.map { ", accuracy \(NumberText.fixed($0, 4))" } ?? ""))
      }
    }
    let (old, new) = (try bytesBefore(), try bytesAfter())
    let ratio = NumberText.fixed(Double(old) / Double(max(new, 1)), 1)
    lines.append(
      "file \(NumberText.grouped(old)) → \(NumberText.grouped(new)) bytes, \(ratio) times smaller")
    return lines.joined(separator: "\n")
  }
}

extension ReportValue {
  /// The value as people read it.
  fileprivate var text: String {
    switch self {
    case .number(let number): ReportValue.text(number)
    case .text(let text): text
    case .pairs(let pairs):
      "{ " + pairs.map { "\($0.layers) = \(ReportValue.text($0.value))" }.joined(separator: ", ")
        + " }"
    }
  }

  static func text(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15
      ? NumberText.grouped(Int(number)) : NumberText.fixed(number, 4)
  }

  /// The value as Lua sees it.
  fileprivate var lua: LuaValue {
    switch self {
    case .number(let number):
      if let whole = Int(exactly: number) { .integer(whole) } else { .number(number) }
    case .text(let text): .string(text)
    case .pairs(let pairs):
      .table(LuaTable(fields: Dictionary(pairs.map { ($0.layers, .number($0.value)) }) { $1 }))
    }
  }
}

extension Report {
  /// The report as a Lua table.
  fileprivate var lua: LuaValue {
    let layers = layers.map { row -> LuaValue in
      var fields: [String: LuaValue] = [
        "layer": .string(row.layer), "action": .string(row.action),
      ]
      for number in row.numbers {
        fields[number.name] = .table(
          LuaTable(fields: ["before": .number(number.before), "after": .number(number.after)]))
      }
      for measure in row.measures { fields[measure.name] = .number(measure.value) }
      return .table(LuaTable(fields: fields))
    }
    let history = history.map { record -> LuaValue in
      var fields: [String: LuaValue] = [
        "epoch": .number(record.epoch), "loss": .number(record.loss),
      ]
      fields["accuracy"] = record.accuracy.map { .number($0) }
      fields["validation_loss"] = record.validationLoss.map { .number($0) }
      fields["validation_accuracy"] = record.validationAccuracy.map { .number($0) }
      return .table(LuaTable(fields: fields))
    }
    let skipped = skipped.map { item -> LuaValue in
      ["layer": .string(item.layer), "reason": .string(item.reason)]
    }
    return [
      "verb": .string(verb), "layers": .table(LuaTable(layers)),
      "skipped": .table(LuaTable(skipped)), "history": .table(LuaTable(history)),
      "trials": .table(LuaTable(trialRows)),
      "options": .table(
        LuaTable(fields: Dictionary(options.map { ($0.name, $0.value.lua) }) { $1 })),
    ]
  }

  fileprivate func field(_ name: String) -> LuaValue {
    if case .table(let table) = lua { table[name] } else { .none }
  }
}

extension Noun {
  static let report = Noun(
    ReportBox.self, "Report", "What a verb did to a model, layer by layer.",
    fields: [
      Field("verb", "string", "The verb; of a pipeline, its last.") { (box: ReportBox) in
        box.reports.last?.verb
      },
      Field("options", "table", "What it was asked for, defaults filled in.") {
        (box: ReportBox) in box.reports.last?.field("options")
      },
      Field("layers", "list of tables", "What was done to each layer.") { (box: ReportBox) in
        box.reports.last?.field("layers")
      },
      Field("skipped", "list of { layer, reason }", "Layers that were left as they are, and why.") {
        (box: ReportBox) in box.reports.last?.field("skipped")
      },
      Field("history", "list of tables", "Measures of every epoch of fine-tuning.") {
        (box: ReportBox) in box.reports.last?.field("history")
      },
      Field("trials", "list of tables", "The runs of the search for a target, in order.") {
        (box: ReportBox) in box.reports.last?.field("trials")
      },
      Field("stages", "list of tables", "The reports of all stages of a pipeline.") {
        (box: ReportBox) in box.reports.map(\.lua)
      },
      Field("peers", "list of Models", "The peers of a distillation, trained beside the student.") {
        (box: ReportBox) in
        LuaValue.table(LuaTable(box.peers.map { .object(ModelBox($0)) }))
      },
      Field("bytes_before", "integer", "Bytes of the original's file.") { (box: ReportBox) in
        try box.bytesBefore()
      },
      Field("bytes_after", "integer", "Bytes of the result's file.") { (box: ReportBox) in
        try box.bytesAfter()
      },
    ],
    metamethods: [
      Function(
        "__tostring", "The report as people read it.", signature: "tostring(report)",
        method: { (box: ReportBox, context) in context.results(try box.text()) })
    ])
}
