import WaneGraph
import WaneNN
import WaneTensor

/// Replaces layers by two or three thinner ones in a row, whose product is close to the kernel (Denil et
/// al., 2013; Zhang et al., 2016; Jaderberg et al., 2014; Kim et al., 2016).
///
///     y = x W + b   becomes   y = (x A) B + b,   W ~ A B
///
/// How a kernel is split says `Decomposition`; a dense layer and a convolution of single places have but
/// one way. A layer stays where that takes no fewer weights or more operations.
public struct LowRank: ModelPass {
  public static let verb = "compress"

  /// How a rank is chosen.
  public enum Choice: Sendable, Equatable {
    /// The smallest that keeps this share of the sum of the squared singular values.
    case energy(Double)
    /// The largest that takes this share of the weights away.
    case ratio(Double)
    /// Those of all layers together that change the answers least within a limit.
    case budget(RankBudget)
  }

  /// How a rank is chosen.
  public let choice: Choice
  /// How kernels are split.
  public let decomposition: Decomposition
  /// The layers that are treated.
  public let selection: Selection
  /// A smaller side than this is decomposed in seconds.
  private static let largestSide = 1024

  /// Creates a pass.
  ///
  /// - Throws: when energy is not in (0, 1], ratio not in [0, 1), or a limit not positive.
  public init(
    _ choice: Choice = .energy(0.95), decomposition: Decomposition = .svd,
    selection: Selection = .all
  ) throws {
    switch choice {
    case .energy(let energy):
      guard energy > 0, energy <= 1 else {
        throw WaneError(Self.verb, "energy must be in (0, 1], got \(energy)")
      }
    case .ratio(let ratio):
      guard ratio >= 0, ratio < 1 else {
        throw WaneError(Self.verb, "ratio must be in [0, 1), got \(ratio)")
      }
    case .budget(let budget): try budget.validate(Self.verb)
    }
    self.choice = choice
    self.decomposition = decomposition
    self.selection = selection
  }

  /// A layer and the ways to split it.
  struct Candidate {
    let layer: WeightedLayer
    let kernel: Parameter
    let geometry: KernelGeometry
    let splits: [any KernelDecomposition]

    var ways: [SplitWay] { splits.flatMap(\.ways) }

    /// The decomposition that a way belongs to.
    func split(_ way: SplitWay) -> (any KernelDecomposition)? {
      splits.first { $0.ways.first?.form == way.form }
    }
  }

