import WaneGraph
import WaneNN
import WaneTensor

/// Puts weights and activations on integer grids, so that convolutions and dense layers run on
/// integers.
///
/// Weights get 1 to 8 bits with a scale for each filter, layer or group of inputs, activations 1
/// to 8 bits or 16; biases stay floats and are rounded to the grid of the sums when the model is
/// compiled. With epochs of fine-tuning the model is trained while it is rounded (quantization-aware
/// training, Jacob et al., 2018), gradients passing straight through the rounding, scales of weights and
/// where asked for ranges of activations learned (Esser et al., LSQ, 2020; Choi et al., PACT, 2018).
///
/// Batch normalizations are folded into the weights first, or late in training. Pinned zeros stay zero; a codebook stays
/// one, its values moved to a grid of one scale.
public struct Quantization: ModelPass {
  public static let verb = "quantize"
  /// Bits of weights by layer; nil for layers that `table` alone decides on.
  public let bits: Int?
  /// Bits of the weights of some layers.
  public let table: [(layers: String, bits: Int)]
  /// What the grids of weights look like.
  public let weights: WeightFormat
  /// How activations are treated.
  public let activations: ActivationFormat
  /// How ranges of activations are told.
  public let observer: RangeObserverKind
  /// The layers that are treated.
  public let selection: Selection
  /// What is done besides rounding to the nearest.
  public var refinement = QuantizationRefinement()
  /// What of the grids training moves.
  public var grids = GridTraining()
  /// When batch normalizations become part of the weights.
  public var normalization = Normalization.foldedFirst

  /// Creates a pass with as many bits everywhere.
  ///
  /// - Throws: when bits are not in 1...8.
  public init(
    bits: Int = 8, weights: WeightFormat = .usual, activations: ActivationFormat = .usual,
    observer: RangeObserverKind = .usual, selection: Selection = .all
  ) throws {
    try self.init(bits, [], weights, activations, observer, selection)
  }

  /// Creates a pass with bits by layer; layers that the table does not name stay as they are.
  ///
  /// - Throws: when bits are not in 1...8.
  public init(
    bits table: [(layers: String, bits: Int)], weights: WeightFormat = .usual,
    activations: ActivationFormat = .usual, observer: RangeObserverKind = .usual,
    selection: Selection = .all
  ) throws {
    guard !table.isEmpty else { throw WaneError(Self.verb, "bits names no layers") }
    try self.init(nil, table, weights, activations, observer, selection)
  }

