import WaneGraph
import WaneTensor

/// What training makes small, with the definitions of Keras 3: one number a sample, or a step of a
/// sequence, averaged over the batch.
public struct Loss: Equatable, Sendable {
  /// What is compared.
  public enum Kind: String, CaseIterable, Sendable {
    /// Of classes or one-hot rows.
    case crossEntropy = "cross_entropy"
    /// Of independent yes-or-no answers.
    case binaryCrossEntropy = "binary_cross_entropy"
    /// Cross entropy with less weight on what is easy (Lin et al., 2017).
    case focal
    /// The same for yes-or-no answers.
    case binaryFocal = "binary_focal"
    /// The squared difference, averaged over a sample's elements.
    case meanSquaredError = "mse"
    /// The absolute difference, averaged over a sample's elements.
    case meanAbsoluteError = "mae"
    /// Squared near the target, absolute far from it (Huber, 1964).
    case huber
    /// The divergence of the target from the prediction, both probabilities.
    case divergence = "kl"
    /// How far a prediction is from the right side of a margin; targets -1 or 0, and 1.
    case hinge
    /// The negative cosine of the angle between rows.
    case cosineSimilarity = "cosine_similarity"
  }

  /// What is compared.
  public var kind: Kind
  /// Whether the model's outputs are logits; when nil, they are unless the last layer is a softmax or
  /// sigmoid.
  public var isFromLogits: Bool?
  /// How far labels are moved from 0 and 1, in [0, 1).
  public var labelSmoothing: Float = 0
  /// Huber's: where the square ends.
  public var delta: Float = 1
  /// The focal losses': how little weight is left to what is easy.
  public var gamma: Float = 2
  /// The focal losses': the weight of a class; nil for 0.25, and for none of yes-or-no answers.
  public var alpha: Float?

  /// Creates a loss with Keras's defaults.
  public init(_ kind: Kind) { self.kind = kind }

  /// Cross entropy.
  public static let crossEntropy = Loss(.crossEntropy)
  /// The mean squared error.
  public static let meanSquaredError = Loss(.meanSquaredError)

  /// What Lua calls it.
  public var name: String { kind.rawValue }

  /// The usual loss for labels of a type.
  public static func usual(for labels: DType, output: ValueType? = nil) -> Loss {
    guard labels == .i32 else { return .meanSquaredError }
    return output?.channels == 1 ? Loss(.binaryCrossEntropy) : .crossEntropy
  }

  /// Whether labels are classes or rows that say which class it is.
  public var comparesClasses: Bool { kind == .crossEntropy || kind == .focal }

  /// Whether each output is a yes-or-no answer.
  public var comparesAnswers: Bool { kind == .binaryCrossEntropy || kind == .binaryFocal }

  /// Throws when a coefficient is out of range.
  public func validate() throws {
    guard (0..<1).contains(labelSmoothing) else {
      throw WaneError(name, "label_smoothing must be in [0, 1), got \(labelSmoothing)")
    }
    if let operation = targetLoss { _ = try TargetLoss(operation) }
  }

  /// The type that labels of this loss have, for an output of the model.
  ///
  /// - Throws: when the labels do not fit the output.
  public func labelType(_ labels: Tensor, output: ValueType) throws -> ValueType {
    let dimensions = Array(labels.shape.dimensions.dropFirst())
    guard output.dtype == .f32, !comparesClasses || !output.dimensions.isEmpty else {
      throw WaneError(name, "does not apply to a model whose output is \(output)")
    }
    let places = Array(output.dimensions.dropLast())
    if labels.dtype == .i32, comparesClasses || output.channels == 1 {
      guard dimensions == places else {
        let wanted = places.isEmpty ? "a sample" : "a step, \(ValueType.batched(places))"
        throw WaneError(name, "classes must be one number \(wanted), got \(labels.shape)")
      }
      return .batched(dimensions, .i32)
    }
    let isNumber = output.channels == 1 && dimensions == places
    guard labels.dtype == .f32, dimensions == output.dimensions || isNumber else {
      throw WaneError(
        name, "labels \(labels.shape) \(labels.dtype) do not fit the model's output \(output)")
    }
    return .batched(dimensions)
  }

  /// The operation of losses that have no operation of their own.
  fileprivate var targetLoss: TargetLoss.Kind? {
    switch kind {
    case .crossEntropy, .meanSquaredError: nil
    case .binaryCrossEntropy: .binaryCrossEntropy
    case .focal: .focal(gamma: gamma, alpha: alpha ?? 0.25)
    case .binaryFocal: .binaryFocal(gamma: gamma, alpha: alpha ?? -1)
    case .meanAbsoluteError: .absoluteError
    case .huber: .huber(delta: delta)
    case .divergence: .divergence
    case .hinge: .hinge
    case .cosineSimilarity: .cosineSimilarity
    }
  }
}

extension Loss {
  /// Whether there is a loss for each row of an output rather than one a sample.
  ///
  /// - Parameters:
  ///   - output: what is judged.
  ///   - areStepsWeighed: whether steps count differently, by weights or a mask.
  /// - Returns: whether there is; classes of a sequence are always judged step by step.
  /// - Throws: when steps are weighed where there are none.
  func judgesRows(of output: ValueType, areStepsWeighed: Bool = false) throws -> Bool {
    guard !areStepsWeighed || !output.dimensions.isEmpty else {
      throw WaneError(name, "there are no steps to weigh in an output \(output)")
    }
    return areStepsWeighed || (comparesClasses && output.dimensions.count > 1)
  }
}

