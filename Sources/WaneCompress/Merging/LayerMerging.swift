import WaneGraph
import WaneNN
import WaneTensor

/// Makes one layer of several that compute the same: batch normalizations go into the layers before
/// them, linear layers in a row become one where that is less work, and linear layers side by side whose
/// results are added become one (Ding et al., "RepVGG", 2021).
///
/// Only what is exact up to rounding is done. Weights that are pruned, shared or on a grid stay as they
/// are, since one layer for two has other weights.
public struct LayerMerging: ModelPass {
  public static let verb = "compress"
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass.
  public init(selection: Selection = .all) { self.selection = selection }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 1e-3))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(
      Self.verb, options: [("method", .text("merge"))] + selection.reported)
    report.skipped = chosen.skipped
    var merged = model
    if selection.only == nil, selection.except.isEmpty {
      merged = try model.foldingBatchNorm()
      report.layers += Self.foldedRows(model, merged)
    }
    let paths = Set(chosen.layers.map(\.path))
    var obstacles: [Report.Skipped] = []
    while true {
      try context.poll()
      let round = try MergingRound(merged, paths)
      guard let found = round.merge else {
        obstacles = round.obstacles
        break
      }
      let result = try found.applied(to: merged)
      report.layers.append(
        Report.Row(
          layer: found.path, action: found.action,
          numbers: [
            .init("weights", Double(merged.weights), Double(result.weights)),
            .init("macs", Double(merged.work), Double(result.work)),
          ]))
      merged = result
    }
    report.skipped += Self.normalizations(merged).map {
      .init($0, "is not behind a selected layer whose weights can take it up")
    }
    report.skipped += obstacles
    let tuned = try tune(merged)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  private static func normalizations(_ model: Graph) -> [String] {
    model.nodes.filter { $0.operation is BatchNorm }.map(\.layer)
  }

  private static func foldedRows(_ before: Graph, _ after: Graph) -> [Report.Row] {
    let left = Set(normalizations(after))
    return before.nodes.filter { $0.operation is BatchNorm && !left.contains($0.layer) }.map {
      Report.Row(
        layer: $0.layer, action: "folded into '\(before.producer(of: $0.inputs[0]).layer)'",
        numbers: [.init("weights", Double(4 * $0.outputs[0].channels), 0)])
    }
  }
}

extension Graph {
  /// The numbers in all parameters.
  fileprivate var weights: Int { parameters.reduce(0) { $0 + $1.shape.count } }
}

/// The first two layers of a model that make one, or why none do.
private struct MergingRound {
  private(set) var merge: Merge?
  private(set) var obstacles: [Report.Skipped] = []

  /// One layer for two.
  struct Merge {
    /// The node whose result the new layer makes.
    let node: Int
    /// What the new layer reads.
    let operand: Value
    /// What it computes.
    let layer: LinearLayer
    let isReLUFused: Bool
    /// Its path.
    let path: String
    let action: String

    /// The model with the new layer.
    func applied(to model: Graph) throws -> Graph {
      // The final names are free only when the old layers are gone.
      let mark = "#merged"
      let (kernel, bias) = ("\(path)/kernel", "\(path)/bias")
      var places: [Value: Value] = [:]
      let merged = try model.rewritten { index, current, inputs, graph in
        for (old, new) in zip(current.inputs, inputs) { places[old] = new }
        guard index == node else { return nil }
        guard let source = places[operand] else {
          throw WaneError("merge", "the operand of '\(path)' is missing")
        }
        let operands = try layer.parameters(kernel: kernel + mark, bias: bias + mark).map {
          try graph.add(parameter: $0, layer: path)
        }
        return try graph.add(
          layer.operation(isReLUFused: isReLUFused), [source] + operands, layer: path)
      }.pruned()
      return try merged.rewritten { _, current, _, graph in
        guard let read = current.operation as? ParameterRead, read.name.hasSuffix(mark),
          let parameter = merged.parameters[read.name]
        else { return nil }
        let name = merged.freshName(String(read.name.dropLast(mark.count)))
        return [try graph.add(parameter: parameter.renamed(name), layer: path)]
      }
    }
  }

  private let model: Graph
  private let users: [[Int]]
  private let readers: [String: Int]
  private let paths: Set<String>

