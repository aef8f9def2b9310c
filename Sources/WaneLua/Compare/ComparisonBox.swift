import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

/// Models side by side: what they get right, what they take, how fast they are.
final class ComparisonBox: LuaObject {
  /// One model.
  struct Row {
    let name: String
    let graph: Graph
    let evaluation: Evaluation
    /// The share of samples on which it agrees with the first model; nil without classes.
    let agreement: Double?
    let parameters: Int
    let nonzero: Int
    let fileBytes: Int
    let memoryBytes: Int
    let macs: Int
    let speed: Benchmark
  }

  let rows: [Row]
  /// The samples that they were evaluated on.
  let dataName: String
  /// How many there were.
  let sampleCount: Int

  /// Evaluates and measures models; the first is what the others are compared with.
  init(
    _ models: [(name: String, graph: Graph)], data: Dataset, seconds: Double,
    progress: any ProgressSink, poll: () throws -> Void
  ) throws {
    let pool = try Threads.pool()
    dataName = data.name
    sampleCount = data.count
    var evaluations: [Evaluation] = []
    for (index, model) in models.enumerated() {
      progress.reportIfWanted(
        Progress(title: "compare", completed: index, total: models.count, details: model.name))
      evaluations.append(try Evaluation(model.graph, on: data, pool: pool, poll: poll))
    }
    let dtypes =
      try models.first.map {
        try data.columns(for: $0.graph, "compare").map(\.dtype)
      } ?? []
    let speeds = try Benchmark.measure(
      models.map(\.graph), feeding: dtypes, seconds: seconds, poll: poll)
    rows = try models.enumerated().map { index, model in
      Row(
        name: model.name, graph: model.graph, evaluation: evaluations[index],
        agreement: ComparisonBox.agreement(evaluations[index], evaluations[0]),
        parameters: model.graph.parameters.reduce(0) { $0 + $1.shape.count },
        nonzero: try model.graph.parameters.reduce(0) { try $0 + $1.nonzeroCount() },
        fileBytes: try WaneFile.size(of: model.graph),
        memoryBytes: try InferenceSession.memoryBytes(
          model.graph.feeding(dtypes, operation: "compare")),
        macs: model.graph.work, speed: speeds[index])
    }
    progress.finishStage()
  }

  private static func agreement(_ one: Evaluation, _ other: Evaluation) -> Double? {
    let count = one.predictions.count
    guard count > 0, count == other.predictions.count else { return nil }
    let same = zip(one.predictions, other.predictions).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    return Double(same) / Double(count)
  }

  /// What a row says, by the names that JSON, CSV and Lua use, in order.
  func fields(_ row: Row) -> [(name: String, value: LuaValue)] {
    func number(_ value: Double?) -> LuaValue { value.map { .number($0) } ?? .none }
    return [
      ("name", .string(row.name)), ("accuracy", number(row.evaluation.accuracy)),
      ("loss", .number(row.evaluation.loss)),
      ("difference", number(difference(row))), ("agreement", number(row.agreement)),
      ("parameters", .integer(row.parameters)), ("nonzero", .integer(row.nonzero)),
      ("file_bytes", .integer(row.fileBytes)), ("ratio", .number(ratio(row))),
      ("memory_bytes", .integer(row.memoryBytes)), ("macs", .integer(row.macs)),
      ("latency_b1_s", .number(row.speed.latency)),
      ("latency_b1_p95_s", .number(row.speed.latency95)),
      ("throughput_b256", .number(row.speed.throughput)),
    ]
  }

  /// Its accuracy against that of the first.
  func difference(_ row: Row) -> Double? {
    guard let accuracy = row.evaluation.accuracy, let first = rows.first?.evaluation.accuracy
    else { return nil }
    return accuracy - first
  }

  /// How many times smaller its file is than that of the first.
  func ratio(_ row: Row) -> Double {
    Double(rows.first?.fileBytes ?? 0) / Double(max(row.fileBytes, 1))
  }

  /// The table as people read it.
  var text: String {
    let isClassified = rows.allSatisfy { $0.evaluation.accuracy != nil }
    var table = TextTable([
      ("model", .left), (isClassified ? "accuracy" : "loss", .right),
      ("diff", .right), ("agree", .right), ("parameters", .right), ("non-zero", .right),
      ("file", .right), ("ratio", .right), ("memory", .right), ("MACs", .right),
      ("batch 1", .right), ("p95", .right), ("batch 256", .right),
    ])
    for row in rows {
      table.add([
        row.name,
        isClassified
          ? "\(NumberText.percent(row.evaluation.accuracy)) %"
          : NumberText.fixed(row.evaluation.loss, 4),
        difference(row).map { ($0 >= 0 ? "+" : "") + NumberText.fixed($0 * 100, 2) } ?? "-",
        row.agreement.map { "\(NumberText.percent($0, 1)) %" } ?? "-",
        NumberText.grouped(row.parameters), NumberText.grouped(row.nonzero),
        "\(NumberText.grouped(row.fileBytes)) B", "\(NumberText.fixed(ratio(row), 1))x",
        "\(NumberText.grouped(row.memoryBytes)) B", NumberText.grouped(row.macs),
        NumberText.duration(row.speed.latency), NumberText.duration(row.speed.latency95),
        "\(NumberText.grouped(Int(row.speed.throughput)))/s",
      ])
    }
    return table.text
  }

  /// A bar a model - how large its file is beside the largest - and accuracy against size.
  var plot: String {
    let width = 40
    let largest = max(1, rows.map(\.fileBytes).max() ?? 1)
    let names = rows.map(\.name.count).max() ?? 0
    let isClassified = rows.allSatisfy { $0.evaluation.accuracy != nil }
    let bars = rows.enumerated().map { index, row in
      let length = max(1, row.fileBytes * width / largest)
      let name = row.name + String(repeating: " ", count: names - row.name.count)
      let bar = String(repeating: "█", count: length)
      let accuracy = row.evaluation.accuracy.map { "  \(NumberText.percent($0)) %" } ?? ""
      return
        "\(ScatterText.mark(index)) \(name)  \(bar) \(NumberText.grouped(row.fileBytes)) B\(accuracy)"
    }
    let points = rows.enumerated().map { index, row in
      ScatterText.Point(
        x: Double(row.fileBytes), y: row.evaluation.accuracy ?? row.evaluation.loss,
        mark: ScatterText.mark(index))
    }
    let scatter = ScatterText.draw(
      points, x: ("file", NumberText.bytes),
      y: (
        isClassified ? "accuracy" : "loss",
        { isClassified ? "\(NumberText.percent($0)) %" : NumberText.fixed($0, 4) }
      ))
    return bars.joined(separator: "\n") + "\n\n" + scatter
  }
}