extension Graph {
  /// The logits behind an output: what goes into its softmax, or the output itself.
  ///
  /// When the output is made of probabilities by other means than a softmax, their logarithms.
  public mutating func logits(of output: Value, areProbabilities: Bool = false) throws -> Value {
    let output = unmasked(output).value
    let producer = producer(of: output)
    if producer.operation is Softmax { return producer.inputs[0] }
    if areProbabilities { return try add(one: LogProbabilities(), [output], layer: producer.layer) }
    return output
  }

  /// The logits behind yes-or-no answers: what goes into their sigmoid, or the output itself.
  mutating func answerLogits(of output: Value, areProbabilities: Bool) throws -> Value {
    let output = unmasked(output).value
    let producer = producer(of: output)
    if let activation = producer.operation as? Activation, activation.kind == .sigmoid {
      return producer.inputs[0]
    }
    if areProbabilities { return try add(one: Logits(), [output], layer: producer.layer) }
    return output
  }

  /// Whether a value is made of probabilities, as far as its last operation tells.
  func endsInProbabilities(_ output: Value) -> Bool {
    let operation = producer(of: unmasked(output).value).operation
    return operation is Softmax || (operation as? Activation)?.kind == .sigmoid
  }

  /// Appends a loss and returns one number a sample or a row, and the number of hits, as a share of a
  /// sample each, where that makes sense.
  mutating func add(_ loss: Loss, output: Value, labels: Value, isByRow: Bool) throws -> (
    loss: Value, hits: Value?
  ) {
    let (losses, hits) = try rowLosses(loss, output: output, labels: labels, isByRow: isByRow)
    let rows = type(of: output).dimensions.dropLast().reduce(1, *)
    guard let hits, loss.comparesClasses, rows > 1 else { return (losses, hits) }
    return (losses, try add(one: Rescale(scale: 1 / Float(rows)), [hits], layer: "loss"))
  }

  /// The mean of the losses of each sample.
  mutating func sampleMean(_ losses: Value) throws -> Value {
    let axes = Array(type(of: losses).dimensions.indices)
    return try axes.isEmpty ? losses : add(one: Reduce(.mean, axes: axes), [losses], layer: "loss")
  }

  /// The mean over the batch of the losses of steps that count.
  mutating func maskedMean(_ losses: Value, _ mask: Value) throws -> Value {
    let axes = Array(type(of: losses).dimensions.indices.dropFirst())
    let steps =
      try axes.isEmpty ? losses : add(one: Reduce(.mean, axes: axes), [losses], layer: "loss")
    let counted = try add(one: WeighSamples(), [steps, mask], layer: "loss")
    let sums = try [counted, mask].map {
      try add(
        one: BatchMean(), [add(one: Reduce(.sum, axes: [0]), [$0], layer: "loss")], layer: "loss")
    }
    // Of a batch that is nothing but padding there is no loss.
    let count = try add(one: Clip(low: Float.leastNormalMagnitude), [sums[1]], layer: "loss")
    return try add(one: Binary(.divide), [sums[0], count], layer: "loss")
  }

  private mutating func rowLosses(
    _ loss: Loss, output: Value, labels: Value, isByRow: Bool
  ) throws -> (loss: Value, hits: Value?) {
    try loss.validate()
    let areProbabilities = loss.isFromLogits == false
    if loss.kind == .crossEntropy, loss.labelSmoothing == 0 {
      let logits = try logits(of: output, areProbabilities: areProbabilities)
      let results = try add(CrossEntropy(), [logits, labels], layer: "loss")
      return (results[0], results[2])
    }
    let type = type(of: output)
    let targets = try targets(of: loss, labels: labels, output: type)
    switch loss.kind {
    case .crossEntropy:
      let logits = try logits(of: output, areProbabilities: areProbabilities)
      let results = try add(CrossEntropy(), [logits, targets], layer: "loss")
      return (results[0], results[2])
    case .meanSquaredError:
      return (try add(SquaredError(isByRow: isByRow), [output, targets], layer: "loss")[0], nil)
    default: break
    }
    guard let kind = loss.targetLoss else { throw WaneError(loss.name, "has no operation") }
    var predictions = output
    var hits: Value?
    if loss.comparesClasses {
      predictions = try logits(of: output, areProbabilities: areProbabilities)
      hits = try add(one: CountHits(threshold: nil), [predictions, targets], layer: "loss")
    } else if loss.comparesAnswers {
      predictions = try answerLogits(of: output, areProbabilities: areProbabilities)
      hits = try add(one: CountHits(threshold: 0), [predictions, targets], layer: "loss")
    }
    let operation = try TargetLoss(kind, isByRow: isByRow)
    return (try add(operation, [predictions, targets], layer: "loss")[0], hits)
  }

  /// Labels in the form that a loss compares with an output.
  private mutating func targets(of loss: Loss, labels: Value, output: ValueType) throws -> Value {
    var labels = labels
    var type = type(of: labels)
    if type.dtype == .f32, type.dimensions != output.dimensions {
      labels = try add(one: Reshape(output.dimensions), [labels], layer: "labels")
      type.dimensions = output.dimensions
    }
    // Keras: (1 - s) t + s / C for classes, (1 - s) t + s / 2 for answers.
    let smoothing = loss.comparesClasses || loss.comparesAnswers ? loss.labelSmoothing : 0
    let offset =
      smoothing / (loss.comparesAnswers ? 2 : Float(max(output.channels, 1)))
    guard type.dtype == .i32 || smoothing > 0 else { return labels }
    return try add(
      one: SoftTargets(dimensions: output.dimensions, scale: 1 - smoothing, offset: offset),
      [labels], layer: "labels")
  }
}
