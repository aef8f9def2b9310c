import WaneGraph
import WaneNN
import WaneTensor

/// Lets layers of one kind and shape read the same weights, which are trained on with the gradients of all
/// their places (compare Dehghani et al., "Universal transformers", 2019; Lan et al., "ALBERT", 2020).
///
/// The weights are stored once. They become the mean of what the layers had; normalizations stay with their
/// layers. Which layers share is said by name, or found: those whose kernels are alike,
///
///     similarity = <a, b> / (|a| |b|)
///
/// the most alike first, each with the first layer of its group.
public struct LayerTying: ModelPass {
  public static let verb = "compress"
  /// Lists of words for layers that share; found when nil.
  ///
  /// Layers that a list calls by their paths have to fit together; of others - those of a kind, or in whose
  /// paths a pattern is found - those share that do.
  public let groups: [[String]]?
  /// The similarity from which two layers share.
  public let threshold: Double
  /// How many layers take the weights of another at most.
  public let count: Int?
  /// The layers that are looked at.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when the threshold is not in [-1, 1], the count not positive, or there are no groups or one
  ///   of no words.
  public init(
    groups: [[String]]? = nil, threshold: Double = 0.95, count: Int? = nil,
    selection: Selection = .all
  ) throws {
    try LayerLimits.check(threshold: threshold, count: count, Self.verb)
    if let groups {
      guard !groups.isEmpty else { throw WaneError(Self.verb, "layers has no list of layers") }
      guard groups.allSatisfy({ !$0.isEmpty }) else {
        throw WaneError(Self.verb, "layers has a list of no layers")
      }
    }
    self.groups = groups
    self.threshold = threshold
    self.count = count
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 3e-4))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(Self.verb, options: reportedOptions)
    report.skipped = chosen.skipped
    let selected = Set(chosen.layers.map(\.path))
    let layers = try TieableLayer.all(in: model).filter { selected.contains($0.path) }
    let ties =
      try groups.map { try named($0, layers, model, &report) } ?? found(layers, &report, context)
    report.layers = ties.map { tie in
      let weights = tie.layer.names.reduce(0) { $0 + (model.parameters[$1]?.shape.count ?? 0) }
      var row = Report.Row(
        layer: tie.layer.path, action: "shares the weights of '\(tie.leader.path)'",
        numbers: [.init("weights", Double(weights), 0)])
      row.measures = [("similarity", tie.similarity)]
      return row
    }
    let tuned = try tune(tied(model, ties))
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    let which: [(name: String, value: ReportValue)]
    if let groups {
      let lists = groups.map { "{ \($0.joined(separator: ", ")) }" }
      which = [("layers", .text(lists.joined(separator: ", ")))]
    } else {
      which =
        [("threshold", .number(threshold))]
        + (count.map { [("count", .number(Double($0)))] } ?? [])
    }
    return [("method", .text("tie"))] + which + selection.reported
  }

  /// A layer that reads the weights of another.
  private struct Tie {
    let leader: TieableLayer
    let layer: TieableLayer
    let similarity: Double
  }

  // MARK: Which

  private func named(
    _ groups: [[String]], _ layers: [TieableLayer], _ model: Graph, _ report: inout Report
  ) throws -> [Tie] {
    let names = LayerNames(model)
    let byPath = Dictionary(layers.map { ($0.path, $0) }) { first, _ in first }
    var known: Set<String> = []
    return try groups.flatMap { group -> [Tie] in
      let list = "{ \(group.joined(separator: ", ")) }"
      let (paths, called) = try names.resolve(list: group, Self.verb)
      let members = try names.paths.filter(paths.contains).compactMap { path -> TieableLayer? in
        guard let layer = byPath[path] else {
          guard called.contains(path) else { return nil }
          throw WaneError(Self.verb, "layer '\(path)' is not selected, or has no weights to share")
        }
        return layer
      }
      for member in members where !known.insert(member.path).inserted {
        throw WaneError(Self.verb, "layer '\(member.path)' stands in two lists")
      }
      guard members.count > 1 else {
        throw WaneError(Self.verb, "\(list) are not two layers with weights")
      }
      try Self.check(members.filter { called.contains($0.path) })
      return Self.ties(among: members, of: list, &report)
    }
  }

  /// Throws unless layers can share.
  private static func check(_ layers: [TieableLayer]) throws {
    guard let leader = layers.first else { return }
    for layer in layers.dropFirst() {
      if let obstacle = leader.obstacle ?? layer.obstacle ?? leader.difference(from: layer) {
        throw WaneError(
          verb, "'\(leader.path)' and '\(layer.path)' cannot share weights: \(obstacle)")
      }
    }
  }

  /// Each layer with the first that it can share with; those that find none go into the report.
  private static func ties(
    among members: [TieableLayer], of list: String, _ report: inout Report
  ) -> [Tie] {
    var ties: [Tie] = []
    var leaders: [TieableLayer] = []
    for layer in members where layer.obstacle == nil {
      if let leader = leaders.first(where: { $0.difference(from: layer) == nil }) {
        ties.append(Tie(leader: leader, layer: layer, similarity: leader.similarity(to: layer)))
      } else {
        leaders.append(layer)
      }
    }
    let paired = Set(ties.flatMap { [$0.leader.path, $0.layer.path] })
    for layer in members where !paired.contains(layer.path) {
      report.skipped.append(
        .init(layer.path, layer.obstacle ?? "no other layer of \(list) has its kind and shape"))
    }
    return ties
  }

  private func found(
    _ layers: [TieableLayer], _ report: inout Report, _ context: CompressionContext
  ) throws -> [Tie] {
    let free = layers.filter { $0.obstacle == nil }
    report.skipped += layers.compactMap { layer in
      layer.obstacle.map { .init(layer.path, $0) }
    }
    var pairs: [Tie] = []
    for (index, layer) in free.enumerated() {
      try context.poll()
      for leader in free[..<index] where leader.difference(from: layer) == nil {
        pairs.append(
          Tie(leader: leader, layer: layer, similarity: leader.similarity(to: layer)))
      }
    }
    // Of pairs that are equally alike the earlier one, whose order is that of the model.
    pairs = pairs.enumerated().sorted {
      ($1.element.similarity, $0.offset) < ($0.element.similarity, $1.offset)
    }.map(\.element)
    var ties: [Tie] = []
    var (leaders, followers): (Set<String>, Set<String>) = ([], [])
    for pair in pairs where pair.similarity >= threshold && ties.count < count ?? .max {
      guard !followers.contains(pair.leader.path), !followers.contains(pair.layer.path),
        !leaders.contains(pair.layer.path)
      else { continue }
      ties.append(pair)
      leaders.insert(pair.leader.path)
      followers.insert(pair.layer.path)
    }
    for layer in free where !leaders.contains(layer.path) && !followers.contains(layer.path) {
      let nearest = pairs.first { $0.layer.path == layer.path || $0.leader.path == layer.path }
      report.skipped.append(.init(layer.path, Self.reason(layer, nearest)))
    }
    let order = Dictionary(uniqueKeysWithValues: free.enumerated().map { ($1.path, $0) })
    return ties.sorted { order[$0.layer.path] ?? 0 < order[$1.layer.path] ?? 0 }
  }

  private static func reason(_ layer: TieableLayer, _ nearest: Tie?) -> String {
    guard let nearest else { return "no other layer has its kind and shape" }
    let other = nearest.layer.path == layer.path ? nearest.leader : nearest.layer
    return "is most like '\(other.path)', by \(DecimalText.fixed(nearest.similarity, 3))"
  }

  // MARK: The graph

  private func tied(_ model: Graph, _ ties: [Tie]) throws -> Graph {
    guard !ties.isEmpty else { return model }
    var shared: [String: Parameter] = [:]
    var leaders: [String: String] = [:]
    for (leader, members) in Dictionary(grouping: ties, by: \.leader.path) {
      guard let first = members.first?.leader else { continue }
      let layers = [first] + members.map(\.layer)
      for (position, name) in first.names.enumerated() {
        for layer in layers { leaders[layer.names[position]] = name }
        guard let parameter = model.parameters[name] else {
          throw WaneError(Self.verb, "layer '\(leader)' has lost its weights")
        }
        shared[name] = try mean(parameter, layers.map { $0.names[position] }, model)
      }
    }
    return try model.rewritten { _, node, _, graph in
      guard let read = node.operation as? ParameterRead, let leader = leaders[read.name],
        let parameter = shared[leader]
      else { return nil }
      return [try graph.read(orAdd: parameter, layer: node.layer)]
    }
  }

  private func mean(_ parameter: Parameter, _ names: [String], _ model: Graph) throws -> Parameter {
    var sums = [Double](repeating: 0, count: parameter.shape.count)
    for name in names {
      try model.parameters[name]?.decoded().with(Float.self) { values in
        for index in values.indices { sums[index] += Double(values[index]) }
      }
    }
    let count = Double(names.count)
    return try parameter.replacing(
      .dense(Tensor(sums.map { Float($0 / count) }, parameter.shape)))
  }
}
