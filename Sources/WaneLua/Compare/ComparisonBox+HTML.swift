import WaneGraph

extension ComparisonBox {
  /// The comparison as a page that needs nothing else.
  ///
  /// - Throws: when a model has no file form.
  func html() throws -> String {
    let count = NumberText.grouped(sampleCount)
    var page = HTMLPage(
      title: "Models compared",
      subtitle: "\(rows.count == 1 ? "1 model" : "\(rows.count) models") on \(count) samples of "
        + "\(dataName); speed on one thread, \(Machine.instructionSet)")
    page.add("Measured", "", overview)
    page.add(
      "Accuracy against size and speed",
      "Up is better, left is smaller or faster. Both horizontal axes are logarithmic.", plots)
    let details = try rows.map { row in
      try LayerDetail.all(row.graph).filter { $0.parameters > 0 || $0.macs > 0 }
    }
    page.add(
      "Bits of the weights",
      "32 of a float, those of a code on a grid, those of an index into shared values.",
      bits(details))
    page.add(
      "Layer by layer",
      "Bytes are those in the file, without its header. Zeros are pinned where a model was pruned.",
      zip(rows, details).enumerated().map { index, pair in
        HTMLPage.folded(
          "\(pair.0.name), \(NumberText.grouped(pair.0.fileBytes)) bytes", layers(pair.1),
          isOpen: index < 2 || rows.count <= 3)
      }.joined(separator: "\n"))
    return page.text
  }

  private var isClassified: Bool { rows.allSatisfy { $0.evaluation.accuracy != nil } }

  private func score(_ row: Row) -> Double { row.evaluation.accuracy ?? row.evaluation.loss }

  private func scoreText(_ value: Double) -> String {
    isClassified ? "\(NumberText.percent(value)) %" : NumberText.fixed(value, 4)
  }

  private var overview: String {
    let columns: [HTMLPage.Column] = [
      .init("model", isNumber: false), .init(isClassified ? "accuracy" : "loss"), .init("diff"),
      .init("agreement"), .init("file"), .init("smaller"), .init("parameters"),
      .init("non-zero"), .init("memory"), .init("MACs"), .init("batch 1"), .init("p95"),
      .init("batch 256"),
    ]
    func largest(_ value: (Row) -> Double) -> Double {
      max(rows.map(value).max() ?? 1, .leastNormalMagnitude)
    }
    let bytes = largest { Double($0.fileBytes) }
    let memory = largest { Double($0.memoryBytes) }
    let macs = largest { Double($0.macs) }
    let latency = largest { $0.speed.latency }
    let cells = rows.map { row -> [HTMLPage.Cell] in
      let isPositive = (difference(row) ?? 0) >= 0
      return [
        .init(row.name), .init(scoreText(score(row))),
        .init(
          difference(row).map { (isPositive ? "+" : "") + NumberText.fixed($0 * 100, 2) } ?? "-"),
        .init(row.agreement.map { "\(NumberText.percent($0, 1)) %" } ?? "-"),
        .init("\(NumberText.grouped(row.fileBytes)) B", share: Double(row.fileBytes) / bytes),
        .init("\(NumberText.fixed(ratio(row), 1))x"),
        .init(NumberText.grouped(row.parameters)), .init(NumberText.grouped(row.nonzero)),
        .init(
          "\(NumberText.grouped(row.memoryBytes)) B", share: Double(row.memoryBytes) / memory),
        .init(NumberText.grouped(row.macs), share: Double(row.macs) / macs),
        .init(NumberText.duration(row.speed.latency), share: row.speed.latency / latency),
        .init(NumberText.duration(row.speed.latency95)),
        .init("\(NumberText.grouped(Int(row.speed.throughput)))/s"),
      ]
    }
    return HTMLPage.table(columns, cells, marked: [0])
  }

  private var plots: String {
    func scoreTick(_ value: Double) -> String {
      isClassified ? "\(NumberText.percent(value, 1)) %" : NumberText.fixed(value, 3)
    }
    func scatter(_ name: String, _ value: (Row) -> Double, _ text: @escaping (Double) -> String)
      -> String
    {
      let points = rows.enumerated().map { index, row in
        SVGScatter.Point(
          x: value(row), y: score(row), name: row.name,
          detail: "\(row.name): \(scoreText(score(row))), \(text(value(row)))",
          look: index == 0 ? .first : .usual)
      }
      return SVGScatter(
        points, x: .init(name: name, text: text),
        y: .init(name: isClassified ? "accuracy" : "loss", text: scoreTick)
      ).text
    }
    return HTMLPage.figures([
      scatter("file", { Double($0.fileBytes) }, NumberText.bytes),
      scatter("time of one sample", { $0.speed.latency }, NumberText.shortDuration),
    ])
  }

  /// How many of the weights of each model take how many bits.
  private func bits(_ details: [[LayerDetail]]) -> String {
    let counts = details.map { details in
      details.reduce(into: [Int: Int]()) { $0.merge($1.bits) { $0 + $1 } }
    }
    let widths = Set(counts.flatMap(\.keys)).sorted()
    let columns =
      [HTMLPage.Column("model", isNumber: false)]
      + widths.map { .init($0 == 1 ? "1 bit" : "\($0) bits") }
    let cells = zip(rows, counts).map { row, counts -> [HTMLPage.Cell] in
      let all = Double(max(counts.values.reduce(0, +), 1))
      return [.init(row.name)]
        + widths.map { width in
          guard let count = counts[width] else { return .init("") }
          let share = Double(count) / all
          return .init(
            "\(NumberText.percent(share, 1)) %", share: share, detail: "\(count) weights")
        }
    }
    return HTMLPage.table(columns, cells)
  }

  /// The layers of a model.
  private func layers(_ details: [LayerDetail]) -> String {
    let bytes = Double(max(details.reduce(0) { $0 + $1.fileBytes }, 1))
    let macs = Double(max(details.reduce(0) { $0.addingClamped($1.macs) }, 1))
    let columns: [HTMLPage.Column] = [
      .init("layer", isNumber: false), .init("operations", isNumber: false), .init("parameters"),
      .init("zeros"), .init("bytes in the file"), .init("MACs"), .init("bits"),
      .init("encoding", isNumber: false),
    ]
    let cells = details.map { detail -> [HTMLPage.Cell] in
      let zeros =
        detail.parameters == 0 ? 0 : 1 - Double(detail.nonzero) / Double(detail.parameters)
      return [
        .init(detail.layer), .init(detail.kind), .init(NumberText.grouped(detail.parameters)),
        .init("\(NumberText.percent(zeros, 1)) %", share: zeros),
        .init(NumberText.grouped(detail.fileBytes), share: Double(detail.fileBytes) / bytes),
        .init(NumberText.grouped(detail.macs), share: Double(detail.macs) / macs),
        .init(detail.bits.keys.sorted().map { "\($0)" }.joined(separator: ", ")),
        .init(detail.forms),
      ]
    }
    return HTMLPage.table(columns, cells)
  }
}