  private init(
    _ bits: Int?, _ table: [(layers: String, bits: Int)], _ weights: WeightFormat,
    _ activations: ActivationFormat, _ observer: RangeObserverKind, _ selection: Selection
  ) throws {
    for bits in table.map(\.bits) + (bits.map { [$0] } ?? []) {
      guard (1...8).contains(bits) else {
        throw WaneError(Self.verb, "bits must be in 1..8, got \(bits)")
      }
      guard bits > 1 || weights.isSymmetric else {
        throw WaneError(Self.verb, "a grid of 1 bit is symmetric: it has no zero point")
      }
    }
    try activations.check()
    guard observer.isValid else {
      throw WaneError(
        Self.verb,
        "percentile must be in (50, 100] and momentum in [0, 1), got \(observer.description)")
    }
    self.bits = bits
    self.table = table
    self.weights = weights
    self.activations = activations
    self.observer = observer
    self.selection = selection
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let tune = try tuner(context)
    guard refinement.rounding == .nearest || !tune.isWanted else {
      throw WaneError(
        Self.verb, "rounding 'adaptive' is for quantization without training: set epochs to 0")
    }
    let samples = try samples(context)
    let trainsNorms =
      tune.isWanted && normalization == .foldedLate
      && model.nodes.contains { $0.operation is BatchNorm }
    if trainsNorms { try checkLateFolding() }
    let reference = try model.pruned().foldingBatchNorm()
    var folded = trainsNorms ? try model.pruned() : reference
    var plan = try plan(folded, named: model)
    if refinement.equalizes { folded = try Equalization.apply(to: folded).model }
    if refinement.correctsBias {
      folded = try folded.addingBiases(toLayersWith: Set(plan.layers.map(\.layer.kernel)))
      plan = try self.plan(folded, named: model)
    }
    var report = Report(Self.verb, options: reportedOptions)
    report.skipped = plan.skipped

    var rounded = try rounded(folded, layers: plan.layers.map(\.layer), context)
    let room = try BiasRoom(rounded, Set(plan.layers.map(\.layer.kernel)))
    for (layer, bits) in plan.layers {
      try context.poll()
      guard let kernel = folded.parameters[layer.kernel] else { continue }
      let quantized = try room.raising(kernel.quantized(bits: bits, weights, layer))
      try rounded.set(quantized)
      report.layers.append(try row(layer, bits, kernel, quantized))
    }

    if let samples {
      rounded = try refined(rounded, folded, plan.layers.map(\.layer), samples, context, &report)
    }

    // Training starts from the weights before rounding, and from the zeros that were pinned then, not
    // from those that rounding made.
    let kernels = plan.layers.map(\.layer.kernel)
    let tuned =
      try trainsNorms
      ? trainedAndFolded(rounded, from: folded, kernels, context)
      : trained(rounded, from: folded, kernels, tune)
    report.history = tuned.history
    let result = try tuned.model.withCompactCodebooks()
    if let samples {
      try measure(
        result, trainsNorms ? reference : folded, plan.layers.map(\.layer), samples, context,
        &report)
    }
    return PassResult(result, report)
  }

  /// The samples to look at; nil where there are none and none are needed.
  func samples(_ context: CompressionContext) throws -> Dataset? {
    let isNeeded =
      refinement.rounding == .adaptive || refinement.correctsBias
      || activations == .fixed(bits: activations.bits ?? 0)
    guard isNeeded || context.calibration != nil || context.data.map({ $0.count > 0 }) == true
    else { return nil }
    return try Calibration(observer: observer, bits: activations.bits ?? 8, verb: Self.verb)
      .samples(context)
  }

  private var reportedOptions: [(name: String, value: ReportValue)] {
    let bits: ReportValue =
      self.bits.map { .number(Double($0)) }
      ?? .pairs(table.map { .init(layers: $0.layers, value: Double($0.bits)) })
    var options: [(name: String, value: ReportValue)] = [
      ("bits", bits), ("mode", .text(activations.mode)),
    ]
    if weights.sharing != .channel { options.append(("per", .text(weights.sharing.name))) }
    if case .group(let size) = weights.sharing {
      options.append(("group_size", .number(Double(size))))
    }
    if !weights.isSymmetric { options.append(("symmetric", .text("false"))) }
    if let bits = activations.bits {
      options.append(("activation_bits", .number(Double(bits))))
      if case .fixed = activations {
        options.append(("observer", .text(observer.description)))
      }
    }
    if normalization == .foldedLate {
      options.append(("batch_norm", .text(normalization.rawValue)))
    }
    return options + refinement.reported + grids.reported + selection.reported
  }

  /// The model with activations rounded where the layers read them.
  private func rounded(
    _ model: Graph, layers: [WeightedLayer], _ context: CompressionContext
  ) throws -> Graph {
    guard let bits = activations.bits else { return model }
    let points = RoundingPoints(model, layers: layers)
    if case .own = activations {
      let rounding = try DynamicQuantize(bits: bits)
      return try points.round(
        by: Dictionary(points.values.map { ($0, rounding) }) { first, _ in first })
    }
    let calibration = Calibration(observer: observer, bits: bits, verb: Self.verb)
    return try points.round(to: calibration.grids(for: points.values, in: model, context))
  }

