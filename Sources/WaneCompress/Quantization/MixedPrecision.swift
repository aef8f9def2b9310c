import WaneGraph
import WaneNN
import WaneTensor

/// Quantization with bits of weights chosen for each layer: more where rounding is felt, fewer where it
/// is not or saves much.
///
/// The cost of a layer at some bits is what its kernel takes in a file, its loss how far the model's
/// answers move when it alone is rounded (`BitSensitivity`). Where activations need no samples and there
/// are none, the weights themselves decide: the loss is the energy that rounding takes, as a share of
/// theirs. The front of all ways (`LayerAllocation`) is computed from these; with a goal the front is
/// searched by real runs (`StrengthSearch`), without one the cheapest way that loses no more than
/// `usualLoss` or `usualNoise` is taken.
public struct MixedPrecision: ModelPass {
  public static let verb = Quantization.verb
  private typealias Bits = LayerAllocation<Int>
  /// How to quantize; its bits do not matter.
  public let quantization: Quantization
  /// What the model may take and lose; nil for no more than what is usual.
  public let goal: Goal?

  private let trialEpochs: Double?
  private let fileBytes: @Sendable (Graph) throws -> Int
  /// Bits that layers may get.
  private static let candidates = 1...8
  /// What answers may move by where nothing is said: for a softmax, the relative entropy in nats
  /// (docs/methods/mixed-precision.md has what it means for accuracy).
  public static let usualLoss = 0.003
  /// What rounding may take of the energy of weights where nothing is said and there are no samples,
  /// added up over layers: as much noise, in first order, as a chain of them gives.
  public static let usualNoise = 0.03
  /// Ways that a search chooses from.
  private static let settings = 128

  /// Creates a pass.
  ///
  /// - Parameters:
  ///   - quantization: how to quantize.
  ///   - goal: what the model may take and lose.
  ///   - trialEpochs: fine-tuning of a trial; a quarter of the whole when nil.
  ///   - fileBytes: the bytes of a model's file.
  public init(
    _ quantization: Quantization, goal: Goal? = nil, trialEpochs: Double? = nil,
    fileBytes: @escaping @Sendable (Graph) throws -> Int
  ) {
    self.quantization = quantization
    self.goal = goal
    self.trialEpochs = trialEpochs
    self.fileBytes = fileBytes
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    let (folded, layers) = try quantization.treated(model)
    guard !layers.isEmpty else { return try quantization.apply(to: model, context) }
    let samples = try quantization.samples(context)
    let front = try front(of: layers, in: folded, samples, context)
    guard let goal else {
      let (measure, most) =
        samples == nil ? ("predicted_noise", Self.usualNoise) : ("predicted_loss", Self.usualLoss)
      let chosen = front.last { $0.loss <= most } ?? front[0]
      var result = try pass(chosen, layers).apply(to: model, context)
      result.report.options.append((measure, .number(chosen.loss)))
      return result
    }
    let settings = thinned(front)
    let weights = layers.map { Double(folded.parameters[$0.kernel]?.shape.count ?? 0) }
    let means = settings.map { setting in
      let sum = zip(setting.settings, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
      return (sum / max(weights.reduce(0, +), 1) * 100).rounded() / 100
    }
    return try StrengthSearch(
      Self.verb, Knob("bits", means), goal: goal, trialEpochs: trialEpochs, fileBytes: fileBytes,
      passes: settings.map { try pass($0, layers) }
    ).apply(to: model, context)
  }

  private func pass(_ assignment: Bits.Assignment, _ layers: [WeightedLayer]) throws
    -> Quantization
  {
    try quantization.assigning(
      bits: zip(layers, assignment.settings).map { (layers: $0.path, bits: $1) })
  }

  /// Evenly spread over costs, both ends included.
  private func thinned(_ front: [Bits.Assignment]) -> [Bits.Assignment] {
    guard front.count > Self.settings, let first = front.first, let last = front.last else {
      return front
    }
    let span = first.cost - last.cost
    var result: [Bits.Assignment] = []
    for setting in front {
      let place = Double(result.count) * span / Double(Self.settings - 1)
      if first.cost - setting.cost >= place { result.append(setting) }
    }
    if result.last?.cost != last.cost { result.append(last) }
    return result
  }

  /// The ways that no other beats, the costliest first.
  private func front(
    of layers: [WeightedLayer], in model: Graph, _ samples: Dataset?,
    _ context: CompressionContext
  ) throws -> [Bits.Assignment] {
    let sensitivity = try samples.map { try BitSensitivity(model, on: $0, Self.verb, context) }
    let choices = try layers.enumerated().map { index, layer in
      try context.poll()
      context.progress.reportIfWanted(
        Progress(
          title: "\(Self.verb) sensitivity", completed: index, total: layers.count,
          details: layer.path))
      guard let kernel = model.parameters[layer.kernel] else { return [Bits.Choice]() }
      let fitting = Self.candidates.filter { bits in
        quantization.weightsReason(layer, bits, model) == nil
          && (bits > 1 || quantization.weights.isSymmetric)
      }
      return try fitting.map { bits in
        let rounded = try quantization.rounded(kernel, of: layer, bits: bits)
        return Bits.Choice(
          setting: bits, cost: Double(try fileBytes(alone(rounded))),
          loss: try sensitivity?.loss(with: rounded) ?? Self.noise(kernel, rounded))
      }
    }
    context.progress.finishStage()
    return LayerAllocation(choices).front
  }

  /// The energy that rounding takes of weights, as a share of theirs.
  private static func noise(_ kernel: Parameter, _ rounded: Parameter) throws -> Double {
    var fidelity = Fidelity()
    fidelity.add(try kernel.decoded(), try rounded.decoded())
    return fidelity.relativeNoise
  }

  /// A graph of a parameter and nothing else.
  private func alone(_ parameter: Parameter) throws -> Graph {
    var graph = Graph()
    graph.outputs = [try graph.add(parameter: parameter, layer: "")]
    return graph
  }
}

extension StrengthSearch {
  /// Creates a search among passes that are there already, one for each setting of the knob.
  init(
    _ name: String, _ knob: Knob, goal: Goal, trialEpochs: Double?,
    fileBytes: @escaping @Sendable (Graph) throws -> Int, passes: [any ModelPass]
  ) throws {
    var index = -1
    try self.init(name, knob, goal: goal, trialEpochs: trialEpochs, fileBytes: fileBytes) { _ in
      index += 1
      return passes[index]
    }
  }
}
