import WaneFormats
import WaneGraph
import WaneNN

extension ModelBox {
  /// A table of the layers, and the totals.
  func summaryText() throws -> String {
    let summary = try Summary(graph)
    let isEncoded = summary.rows.contains { !$0.encoding.isEmpty }
    let isSparse = summary.nonzero < summary.parameters * 99 / 100
    var columns: [(title: String, alignment: TextTable.Alignment)] = [
      ("layer", .left), ("operations", .left), ("output", .left), ("parameters", .right),
    ]
    if isSparse { columns.append(("non-zero", .right)) }
    columns += [("bytes", .right), ("MACs", .right)]
    if isEncoded { columns.append(("encoding", .left)) }

    func row(
      _ layer: String, _ kind: String, _ output: String, _ parameters: Int, _ nonzero: Int,
      _ bytes: Int, _ macs: Int, _ encoding: String
    ) -> [String] {
      var row = [layer, kind, output, parameters == 0 ? "" : NumberText.grouped(parameters)]
      if isSparse { row.append(parameters == 0 ? "" : NumberText.grouped(nonzero)) }
      row.append(bytes == 0 ? "" : NumberText.grouped(bytes))
      row.append(macs == 0 ? "" : NumberText.grouped(macs))
      if isEncoded { row.append(encoding) }
      return row
    }
    var table = TextTable(columns)
    for layer in summary.rows {
      table.add(
        row(
          layer.layer, layer.kind, "\(layer.output)", layer.parameters, layer.nonzero,
          layer.bytes, layer.macs, layer.encoding))
    }
    table.addFooter(
      row(
        "total", "", "", summary.parameters, summary.nonzero, summary.bytes, summary.macs, ""))
    let note = precisionNote.map { "\ntrained with \($0)" } ?? ""
    return
      "\(table.text)\nas a file \(NumberText.grouped(try WaneFile.size(of: graph))) bytes\(note)"
  }

  /// One line: `Model (8 layers, 121 930 parameters)`.
  var shortDescription: String {
    let layers = Set(graph.nodes.map(\.layer)).count
    let parameters = graph.parameters.reduce(0) { $0 + $1.shape.count }
    return "Model (\(layers) layers, \(NumberText.grouped(parameters)) parameters)"
  }
}