  init(_ model: Graph, _ paths: Set<String>) throws {
    self.model = model
    self.paths = paths
    users = model.users()
    readers = Dictionary(
      model.nodes.compactMap { ($0.operation as? ParameterRead)?.name }.map { ($0, 1) },
      uniquingKeysWith: +)
    for (index, node) in model.nodes.enumerated() {
      if node.operation is Add { try addition(index, node) } else { try sequence(index, node) }
      if merge != nil { return }
    }
  }

  /// A selected layer that one node alone reads.
  private func layer(_ value: Value, readBy user: Int) throws -> (Node, LinearLayer)? {
    let node = model.nodes[value.node]
    guard users[value.node] == [user], !model.outputs.contains(value), paths.contains(node.layer),
      let layer = try LinearLayer(node, in: model, readers: readers), !node.isReLUFused
    else { return nil }
    return (node, layer)
  }

  /// A layer on the result of another.
  private mutating func sequence(_ index: Int, _ node: Node) throws {
    guard node.operation is Conv2D || node.operation is Dense, paths.contains(node.layer),
      let (first, before) = try layer(node.inputs[0], readBy: index),
      let own = try LinearLayer(node, in: model, readers: readers)
    else { return }
    switch try before.followed(by: own) {
    case .failure(let obstacle):
      obstacles.append(.init(node.layer, "follows '\(first.layer)', but \(obstacle.reason)"))
    case .success(let layer):
      let places = node.outputs[0].sampleCount / max(own.outputs, 1)
      let work = layer.weights.count * places
      guard work < model.work(of: first) + model.work(of: node) else {
        obstacles.append(
          .init(node.layer, "follows '\(first.layer)', but one layer would do more work"))
        return
      }
      merge = Merge(
        node: index, operand: first.inputs[0], layer: layer, isReLUFused: node.isReLUFused,
        path: node.layer, action: "took '\(first.layer)' in")
    }
  }

  /// A sum of two layers of one operand, or of a layer and its operand.
  private mutating func addition(_ index: Int, _ node: Node) throws {
    for (own, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard own != other, let (first, layer) = try layer(own, readBy: index),
        let second = try branch(other, of: first.inputs[0], readBy: index, layer)
      else { continue }
      switch layer.added(second.layer) {
      case .failure(let obstacle):
        obstacles.append(
          .init(first.layer, "is added to \(second.name), but that \(obstacle.reason)"))
      case .success(let sum):
        merge = Merge(
          node: index, operand: first.inputs[0], layer: sum, isReLUFused: false,
          path: first.layer, action: "took \(second.name) in")
        return
      }
    }
  }

  /// What a value is of an operand: a layer of it, its normalization, or itself.
  private func branch(
    _ value: Value, of operand: Value, readBy user: Int, _ beside: LinearLayer
  ) throws -> (layer: LinearLayer, name: String)? {
    let channels = model.type(of: operand).channels
    let isConvolution = beside.window != nil
    if value == operand {
      let ones = [Double](repeating: 1, count: channels)
      return (
        try LinearLayer(
          factors: ones, terms: ones.map { _ in 0 }, isConvolution: isConvolution),
        "its shortcut"
      )
    }
    let node = model.nodes[value.node]
    guard node.inputs.first == operand else { return nil }
    if let (other, layer) = try layer(value, readBy: user) { return (layer, "'\(other.layer)'") }
    guard let norm = node.operation as? BatchNorm, users[value.node] == [user],
      !model.outputs.contains(value)
    else { return nil }
    let statistics = try node.inputs[1...].map {
      try model.parameter($0)?.decoded().with(Float.self) { $0.map(Double.init) } ?? []
    }
    let factors = zip(statistics[0], statistics[3]).map {
      $0 / ($1 + Double(norm.epsilon)).squareRoot()
    }
    let terms = factors.indices.map { statistics[1][$0] - statistics[2][$0] * factors[$0] }
    guard factors.count == channels else { return nil }
    return (
      try LinearLayer(factors: factors, terms: terms, isConvolution: isConvolution),
      "'\(node.layer)'"
    )
  }
}

extension Node {
  /// Whether a rectifier is part of it.
  fileprivate var isReLUFused: Bool {
    (operation as? Conv2D)?.isReLUFused ?? (operation as? Dense)?.isReLUFused ?? false
  }
}
