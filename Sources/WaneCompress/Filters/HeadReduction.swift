import WaneGraph
import WaneNN
import WaneTensor

/// Takes heads out of attention, with all that only they read and give (Michel, Levy and Neubig, "Are
/// sixteen heads really better than one?", 2019).
///
/// The projections of queries, keys and values lose a head's columns, the projection behind them its
/// rows; every attention keeps one head at least. What is computed is what the model would compute if
/// the head's results were zero.
public struct HeadReduction: ModelPass {
  public static let verb = "prune"
  /// The share of heads that is taken out.
  public let ratio: Double
  /// What a head is worth, summed over its projections.
  public let criterion: FilterCriterion
  /// Whether each attention gives its share, or all compete.
  public let scope: FilterScope
  /// The attentions that are treated, by their path or that of a projection.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when the ratio is not in [0, 1).
  public init(
    ratio: Double, criterion: FilterCriterion = .l2, scope: FilterScope = .layer,
    selection: Selection = .all
  ) throws {
    guard ratio >= 0, ratio < 1 else {
      throw WaneError(Self.verb, "ratio must be in [0, 1), got \(ratio)")
    }
    self.ratio = ratio
    self.criterion = criterion
    self.scope = scope
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let channels = ChannelGraph(model)
    let attentions = try chosen(in: model, channels)
    guard !attentions.isEmpty else {
      throw WaneError(Self.verb, "there is no attention in the model, or none is selected")
    }
    let projections = Set(attentions.flatMap(\.projections))
    let reduction = try FilterReduction(
      .ratio(ratio), criterion: criterion, scope: scope,
      selection: Selection(only: projections.sorted()), name: Self.verb)
    var result = try reduction.apply(to: model, context)
    var report = Report(
      Self.verb,
      options: [
        ("unit", .text("head")), ("ratio", .number(ratio)),
        ("criterion", .text(criterion.rawValue)), ("scope", .text(scope.rawValue)),
      ] + selection.reported)
    let after = Dictionary(
      result.model.nodes.compactMap { node in
        (node.operation as? Attention).map { (node.layer, $0.heads) }
      }, uniquingKeysWith: { first, _ in first })
    for attention in attentions {
      let left = after[attention.path] ?? attention.heads
      let reason = result.report.skipped.first { attention.projections.contains($0.layer) }?.reason
      if let reason {
        report.skipped.append(.init(attention.path, reason))
        continue
      }
      report.layers.append(
        Report.Row(
          layer: attention.path,
          action: left < attention.heads ? "took out heads" : "kept all heads",
          numbers: [.init("heads", Double(attention.heads), Double(left))]))
    }
    report.history = result.report.history
    result.report = report
    return result
  }

  /// An attention and the layers whose filters are its heads.
  private struct Found {
    let path: String
    let heads: Int
    let projections: [String]
  }

  private func chosen(in model: Graph, _ channels: ChannelGraph) throws -> [Found] {
    let names = LayerNames(model)
    func union(_ words: [String]) throws -> Set<String> {
      try words.reduce(into: []) { $0.formUnion(try names.resolve($1, Self.verb).layers) }
    }
    let wanted = try selection.only.map(union)
    let unwanted = try union(selection.except)
    let layers = model.weightedLayers()
    return model.nodes.compactMap { node in
      guard let attention = node.operation as? Attention else { return nil }
      let heads = Set(node.inputs.flatMap(channels.roots(of:)))
      let projections = layers.filter { !heads.isDisjoint(with: channels.filters(of: $0)) }
        .map(\.path)
      let paths = Set(projections + [node.layer])
      guard wanted?.isDisjoint(with: paths) != true, unwanted.isDisjoint(with: paths) else {
        return nil
      }
      return Found(path: node.layer, heads: attention.heads, projections: projections)
    }
  }
}
