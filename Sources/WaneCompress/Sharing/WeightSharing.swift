import WaneGraph
import WaneNN
import WaneTensor

/// Makes the weights of each kernel share a few values, found by k-means, and trains those values on
/// with the gradients of all their users (Han, Mao and Dally, "Deep Compression", 2016).
///
/// A weight then takes the bits of an index. In a pruned kernel one of the shared values is zero and
/// stays so; a kernel on an integer grid stays on one of as many bits.
public struct WeightSharing: ModelPass {
  public static let verb = "compress"
  /// How many values a kernel may have, the zero of a pruned one included.
  public let clusters: Int
  /// Where k-means starts.
  public let initial: CentroidInitializer
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when the number of clusters is not in 2...256.
  public init(
    clusters: Int, initial: CentroidInitializer = .kMeansPlusPlus, selection: Selection = .all
  ) throws {
    guard (2...256).contains(clusters) else {
      throw WaneError(Self.verb, "clusters must be in 2..256, got \(clusters)")
    }
    self.clusters = clusters
    self.initial = initial
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 3e-4))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(
      Self.verb,
      options: [
        ("method", .text("share")), ("clusters", .number(Double(clusters))),
        ("init", .text(initial.rawValue)),
      ] + selection.reported)
    report.skipped = chosen.skipped
    var result = model
    for (position, layer) in chosen.layers.enumerated() {
      try context.poll()
      guard let kernel = model.parameters[layer.kernel] else { continue }
      let seed = context.fineTuning.seed &+ UInt64(position)
      let shared = try share(kernel, seed: seed)
      // A kernel on a grid that already has few values takes the codebook for its constraint.
      let isPlain = if case .dense = kernel.payload { true } else { false }
      if shared.byteCount >= kernel.byteCount,
        try isPlain || kernel.distinctCount(atMost: clusters + 1) > clusters
      {
        report.skipped.append(
          .init(layer.label, "a codebook would take more bytes than the weights"))
        continue
      }
      try result.set(shared)
      report.layers.append(
        Report.Row(
          layer: layer.label, action: "shares values",
          numbers: [
            .init("values", Double(try kernel.distinctCount()), Double(try shared.distinctCount())),
            .init("bytes", Double(kernel.byteCount), Double(shared.byteCount)),
          ]))
    }
    let tuned = try tune(result)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  /// The same parameter with at most `clusters` values.
  private func share(_ parameter: Parameter, seed: UInt64) throws -> Parameter {
    if case .codebook(_, let centroids, _) = parameter.payload, centroids.count <= clusters {
      return parameter
    }
    let weights = try parameter.decoded().array(Float.self)
    let free = parameter.isMasked ? weights.filter { $0 != 0 } : weights
    let pinsZero = free.count < weights.count
    guard !free.isEmpty else {
      return try parameter.replacing(
        Codebook(centroids: [0], indices: weights.map { _ in 0 }).payload(grid: parameter.grid))
    }
    let clustering = Clustering(
      SortedValues(free), count: pinsZero ? clusters - 1 : clusters, initial: initial, seed: seed)
    var codebook = Codebook(weights, sortedCentroids: clustering.centroids, pinsZero: pinsZero)
    guard let bits = parameter.grid?.bits else {
      return try parameter.replacing(codebook.payload())
    }
    let grid = try WeightGrid.fitting(codebook, bits: bits)
    codebook.centroids = grid.rounded(codebook.centroids)
    return try parameter.replacing(codebook.compacted().payload(grid: grid))
  }
}
