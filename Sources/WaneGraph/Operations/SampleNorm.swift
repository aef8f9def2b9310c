import CKernels
import WaneTensor

/// Which elements of a sample are normalized together.
public enum SampleNormKind: Hashable, Sendable {
  /// The channels at each position (Ba, Kiros and Hinton, 2016).
  case layer
  /// A group of channels over all positions (Wu and He, 2018): so many groups.
  case group(Int)
  /// The channels at each position, divided by their root mean square (Zhang and Sennrich, 2019).
  case rootMeanSquare

  /// `layer_norm`, `group_norm` or `rms_norm`.
  public var name: String {
    switch self {
    case .layer: "layer_norm"
    case .group: "group_norm"
    case .rootMeanSquare: "rms_norm"
    }
  }
}

/// Normalization of each sample by itself, over the last axis or groups of it.
///
///     y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
///
/// Operands: `x`, then `gamma` `[C]` and `beta` `[C]` where the operation has them.
public struct SampleNorm: Operation {
  public static let name = "sample_norm"
  /// What is normalized together.
  public let kind: SampleNormKind
  /// Keeps the root away from zero.
  public let epsilon: Float
  /// Whether there is a `gamma`.
  public let isScaled: Bool
  /// Whether there is a `beta`.
  public let isShifted: Bool

  /// Creates a normalization.
  public init(_ kind: SampleNormKind, epsilon: Float, isScaled: Bool, isShifted: Bool) {
    self.kind = kind
    self.epsilon = epsilon
    self.isScaled = isScaled
    self.isShifted = isShifted
  }

  public init(_ attributes: Attributes) throws {
    switch try attributes.string("kind") {
    case "layer_norm": kind = .layer
    case "group_norm": kind = .group(try attributes.int("groups", in: 1...Int(Int32.max)))
    case "rms_norm": kind = .rootMeanSquare
    case let other: throw WaneError(Self.name, "there is no normalization '\(other)'")
    }
    epsilon = try attributes.float("epsilon")
    isScaled = try attributes.bool("scale")
    isShifted = try attributes.bool("center")
  }

  public var attributes: [String: Attribute] {
    var groups = 1
    if case .group(let count) = kind { groups = count }
    return [
      "kind": .string(kind.name), "groups": .int(groups), "epsilon": .float(epsilon),
      "scale": .bool(isScaled), "center": .bool(isShifted),
    ]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    let count = 1 + (isScaled ? 1 : 0) + (isShifted ? 1 : 0)
    try operands(inputs, count...count)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, !inputs[0].dimensions.isEmpty, inputs[0].channels > 0,
      inputs[1...].allSatisfy({ $0 == .fixed([inputs[0].channels]) })
    else {
      throw WaneError(
        Self.name, "\(inputs[0]) does not fit \(inputs[1...].map { "\($0)" })")
    }
    if case .group(let groups) = kind {
      guard groups > 0, inputs[0].channels % groups == 0 else {
        throw WaneError(
          Self.name, "\(inputs[0].channels) channels do not divide into \(groups) groups")
      }
    }
    return [inputs[0]]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int { outputs[0].sampleCount }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    let operands = [gradient, context.inputs[0]] + (isScaled ? [context.inputs[1]] : [])
    let results = try context.add(all: SampleNormGradient(self), operands)
    return [results[0]] + (isScaled ? [results[1]] : []) + (isShifted ? [results[2]] : [])
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = shape(context.inputTypes[0], count: context.output().count)
    let x = try context.input(0).floats
    let y = context.output().floats
    let gamma = try isScaled ? context.input(1).floats : nil
    let beta = try isShifted ? context.input(isScaled ? 2 : 1).floats : nil
    return { _ in wane_group_norm_f32(&shape, x, gamma, beta, y) }
  }

  /// The normalization itself as a formula.
  fileprivate func normalized(_ formula: inout Formula, _ x: Value) throws -> Value {
    let extents = formula.dimensions(x)
    var values = x
    var axes = [extents.count - 1]
    if case .group(let groups) = kind {
      let channels = extents[extents.count - 1]
      let positions = extents.dropLast().reduce(1, *)
      values = try formula.add(Reshape([positions, groups, channels / groups]), x)
      axes = [0, 2]
    }
    if kind != .rootMeanSquare {
      values = try formula.difference(values, formula.total(.mean, values, axes))
    }
    let square = try formula.total(.mean, formula.function(.square, values), axes)
    let scale = try formula.function(.rsqrt, formula.affine(square, 1, epsilon))
    return try formula.graph.reshape(
      formula.product(values, scale), extents, layer: formula.layer)
  }

  /// What the kernels are to normalize, of `count` elements.
  fileprivate func shape(_ type: ValueType, count: Int) -> wane_group_norm_shape {
    let channels = max(type.channels, 1)
    let rows = count / channels
    var shape = wane_group_norm_shape(
      samples: rows, positions: 1, channels: channels, groups: 1, epsilon: epsilon,
      centred: kind == .rootMeanSquare ? 0 : 1)
    if case .group(let groups) = kind {
      shape.positions = max(type.sampleCount / channels, 1)
      shape.samples = rows / shape.positions
      shape.groups = groups
    }
    return shape
  }
}

/// The gradients of a normalization: `dy, x, gamma -> dx, dgamma, dbeta`, the latter two summed over the
/// samples at hand.
public struct SampleNormGradient: Operation {
  public static let name = "sample_norm_gradient"
  private let forward: SampleNorm

  init(_ forward: SampleNorm) { self.forward = forward }

  public init(_ attributes: Attributes) throws { forward = try SampleNorm(attributes) }

  public var attributes: [String: Attribute] { forward.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...3)
    let statistics = ValueType.fixed([inputs[0].channels])
    return [inputs[0], statistics, statistics]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let (dy, x) = (context.inputs[0], context.inputs[1])
    let channels = context.graph.type(of: x).channels
    // What is not there is like ones and zeros.
    let extra = try context.formula { formula in
      try [1, 0].map { try formula.add(BroadcastTo([channels]), formula.add(Constant($0))) }
    }
    let gamma = forward.isScaled ? context.inputs[2] : extra[0]
    let gradients = try context.secondGradients(
      dy: dy, operands: [x, gamma, extra[1]], results: [0, 1, 2]
    ) { [forward] formula, operands in
      let scaled = try formula.product(forward.normalized(&formula, operands[0]), operands[1])
      return try formula.sum(scaled, operands[2])
    }
    return Array(gradients.prefix(context.inputs.count))
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = forward.shape(context.inputTypes[0], count: context.output().count)
    let dy = try context.input(0).floats
    let x = try context.input(1).floats
    let gamma = try forward.isScaled ? context.input(2).floats : nil
    let dx = context.output(0).floats
    let dgamma = context.isUsed(1) ? context.output(1).floats : nil
    let dbeta = context.isUsed(2) ? context.output(2).floats : nil
    return { _ in wane_group_norm_grad_f32(&shape, x, gamma, dy, dx, dgamma, dbeta) }
  }
}
