import WaneNN

/// A profile as Lua holds it.
final class ProfileBox: LuaObject {
  let profile: Profile

  init(_ profile: Profile) { self.profile = profile }

  /// An aligned table, the shares of the whole included.
  var text: String {
    var table = TextTable([
      ("layer", .left), ("operation", .left), ("time", .right), ("a sample", .right),
      ("share", .right),
    ])
    func cells(_ layer: String, _ operation: String, _ seconds: Double) -> [String] {
      [
        layer, operation, NumberText.duration(seconds),
        NumberText.duration(seconds / Double(max(profile.batch, 1))),
        "\(NumberText.percent(seconds / max(profile.seconds, .leastNormalMagnitude), 1)) %",
      ]
    }
    for row in profile.rows {
      let operation = row.operation + (row.precision == .bf16 ? " (bf16)" : "")
      table.add(cells(row.layer, operation, row.seconds))
    }
    table.addFooter(cells("total", "", profile.seconds))
    return table.text
  }

  /// The rows as Lua tables.
  var rows: [LuaValue] {
    profile.rows.map { row in
      .table(
        LuaTable(fields: [
          "layer": .string(row.layer), "operation": .string(row.operation),
          "seconds": .number(row.seconds), "precision": .string(row.precision.rawValue),
        ]))
    }
  }
}

extension Noun {
  static let profile = Noun(
    ProfileBox.self, "Profile", "Where the time of a model goes.",
    fields: [
      Field(
        "rows", "list of tables", "Layer, operation, mean seconds and precision of each kernel."
      ) { (box: ProfileBox) in box.rows },
      Field("seconds", "number", "Mean seconds of a whole run.") {
        (box: ProfileBox) in box.profile.seconds
      },
      Field("batch_size", "integer", "Samples of a run.") {
        (box: ProfileBox) in box.profile.batch
      },
    ],
    metamethods: [
      Function(
        "__tostring", "An aligned table.", signature: "tostring(profile)",
        method: { (box: ProfileBox, context) in context.results(box.text) }),
      Function(
        "__len", "The number of kernels.", signature: "#profile",
        method: { (box: ProfileBox, context) in context.results(box.profile.rows.count) }),
    ])
}
