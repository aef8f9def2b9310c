import WaneGraph
import WaneNN
import WaneTensor

/// Trains a model to take few bytes in its file: kernels go onto integer grids of one scale, and the
/// bits that their codes need become a part of the loss.
///
/// The rate is the loss that a kilobyte may cost. With a number of bytes the file is brought down to it
/// in the course of the training, by `SizeSteering`, whatever the rate. Biases go onto grids as well, and
/// zeros are pinned in the end. See `CodeEntropy` for the term and its sources.
public struct EntropyTraining: ModelPass {
  public static let verb = "compress"
  /// The loss for each kilobyte of codes.
  public let rate: Double
  /// The bytes of the file, at most; any number when nil.
  public let bytes: Int?
  /// The layers that are treated.
  public let selection: Selection
  private let fileBytes: @Sendable (Graph) throws -> Int

  /// Bits of a code at most: coded codes take no more for being allowed to be large.
  private static let bits = 8

  /// Creates a pass.
  ///
  /// - Parameters:
  ///   - rate: the loss for each kilobyte of codes.
  ///   - bytes: the bytes of the file, at most; any number when nil.
  ///   - selection: the layers that are treated.
  ///   - fileBytes: the bytes of a model's file.
  /// - Throws: when a number is out of range.
  public init(
    rate: Double = 0.01, bytes: Int? = nil, selection: Selection = .all,
    fileBytes: @escaping @Sendable (Graph) throws -> Int
  ) throws {
    guard rate >= 0, rate.isFinite else {
      throw WaneError(Self.verb, "rate must be at least 0, got \(rate)")
    }
    if let bytes, bytes <= 0 {
      throw WaneError(Self.verb, "bytes must be positive, got \(bytes)")
    }
    self.rate = rate
    self.bytes = bytes
    self.selection = selection
    self.fileBytes = fileBytes
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    var context = context
    context.fineTuning.regularizers.append(try Regularizer(.entropy, rate: Float(rate)))
    let tune = try FineTuner(Self.verb, context, defaults: .init(learningRate: 1e-3))
    guard tune.isWanted else {
      throw WaneError(
        Self.verb, "method 'entropy' works by training: give the options 'data' and 'epochs'")
    }
    let folded = try model.pruned().foldingBatchNorm()
    let chosen = try selection.choose(in: folded, named: model, Self.verb)
    var report = Report(
      Self.verb,
      options: [("method", .text("entropy")), ("rate", .number(rate))]
        + (bytes.map { [("target", .pairs([.init(layers: "bytes", value: Double($0))]))] } ?? [])
        + selection.reported)
    report.skipped = chosen.skipped

    var start = folded
    var layers: [WeightedLayer] = []
    var free: [String: Tensor] = [:]
    for layer in chosen.layers {
      guard let kernel = folded.parameters[layer.kernel] else { continue }
      if let reason = kernel.reasonAgainstCodeGrid {
        report.skipped.append(.init(layer.label, reason))
        continue
      }
      layers.append(layer)
      try start.putOnCodeGrid(kernel, step: kernel.entropyStep() ?? 1, bits: Self.bits)
      free[kernel.name] = try kernel.decoded()
      if let name = layer.bias, let bias = folded.parameters[name],
        let step = try bias.fullStep(bits: Self.bits)
      {
        try start.putOnCodeGrid(bias, step: step, bits: Self.bits)
        free[bias.name] = try bias.decoded()
      }
    }
    guard !layers.isEmpty else {
      throw WaneError(Self.verb, "method 'entropy' can treat none of the selected layers")
    }
    let kernels = layers.map(\.kernel)
    var steering = try bytes.map {
      try SizeSteering(start, kernels: kernels, bytes: $0, fileBytes: fileBytes)
    }
    // Training starts from the weights before rounding.
    let tuned = try tune(start, masking: steering == nil ? [] : Set(kernels)) { run in
      for (name, values) in free { run.setWeights(name, values) }
      for kernel in kernels {
        guard let kernel = folded.parameters[kernel], kernel.isMasked else { continue }
        run.setMask(kernel.name, try kernel.mask())
      }
      try steering?.prepare(run)
    } onStep: { run in
      try steering?.proceed(run)
    }
    report.history = tuned.history
    var result = tuned.model
    for layer in layers {
      for name in [layer.kernel] + (layer.bias.map { [$0] } ?? []) {
        guard let parameter = result.parameters[name] else { continue }
        try result.set(parameter.withCompactGrid(pinning: name == layer.kernel))
      }
      guard let old = model.parameters[layer.kernel], let new = result.parameters[layer.kernel]
      else {
        continue
      }
      report.layers.append(try Self.row(layer, old, new))
    }
    return PassResult(result, report)
  }

  private static func row(_ layer: WeightedLayer, _ old: Parameter, _ new: Parameter) throws
    -> Report.Row
  {
    let count = Double(old.shape.count)
    let bytes = try (old.codeEntropyBytes(), new.codeEntropyBytes())
    return Report.Row(
      layer: layer.label, action: "codes trained for few bits",
      numbers: [
        .init(
          "zeros", count - Double(try old.nonzeroCount()), count - Double(try new.nonzeroCount())),
        .init("bits", Double(old.grid?.bits ?? 32), Double(new.grid?.bits ?? 32)),
        .init("code_bytes", bytes.0.rounded(), bytes.1.rounded()),
      ])
  }
}

extension Graph {
  /// Rounds a parameter to a grid of one scale, of no more bits than it has.
  fileprivate mutating func putOnCodeGrid(_ parameter: Parameter, step: Float, bits: Int) throws {
    let bits = min(bits, parameter.grid?.bits ?? bits)
    let grid = try WeightGrid(bits: bits, scales: [step], axis: nil)
    try set(
      parameter.replacing(.integer(codes: grid.codes(for: parameter.decoded()), grid: grid)))
  }
}
