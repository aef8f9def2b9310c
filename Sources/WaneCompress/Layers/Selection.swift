import WaneGraph
import WaneTensor

/// Which layers a pass treats.
///
/// A word is the path of a layer, or else a kind of operation (`conv2d`), or else a Lua pattern that
/// is looked for in paths.
public struct Selection: Sendable {
  /// What is treated; everything when nil.
  public let only: [String]?
  /// What is not.
  public let except: [String]

  /// Everything.
  public static let all = Selection()

  /// Selects the layers that `only` names and `except` does not.
  public init(only: [String]? = nil, except: [String] = []) {
    self.only = only
    self.except = except
  }

  /// The weighted layers that are selected, and why layers that were asked for by `only` cannot be.
  ///
  /// - Parameters:
  ///   - model: the model whose layers are chosen.
  ///   - named: the model whose layers words refer to, when `model` has lost some of them.
  ///   - verb: who asks, for messages.
  ///   - weights: weights that are treated like layers, though they are not the kernel of one.
  ///   - callable: such weights that are treated when they are called by their own name.
  /// - Returns: the layers in order, and those left out with the reason.
  /// - Throws: when a word names no layer, or nothing is left.
  func choose(
    in model: Graph, named: Graph? = nil, _ verb: String, weights: [WeightedLayer] = [],
    callable: [WeightedLayer] = []
  ) throws -> (layers: [WeightedLayer], skipped: [Report.Skipped]) {
    let names = LayerNames(named ?? model)
    let weighted = model.weightedLayers() + weights
    let kernels = Set((weighted + callable).map(\.kernel))
    func union(_ words: [String]) throws -> Set<String> {
      try words.reduce(into: []) { union, word in
        // A layer's path comes first; no kernel is called as one.
        if kernels.contains(word), !names.paths.contains(word) {
          union.insert(word)
        } else {
          union.formUnion(try names.resolve(word, verb).layers)
        }
      }
    }
    let wanted = try only.map(union)
    let unwanted = try union(except)
    func isChosen(_ layer: WeightedLayer) -> Bool {
      wanted.map { $0.contains(layer.path) || $0.contains(layer.kernel) } != false
        && !unwanted.contains(layer.path) && !unwanted.contains(layer.kernel)
    }
    let called = callable.filter { wanted?.contains($0.kernel) == true }
    let chosen = (weighted + called).filter(isChosen)
      .sorted { ($0.nodes.first ?? 0) < ($1.nodes.first ?? 0) }
    let weightedPaths = Set(weighted.map(\.path))
    let skipped = names.paths.filter {
      wanted?.contains($0) == true && !unwanted.contains($0) && !weightedPaths.contains($0)
    }
    guard !chosen.isEmpty else {
      throw WaneError(
        verb,
        weighted.isEmpty
          ? "the model has no layer with weights" : "no layer with weights is selected")
    }
    return (chosen, skipped.map { Report.Skipped($0, "has no kernel") })
  }

  /// The options as they stand in a report.
  var reported: [(name: String, value: ReportValue)] {
    (only.map { [("only", .text($0.joined(separator: ", ")))] } ?? [])
      + (except.isEmpty ? [] : [("except", .text(except.joined(separator: ", ")))])
  }
}
