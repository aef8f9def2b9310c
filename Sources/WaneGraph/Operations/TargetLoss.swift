import CKernels
import WaneTensor

/// A loss between predictions and targets of one shape, one number a sample or a row.
///
/// Operands: predictions and targets `[N, ...]`. Results: the loss `[N]`, or `[N, ...]` of the rows along the
/// last axis, and its gradient with respect to the predictions, made only when used. The formulas stand
/// beside the kernels, in `wane_target_loss.h`.
public struct TargetLoss: Operation {
  /// What is compared, and how.
  public enum Kind: Equatable, Sendable {
    /// The mean absolute difference.
    case absoluteError
    /// Squared near the target, absolute far from it.
    case huber(delta: Float)
    /// How far the prediction is from the right side of a margin; targets -1 or 0, and 1.
    case hinge
    /// Cross entropy of the sigmoid of a prediction.
    case binaryCrossEntropy
    /// The same with less weight on what is easy; `alpha` weighs targets of 1 when it is not negative.
    case binaryFocal(gamma: Float, alpha: Float)
    /// Cross entropy of the softmax of a row with less weight on what is easy.
    case focal(gamma: Float, alpha: Float)
    /// The divergence of the target from the prediction, both probabilities.
    case divergence
    /// The negative cosine of the angle between rows.
    case cosineSimilarity

    /// Its name in attributes.
    var name: String {
      switch self {
      case .absoluteError: "absolute_error"
      case .huber: "huber"
      case .hinge: "hinge"
      case .binaryCrossEntropy: "binary_cross_entropy"
      case .binaryFocal: "binary_focal"
      case .focal: "focal"
      case .divergence: "divergence"
      case .cosineSimilarity: "cosine_similarity"
      }
    }
  }

  public static let name = "target_loss"
  /// What is compared, and how.
  public let kind: Kind
  /// Whether there is a loss for each row.
  let isByRow: Bool

  /// Creates a loss of samples, or of the rows along the last axis.
  ///
  /// - Throws: when a coefficient is out of range.
  public init(_ kind: Kind, isByRow: Bool = false) throws {
    self.isByRow = isByRow
    switch kind {
    case .huber(let delta):
      guard delta > 0, delta.isFinite else {
        throw WaneError(kind.name, "delta must be greater than 0, got \(delta)")
      }
    case .binaryFocal(let gamma, let alpha):
      guard gamma >= 0, gamma.isFinite, alpha <= 1, !alpha.isNaN else {
        throw WaneError(
          kind.name, "gamma must be at least 0 and alpha at most 1, got \(gamma), \(alpha)")
      }
    case .focal(let gamma, let alpha):
      guard gamma >= 0, gamma.isFinite, alpha > 0, alpha.isFinite else {
        throw WaneError(
          kind.name, "gamma must be at least 0 and alpha greater than 0, got \(gamma), \(alpha)")
      }
    default: break
    }
    self.kind = kind
  }

  public init(_ attributes: Attributes) throws {
    let name = try attributes.string("kind")
    let kind: Kind
    switch name {
    case "absolute_error": kind = .absoluteError
    case "huber": kind = .huber(delta: try attributes.float("delta"))
    case "hinge": kind = .hinge
    case "binary_cross_entropy": kind = .binaryCrossEntropy
    case "binary_focal":
      kind = .binaryFocal(
        gamma: try attributes.float("gamma"), alpha: try attributes.float("alpha"))
    case "focal":
      kind = .focal(gamma: try attributes.float("gamma"), alpha: try attributes.float("alpha"))
    case "divergence": kind = .divergence
    case "cosine_similarity": kind = .cosineSimilarity
    default: throw WaneError(Self.name, "there is no loss '\(name)'")
    }
    try self.init(kind, isByRow: attributes.bool("by_row"))
  }

  public var attributes: [String: Attribute] {
    var result: [String: Attribute] = [
      "kind": .string(kind.name), "by_row": .bool(isByRow),
    ]
    switch kind {
    case .huber(let delta): result["delta"] = .float(delta)
    case .binaryFocal(let gamma, let alpha), .focal(let gamma, let alpha):
      result["gamma"] = .float(gamma)
      result["alpha"] = .float(alpha)
    default: break
    }
    return result
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, inputs[0] == inputs[1] else {
      throw WaneError(kind.name, "predictions \(inputs[0]) and targets \(inputs[1]) differ")
    }
    if case .focal = kind, !isByRow, inputs[0].dimensions.count != 1 {
      throw WaneError(kind.name, "takes one row of logits a sample, got \(inputs[0])")
    }
    return [inputs[0].losses(byRow: isByRow), inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    var gradient: Value?
    if let weight = context.outputGradients[0] {
      gradient = try context.add(ScaleRows(), [context.outputs[1], weight])
    }
    if let own = context.outputGradients[1] {
      let part = try curvature(&context, own)
      gradient = try gradient.map { try context.add(Add(), [$0, part]) } ?? part
    }
    return [gradient, nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let t = try context.input(1).floats
    let loss = context.output(0).floats
    let gradient = context.isUsed(1) ? context.output(1).floats : nil
    let (rows, width) = context.lossRows(byRow: isByRow)
    let columns = context.inputTypes[0].channels
    let inner = columns == 0 ? 0 : width / columns
    switch kind {
    case .absoluteError:
      return { _ in wane_absolute_error_f32(x, t, loss, gradient, rows, width) }
    case .huber(let delta):
      return { _ in wane_huber_f32(x, t, delta, loss, gradient, rows, width) }
    case .hinge: return { _ in wane_hinge_f32(x, t, loss, gradient, rows, width) }
    case .binaryCrossEntropy:
      return { _ in wane_binary_cross_entropy_f32(x, t, loss, gradient, rows, width) }
    case .binaryFocal(let gamma, let alpha):
      return { _ in wane_binary_focal_f32(x, t, gamma, alpha, loss, gradient, rows, width) }
    case .focal(let gamma, let alpha):
      return { _ in wane_focal_f32(x, t, gamma, alpha, loss, gradient, rows, width) }
    case .divergence:
      return { _ in wane_divergence_f32(x, t, loss, gradient, rows, inner, columns) }
    case .cosineSimilarity:
      return { _ in wane_cosine_similarity_f32(x, t, loss, gradient, rows, inner, columns) }
    }
  }
}