  /// What becomes of a kernel.
  private struct Plan {
    let path: String
    let kernels: [SplitKernel]
    let parameters: [Parameter]
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 1e-3))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(Self.verb, options: reportedOptions)
    report.skipped = chosen.skipped
    var candidates: [Candidate] = []
    for layer in chosen.layers {
      try context.poll()
      guard let kernel = model.parameters[layer.kernel] else { continue }
      if let reason = try obstacle(layer, kernel, model) {
        report.skipped.append(.init(layer.label, reason))
        continue
      }
      candidates.append(try candidate(layer, kernel, model, poll: context.poll))
    }
    var plans: [String: Plan] = [:]
    for (candidate, way) in zip(candidates, try ways(candidates, model, context)) {
      try context.poll()
      guard let way, way.pays(for: candidate.geometry) else {
        report.skipped.append(.init(candidate.layer.label, reason(against: way, candidate)))
        continue
      }
      guard
        let (kernels, energy) = try candidate.split(way)?.kernels(way, poll: context.poll)
      else { continue }
      plans[candidate.layer.kernel] = try plan(candidate, kernels, in: model)
      report.layers.append(row(candidate, way, energy: energy))
    }
    let tuned = try tune(rewritten(model, plans))
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    let amount: (name: String, value: ReportValue) =
      switch choice {
      case .energy(let energy): ("energy", .number(energy))
      case .ratio(let ratio): ("ratio", .number(ratio))
      case .budget(let budget): budget.reported
      }
    return [
      ("method", .text("low_rank")), amount, ("decomposition", .text(decomposition.rawValue)),
    ] + selection.reported
  }

  private func obstacle(_ layer: WeightedLayer, _ kernel: Parameter, _ model: Graph) throws
    -> String?
  {
    guard !layer.isFloatOnly else { return "is no convolution and no dense layer" }
    if let convolution = model.convolution(of: layer), convolution.groups > 1 {
      return "is a grouped convolution"
    }
    guard case .dense(let tensor) = kernel.payload, !kernel.isMasked else {
      return "its weights are pruned, shared or on a grid; low_rank comes before these"
    }
    guard tensor.with(Float.self, { $0.allSatisfy(\.isFinite) }) else {
      return "has weights that are not finite"
    }
    let geometry = KernelGeometry(layer, kernel, in: model)
    guard largestSide(geometry) <= Self.largestSide else {
      return
        "\(geometry.weights / max(geometry.outputs, 1)) x \(geometry.outputs) weights are more "
        + "than is decomposed, \(Self.largestSide) a side"
    }
    return nil
  }

  /// The forms that differ for a kernel: one where it has no window.
  private func forms(_ geometry: KernelGeometry) -> [Decomposition] {
    if geometry.isPointwise { return [.svd] }
    return decomposition == .auto ? [.svd, .spatial, .tucker] : [decomposition]
  }

  /// The largest symmetric matrix that is to be decomposed.
  private func largestSide(_ geometry: KernelGeometry) -> Int {
    forms(geometry).map { form in
      form == .tucker
        ? max(geometry.inputs, geometry.outputs)
        : MatrixSplit.smallerSide(geometry, isSpatial: form == .spatial)
    }.max() ?? 0
  }

  private func candidate(
    _ layer: WeightedLayer, _ kernel: Parameter, _ model: Graph, poll: () throws -> Void
  ) throws -> Candidate {
    let geometry = KernelGeometry(layer, kernel, in: model)
    let values = try kernel.decoded().array(Float.self)
    let splits = try forms(geometry).map { form -> any KernelDecomposition in
      form == .tucker
        ? try TuckerSplit(values, geometry, poll: poll)
        : try MatrixSplit(values, geometry, isSpatial: form == .spatial, poll: poll)
    }
    return Candidate(layer: layer, kernel: kernel, geometry: geometry, splits: splits)
  }

  /// How each layer is split; nil where it stays.
  private func ways(_ candidates: [Candidate], _ model: Graph, _ context: CompressionContext) throws
    -> [SplitWay?]
  {
    switch choice {
    case .energy(let energy):
      return candidates.map { candidate in
        let enough = candidate.ways.filter { $0.energy >= energy }
        return enough.min { ($0.work, $0.weights) < ($1.work, $1.weights) } ?? candidate.ways.last
      }
    case .ratio(let ratio):
      return candidates.map { candidate in
        let weights = (1 - ratio) * Double(candidate.geometry.weights)
        let small = candidate.ways.filter { Double($0.weights) <= weights }
        return small.max { ($0.energy, -$0.work) < ($1.energy, -$1.work) }
          ?? candidate.ways.min { $0.weights < $1.weights }
      }
    case .budget(let budget):
      return try RankAllocation(candidates, in: model, Self.verb, context).ways(within: budget)
    }
  }

  private func reason(against way: SplitWay?, _ candidate: Candidate) -> String {
    guard let way else { return "stays whole within the target" }
    let ranks = way.ranks.map { "\($0)" }.joined(separator: " and ")
    let geometry = candidate.geometry
    return way.weights < geometry.weights
      ? "rank \(ranks) takes \(way.work) operations instead of \(geometry.work)"
      : "rank \(ranks) of \(fullRanks(way, geometry)) takes no fewer weights"
  }

  private func fullRanks(_ way: SplitWay, _ geometry: KernelGeometry) -> String {
    way.form == .tucker
      ? "\(geometry.inputs) and \(geometry.outputs)"
      : "\(MatrixSplit.smallerSide(geometry, isSpatial: way.form == .spatial))"
  }

  private func row(_ candidate: Candidate, _ way: SplitWay, energy: Double) -> Report.Row {
    let geometry = candidate.geometry
    let ranks: [Report.Change] =
      way.form == .tucker
      ? [
        .init("input_rank", Double(geometry.inputs), Double(way.ranks[0])),
        .init("output_rank", Double(geometry.outputs), Double(way.ranks[1])),
      ]
      : [
        .init(
          "rank", Double(MatrixSplit.smallerSide(geometry, isSpatial: way.form == .spatial)),
          Double(way.ranks[0]))
      ]
    return Report.Row(
      layer: candidate.layer.label, action: way.form.action,
      numbers: ranks + [
        .init("weights", Double(geometry.weights), Double(way.weights)),
        .init("macs", Double(geometry.work), Double(way.work)), .init("energy", 1, energy),
      ])
  }

  // MARK: The graph

  private func plan(_ candidate: Candidate, _ kernels: [SplitKernel], in model: Graph) throws
    -> Plan
  {
    let path = candidate.layer.path
    let isDense = candidate.kernel.shape.rank == 2
    return Plan(
      path: path, kernels: kernels,
      parameters: try kernels.map { kernel in
        try Parameter(
          model.freshName("\(path)/\(kernel.name)/kernel"),
          Tensor(kernel.values, Shape(isDense ? Array(kernel.shape.suffix(2)) : kernel.shape)),
          isTrainable: candidate.kernel.isTrainable)
      })
  }

  private func rewritten(_ model: Graph, _ plans: [String: Plan]) throws -> Graph {
    guard !plans.isEmpty else { return model }
    return try model.rewritten { _, node, inputs, graph in
      guard node.operation is Conv2D || node.operation is Dense,
        let kernel = model.parameter(node.inputs[1]), let plan = plans[kernel.name]
      else { return nil }
      var values = [inputs[0]]
      for (index, (kernel, parameter)) in zip(plan.kernels, plan.parameters).enumerated() {
        let layer = "\(plan.path)/\(kernel.name)"
        let isLast = index + 1 == plan.kernels.count
        let operand = try graph.read(orAdd: parameter, layer: layer)
        let operation: any Operation
        if let convolution = node.operation as? Conv2D {
          operation = Conv2D(
            try kernel.window(of: convolution.window),
            isReLUFused: isLast && convolution.isReLUFused)
        } else {
          operation = Dense(
            isReLUFused: isLast && (node.operation as? Dense)?.isReLUFused == true)
        }
        values = try graph.add(
          operation, [values[0], operand] + (isLast ? Array(inputs.dropFirst(2)) : []),
          layer: layer)
      }
      return values
    }.pruned()
  }
}

extension Graph {
  /// Reads a parameter that may have been added for another node before.
  mutating func read(orAdd parameter: Parameter, layer: String) throws -> Value {
    parameters[parameter.name] == nil
      ? try add(parameter: parameter, layer: layer) : try read(parameter.name, layer: layer)
  }
}
