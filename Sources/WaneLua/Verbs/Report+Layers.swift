import WaneCompress

extension Report {
  /// What was done to each layer, as people read it: a column a number; nil without any layer.
  var layerTable: String? {
    guard !layers.isEmpty else { return nil }
    var names: [String] = []
    for name in layers.flatMap({ $0.numbers.map(\.name) + $0.measures.map(\.name) })
    where !names.contains(name) {
      names.append(name)
    }
    let columns = names.map { name in layers.map { Self.cell(name, of: $0) } }
    var table = TextTable(
      [("layer", .left), ("what", .left)] + names.map { (title: $0, alignment: .right) })
    for (index, row) in layers.enumerated() {
      table.add([row.layer, row.action] + columns.map { $0[index] })
    }
    return table.text
  }

  /// A number of a layer before and after, or as it is now where there was none before.
  private static func cell(_ name: String, of row: Row) -> String {
    if let number = row.numbers.first(where: { $0.name == name }) {
      return "\(ReportValue.text(number.before)) → \(ReportValue.text(number.after))"
    }
    return row.measures.first { $0.name == name }.map { ReportValue.text($0.value) } ?? ""
  }
}
