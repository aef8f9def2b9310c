import WaneGraph
import WaneNN
import WaneTensor

/// Makes the weights of each kernel share a few values, found by k-means, and trains those values on
/// with the gradients of all their users (Han, Mao and Dally, "Deep Compression", 2016).
///
/// A weight then takes the bits of an index. The values are those of a kernel, or of each of its channels.
/// In a pruned kernel one of the shared values is zero and stays so; a kernel on an integer grid stays on
/// one of as many bits.
public struct WeightSharing: ModelPass {
  public static let verb = "compress"
  /// How many values a kernel or channel may have, the zero of a pruned one included.
  public let clusters: Int
  /// Where k-means starts.
  public let initial: CentroidInitializer
  /// Whether each channel has values of its own.
  public let isPerChannel: Bool
  /// The layers that are treated.
  public let selection: Selection

  /// Creates a pass.
  ///
  /// - Throws: when the number of clusters is not in 2...256.
  public init(
    clusters: Int, initial: CentroidInitializer = .kMeansPlusPlus, isPerChannel: Bool = false,
    selection: Selection = .all
  ) throws {
    guard (2...256).contains(clusters) else {
      throw WaneError(Self.verb, "clusters must be in 2..256, got \(clusters)")
    }
    self.clusters = clusters
    self.initial = initial
    self.isPerChannel = isPerChannel
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 3e-4))
    let chosen = try selection.choose(in: model, Self.verb)
    var report = Report(
      Self.verb,
      options: [
        ("method", .text("share")), ("clusters", .number(Double(clusters))),
        ("initial", .text(initial.rawValue)),
        ("per", .text(isPerChannel ? "channel" : "tensor")),
      ] + selection.reported)
    report.skipped = chosen.skipped
    var result = model
    for (position, layer) in chosen.layers.enumerated() {
      try context.poll()
      guard let kernel = model.parameters[layer.kernel] else { continue }
      let seed = context.fineTuning.seed &+ UInt64(position)
      let axis = isPerChannel ? kernel.shape.rank - layer.unitAxis : nil
      let shared = try share(kernel, axis: axis, seed: seed)
      // A kernel on a grid that already has few values takes the codebook for its constraint.
      let isPlain = if case .dense = kernel.payload { true } else { false }
      if shared.byteCount >= kernel.byteCount,
        try isPlain || Self.mostValues(kernel, axis) > clusters
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
            .init(
              "values", Double(try Self.mostValues(kernel, axis)),
              Double(try Self.mostValues(shared, axis))),
            .init("bytes", Double(kernel.byteCount), Double(shared.byteCount)),
          ]))
    }
    let tuned = try tune(result)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }

  /// The different values of a parameter, or of the channel that has most.
  private static func mostValues(_ parameter: Parameter, _ axis: Int?) throws -> Int {
    let values = try parameter.decoded().array(Float.self)
    return Codebooks.split(values, parameter.shape, axis).reduce(0) { max($0, Set($1).count) }
  }

  /// The same parameter with at most `clusters` values, or as many in each position of an axis.
  private func share(_ parameter: Parameter, axis: Int?, seed: UInt64) throws -> Parameter {
    if case .codebook(_, let table, _) = parameter.payload, table.size <= clusters,
      table.axis == nil || table.axis == axis
    {
      return parameter
    }
    let weights = try parameter.decoded().array(Float.self)
    // A table of each channel has its zero where the others have it.
    let pinsZero = parameter.isMasked && (axis != nil || weights.contains(0))
    var seed = seed
    let codebooks = Codebooks(weights, parameter.shape, axis: axis) { weights in
      let free = pinsZero ? weights.filter { $0 != 0 } : weights
      guard !free.isEmpty else { return Codebook(centroids: [0], indices: weights.map { _ in 0 }) }
      let clustering = Clustering(
        SortedValues(free), count: pinsZero ? clusters - 1 : clusters, initial: initial, seed: seed)
      seed &+= 1 << 32
      return Codebook(weights, sortedCentroids: clustering.centroids, pinsZero: pinsZero)
    }
    guard let bits = parameter.grid?.bits else {
      return try parameter.replacing(codebooks.payload(isMasked: parameter.isMasked))
    }
    let grid = try codebooks.grid(bits: bits)
    let rounded = try codebooks.rounded(to: grid).mapped { book, _ in book.compacted() }
    return try parameter.replacing(rounded.payload(isMasked: parameter.isMasked, grid: grid))
  }
}