  /// The layers to treat and their bits.
  func plan(_ model: Graph, named: Graph) throws -> (
    layers: [(layer: WeightedLayer, bits: Int)], skipped: [Report.Skipped]
  ) {
    let chosen = try selection.choose(in: model, named: named, Self.verb)
    let byLayer = try LayerNames(named).assign(
      table.map { (layers: $0.layers, value: Double($0.bits)) }, "bits", Self.verb)
    var layers: [(layer: WeightedLayer, bits: Int)] = []
    var skipped = chosen.skipped
    for layer in chosen.layers {
      if activations.bits != nil, layer.isFloatOnly {
        skipped.append(.init(layer.label, "a layer of kind '\(layer.kind)' runs on floats"))
        continue
      }
      guard let wanted = bits ?? byLayer[layer.path].map({ Int($0) }) else {
        skipped.append(.init(layer.path, "bits does not name it"))
        continue
      }
      if let reason = weightsReason(layer, wanted, model) {
        skipped.append(.init(layer.label, reason))
        continue
      }
      layers.append((layer, wanted))
    }
    return (layers, skipped)
  }

  /// Why the weights of a layer do not go on such a grid; nil when they do.
  func weightsReason(_ layer: WeightedLayer, _ bits: Int, _ model: Graph) -> String? {
    guard let kernel = model.parameters[layer.kernel] else { return "its kernel is lost" }
    if bits == 1, kernel.isMasked {
      return "its zeros are pinned, and a grid of 1 bit has no zero (bits = 'ternary' has)"
    }
    return nil
  }

  private func row(_ layer: WeightedLayer, _ bits: Int, _ old: Parameter, _ new: Parameter) throws
    -> Report.Row
  {
    let before = try old.decoded().array(Float.self)
    let after = try new.decoded().array(Float.self)
    var (noise, signal) = (0.0, 0.0)
    for (a, b) in zip(before, after) {
      noise += Double((a - b) * (a - b))
      signal += Double(a * a)
    }
    let usual = old.grid?.bits ?? 32
    return Report.Row(
      layer: layer.path, action: "weights on a grid of \(bits) bit\(bits == 1 ? "" : "s")",
      numbers: [
        .init("bits", Double(usual), Double(bits)),
        .init("bytes", Double(old.byteCount), Double(new.byteCount)),
        // The part of the weights' energy that rounding took, before training.
        .init("rounding_error", 0, signal > 0 ? (noise / signal).squareRoot() : 0),
      ])
  }
}

extension Parameter {
  /// The same parameter on an integer grid of `bits` bits: shared values on one of a scale for each of
  /// their tables, others on one of the format.
  func quantized(bits: Int, _ format: WeightFormat, _ layer: WeightedLayer) throws -> Parameter {
    if let grid, grid.bits <= bits { return self }
    // Two values leave nothing to share.
    guard bits > 1, let codebooks = try codebooks() else {
      let weights = try decoded()
      let sharing = isCodebook ? .tensor : format.sharing
      let grid = try WeightGrid.fitting(
        weights, bits: bits, isSymmetric: format.isSymmetric,
        axis: sharing == .tensor ? nil : shape.rank - layer.unitAxis,
        groupSize: layer.groupSize(sharing), unitAxis: shape.rank - layer.unitAxis)
      return try replacing(.integer(codes: grid.codes(for: weights), grid: grid))
    }
    let grid = try codebooks.grid(bits: bits)
    return try replacing(codebooks.rounded(to: grid).payload(isMasked: isMasked, grid: grid))
  }

  /// What training moves: the weights, or the shared values of a codebook.
  func freeValues() throws -> Tensor {
    guard case .codebook(_, let table, _) = payload else { return try decoded() }
    return try Tensor(table.values, Shape(table.dimensions))
  }
}

extension Graph {
  /// The same model with every shared value of a codebook listed once and used.
  func withCompactCodebooks() throws -> Graph {
    var result = self
    for parameter in parameters { try result.set(parameter.withCompactCodebook()) }
    return result
  }
}

extension GridTraining {
  /// What differs from the usual, for reports.
  fileprivate var reported: [(name: String, value: ReportValue)] {
    (ranges == .fixed ? [] : [("range", .text(ranges.rawValue))])
      + (learnsScales ? [] : [("learn_scales", .text("false"))])
  }
}
