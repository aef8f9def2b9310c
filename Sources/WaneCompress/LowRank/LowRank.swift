import WaneGraph
import WaneNN
import WaneTensor

/// Replaces layers by two thinner ones in a row, whose product is the best approximation of the
/// kernel at a rank (Denil et al., 2013; Zhang et al., 2016, for convolutions).
///
///     y = x W + b   becomes   y = (x A) B + b,   W ~ A B
///
/// A kernel `[KH, KW, C, O]` counts as a matrix of `KH KW C` rows: a convolution with fewer filters,
/// then one of single pixels.
public struct LowRank: ModelPass {
  public static let verb = "compress"

  /// How a rank is chosen.
  public enum Choice: Sendable, Equatable {
    /// The smallest that keeps this share of the sum of the squared singular values.
    case energy(Double)
    /// The largest that takes this share of the weights away.
    case ratio(Double)
  }

  /// How a rank is chosen.
  public let choice: Choice
  /// The layers that are treated.
  public let selection: Selection
  /// A smaller side than this is decomposed in seconds.
  private static let largestSide = 1024

  /// Creates a pass.
  ///
  /// - Throws: when energy is not in (0, 1] or ratio not in [0, 1).
  public init(_ choice: Choice = .energy(0.95), selection: Selection = .all) throws {
    switch choice {
    case .energy(let energy):
      guard energy > 0, energy <= 1 else {
        throw WaneError(Self.verb, "energy must be in (0, 1], got \(energy)")
      }
    case .ratio(let ratio):
      guard ratio >= 0, ratio < 1 else {
        throw WaneError(Self.verb, "ratio must be in [0, 1), got \(ratio)")
      }
    }
    self.choice = choice
    self.selection = selection
  }

  /// What becomes of a kernel.
  private struct Plan {
    let path: String
    let left: Parameter
    let right: Parameter
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 1e-3))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(Self.verb, options: [("method", .text("low_rank"))] + reportedChoice)
    report.options += selection.reported
    report.skipped = chosen.skipped
    var plans: [String: Plan] = [:]
    for layer in chosen.layers {
      try context.poll()
      guard let kernel = model.parameters[layer.kernel] else { continue }
      if let reason = obstacle(layer, kernel, model) {
        report.skipped.append(.init(layer.label, reason))
        continue
      }
      let (rows, columns) = Self.sides(kernel)
      let factorization = try Factorization(
        kernel.decoded().array(Float.self), rows: rows, columns: columns, poll: context.poll)
      let rank = self.rank(of: factorization)
      guard rank * (rows + columns) < rows * columns else {
        report.skipped.append(
          .init(layer.label, "rank \(rank) of \(min(rows, columns)) takes no fewer weights"))
        continue
      }
      plans[layer.kernel] = try plan(layer, kernel, factorization, rank)
      report.layers.append(
        Report.Row(
          layer: layer.label, action: "split in two",
          numbers: [
            .init("rank", Double(min(rows, columns)), Double(rank)),
            .init("weights", Double(rows * columns), Double(rank * (rows + columns))),
            .init("energy", 1, factorization.share(ofRank: rank)),
          ]))
    }
    let tuned = try tune(rewritten(model, plans))
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  private var reportedChoice: [(name: String, value: ReportValue)] {
    switch choice {
    case .energy(let energy): [("energy", .number(energy))]
    case .ratio(let ratio): [("ratio", .number(ratio))]
    }
  }

  /// A kernel as a matrix: what is summed over, and the units.
  private static func sides(_ kernel: Parameter) -> (rows: Int, columns: Int) {
    let columns = kernel.shape.dimensions.last ?? 1
    return (kernel.shape.count / max(columns, 1), columns)
  }

  private func obstacle(_ layer: WeightedLayer, _ kernel: Parameter, _ model: Graph) -> String? {
    guard !layer.isFloatOnly else { return "is no convolution and no dense layer" }
    if let convolution = model.convolution(of: layer), convolution.groups > 1 {
      return "is a grouped convolution"
    }
    guard case .dense = kernel.payload, !kernel.isMasked else {
      return "its weights are pruned, shared or on a grid; low_rank comes before these"
    }
    let (rows, columns) = Self.sides(kernel)
    guard min(rows, columns) <= Self.largestSide else {
      return "\(rows) x \(columns) weights are more than is decomposed, \(Self.largestSide) a side"
    }
    return nil
  }

  private func rank(of factorization: Factorization) -> Int {
    switch choice {
    case .energy(let energy): return factorization.rank(keeping: energy)
    case .ratio(let ratio):
      let (rows, columns) = (factorization.rows, factorization.columns)
      let weights = (1 - ratio) * Double(rows * columns)
      return min(max(1, Int(weights / Double(rows + columns))), min(rows, columns))
    }
  }

  private func plan(
    _ layer: WeightedLayer, _ kernel: Parameter, _ factorization: Factorization, _ rank: Int
  ) throws -> Plan {
    let (left, right) = factorization.factors(rank: rank)
    let dimensions = kernel.shape.dimensions
    let points = [Int](repeating: 1, count: dimensions.count - 2)
    return Plan(
      path: layer.path,
      left: try Parameter(
        "\(layer.path)/reduce/kernel", Tensor(left, Shape(dimensions.dropLast() + [rank])),
        isTrainable: kernel.isTrainable),
      right: try Parameter(
        "\(layer.path)/expand/kernel",
        Tensor(right, Shape(points + [rank, factorization.columns])),
        isTrainable: kernel.isTrainable))
  }

  private func rewritten(_ model: Graph, _ plans: [String: Plan]) throws -> Graph {
    guard !plans.isEmpty else { return model }
    return try model.rewritten { _, node, inputs, graph in
      guard node.operation is Conv2D || node.operation is Dense,
        let kernel = model.parameter(node.inputs[1]), let plan = plans[kernel.name]
      else { return nil }
      let (reduce, expand) = ("\(plan.path)/reduce", "\(plan.path)/expand")
      let left = try Self.read(plan.left, reduce, &graph)
      let right = try Self.read(plan.right, expand, &graph)
      let first: any Operation
      let second: any Operation
      if let convolution = node.operation as? Conv2D {
        first = Conv2D(convolution.window)
        second = Conv2D(
          try Window2D(Conv2D.name, size: [1, 1], strides: [1, 1]),
          isReLUFused: convolution.isReLUFused)
      } else {
        first = Dense()
        second = Dense(isReLUFused: (node.operation as? Dense)?.isReLUFused ?? false)
      }
      let middle = try graph.add(one: first, [inputs[0], left], layer: reduce)
      return try graph.add(second, [middle, right] + inputs.dropFirst(2), layer: expand)
    }.pruned()
  }

  /// Reads a parameter that may have been added for another node of the layer.
  private static func read(_ parameter: Parameter, _ layer: String, _ graph: inout Graph) throws
    -> Value
  {
    graph.parameters[parameter.name] == nil
      ? try graph.add(parameter: parameter, layer: layer)
      : try graph.read(parameter.name, layer: layer)
  }
}
