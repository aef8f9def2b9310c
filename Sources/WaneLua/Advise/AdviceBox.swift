import WaneCompress
import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

/// Where a model's bytes and time are, and which verbs pay, as Lua holds it.
final class AdviceBox: LuaObject {
  /// One layer.
  struct Layer {
    let detail: LayerDetail
    /// The part of a run's time that it takes.
    let timeShare: Double
    /// Points of accuracy that pruning nine in ten of its weights alone costs, when there are data.
    let loss: Double?
  }

  let layers: [Layer]
  let techniques: [Technique]
  /// What the model takes.
  let costs: Costs
  /// Its accuracy, when there are data.
  let accuracy: Double?

  /// Surveys a model and tries the verbs on it.
  init(_ model: Graph, data: Dataset?, _ context: CompressionContext) throws {
    let samples = try data?.slice(0..<512) ?? Self.noise(model)
    let inputs = try samples.inputs(for: model, "advise")
    let meter = CostMeter(feeding: inputs.map(\.dtype), seconds: 0.15) {
      try WaneFile.size(of: $0)
    }
    let poll = context.poll
    costs = try meter.measure(model, Quantity.allCases, poll: poll)
    accuracy = try data.flatMap {
      try Evaluation(model, on: $0, pool: context.pool, poll: poll).accuracy
    }
    let losses = try Self.losses(model, data, context)
    let times = try Self.times(model, inputs, poll)
    let whole = max(times.values.reduce(0, +), .leastNormalMagnitude)
    layers = try LayerDetail.all(model).map { detail in
      Layer(
        detail: detail, timeShare: (times[detail.layer] ?? 0) / whole, loss: losses[detail.layer])
    }
    techniques = try Technique.usual.enumerated().map { index, technique in
      context.progress.reportIfWanted(
        Progress(
          title: "advise", completed: index, total: Technique.usual.count, details: technique.name))
      return try technique.tried(on: model, data: data, samples: samples, meter, context)
    }
    context.progress.finishStage()
  }

  /// Samples of numbers from 0 to 1 that a seed decides: enough for what values have a range.
  private static func noise(_ model: Graph) throws -> Dataset {
    let count = 32
    var state: UInt32 = 1
    let columns = try model.inputs.map { input in
      let type = model.type(of: input)
      let shape = try type.shape(batch: count)
      guard type.dtype == .f32 else { return try Tensor(zeros: shape, type.dtype) }
      let values = (0..<shape.count).map { _ in
        // Marsaglia's xorshift (2003).
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return Float(state >> 8) / Float(1 << 24)
      }
      return try Tensor(values, shape)
    }
    return try Dataset(
      columns: columns,
      labels: model.outputs.map { _ in try Tensor(zeros: Shape([count]), .i32) })
  }

  private static func losses(
    _ model: Graph, _ data: Dataset?, _ context: CompressionContext
  ) throws -> [String: Double] {
    guard let data else { return [:] }
    var work = context
    work.data = data
    let found = try Sensitivity(model, by: .prune, levels: [0.9], work)
    guard let whole = found.original.accuracy else { return [:] }
    let pairs = found.rows.compactMap { row -> (String, Double)? in
      guard let result = row.results.first, result.skipped == nil, let left = result.accuracy
      else { return nil }
      return (row.layer, whole - left)
    }
    return Dictionary(pairs) { $1 }
  }

  /// Seconds of each layer for one sample.
  private static func times(_ model: Graph, _ inputs: [Tensor], _ poll: () throws -> Void) throws
    -> [String: Double]
  {
    let sample = try inputs.map { try $0.rows(0..<min(1, $0.shape[0])) }
    let profile = try Profile(model, inputs: sample, runs: 100, poll: poll)
    return profile.rows.reduce(into: [:]) { $0[$1.layer, default: 0] += $1.seconds }
  }

  /// How many times less a technique takes of something.
  func gain(_ technique: Technique, _ quantity: Quantity) -> Double {
    guard let after = technique.costs[quantity], after > 0 else { return 1 }
    return (costs[quantity] ?? after) / after
  }

  /// Whether a technique gives anything worth its trouble.
  func pays(_ technique: Technique) -> Bool {
    technique.obstacle == nil
      && (gain(technique, .bytes) > 1.2 || gain(technique, .latency) > 1.15
        || gain(technique, .memory) > 1.2)
  }

  /// Those that pay, the ones that give most first.
  var paying: [Technique] {
    func worth(_ technique: Technique) -> Double {
      gain(technique, .bytes) * max(gain(technique, .latency), 0.5)
    }
    return techniques.filter(pays).sorted { worth($0) > worth($1) }
  }
}
