import CKernels
import WaneTensor

/// A function of every element by itself: `y = f(x)`.
///
/// `Activation` is what layers use for those functions that networks are full of.
public struct Unary: Operation {
  public static let name = "unary"
  /// The function.
  public let kind: ElementFunction

  /// Applies `kind`.
  public init(_ kind: ElementFunction) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("kind")
    guard let kind = ElementFunction(rawValue: text) else {
      throw WaneError(Self.name, "there is no function '\(text)'")
    }
    self.kind = kind
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  public var overwrites: Int? { 0 }

  public func isLinear(in operand: Int) -> Bool { kind == .negate }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let (x, y) = (context.inputs[0], context.outputs[0])
    func times(_ slope: Value, _ factor: Float = 1) throws -> Value {
      let product = try context.add(Binary(.multiply), [dy, slope])
      return factor == 1 ? product : try context.add(Rescale(scale: factor), [product])
    }
    switch kind {
    case .negate: return [try context.add(Rescale(scale: -1), [dy])]
    case .abs: return [try times(context.add(Unary(.sign), [x]))]
    case .sign, .round, .floor, .ceil: return [nil]
    case .square: return [try times(x, 2)]
    case .sqrt:
      let quotient = try context.add(Binary(.divide), [dy, y])
      return [try context.add(Rescale(scale: 0.5), [quotient])]
    case .rsqrt:
      // -1/2 x^(-3/2) = -1/2 y / x
      return [try times(context.add(Binary(.divide), [y, x]), -0.5)]
    case .reciprocal: return [try times(context.add(Unary(.square), [y]), -1)]
    case .exp: return [try times(y)]
    case .log: return [try context.add(Binary(.divide), [dy, x])]
    case .sin: return [try times(context.add(Unary(.cos), [x]))]
    case .cos: return [try times(context.add(Unary(.sin), [x]), -1)]
    case .erf:
      // 2 / sqrt(pi) exp(-x^2)
      let square = try context.add(Unary(.square), [x])
      let negative = try context.add(Rescale(scale: -1), [square])
      return [try times(context.add(Unary(.exp), [negative]), 1.128_379_167)]
    case .tanh:
      let square = try context.add(Unary(.square), [y])
      return [try times(context.add(Rescale(scale: -1, offset: 1), [square]))]
    case .sigmoid:
      let rest = try context.add(Rescale(scale: -1, offset: 1), [y])
      return [try times(context.add(Binary(.multiply), [y, rest]))]
    case .relu:
      let zero = try context.add(Constant(0), [])
      let isPositive = try context.add(Compare(.greater), [y, zero])
      return [try context.add(Where(), [isPositive, dy, zero])]
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    return { [kind] _ in kind.runFloats(x, y, count) }
  }
}

/// Elements below `low` become `low`, those above `high` become `high`; NaN stays.
public struct Clip: Operation {
  public static let name = "clip"
  /// The least value.
  public let low: Float
  /// The greatest value.
  public let high: Float

  /// Creates a clip; the greatest and least finite numbers leave an end open.
  ///
  /// - Throws: when `low` is above `high`.
  public init(
    low: Float = -.greatestFiniteMagnitude, high: Float = .greatestFiniteMagnitude
  ) throws {
    guard low <= high else {
      throw WaneError(Self.name, "low must be at most high, got \(low) and \(high)")
    }
    self.low = low
    self.high = high
  }

  public init(_ attributes: Attributes) throws {
    try self.init(low: attributes.float("low"), high: attributes.float("high"))
  }

  public var attributes: [String: Attribute] { ["low": .float(low), "high": .float(high)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let isInside = try context.add(Compare(.equal), [context.inputs[0], context.outputs[0]])
    let zero = try context.add(Constant(0), [])
    return [try context.add(Where(), [isInside, dy, zero])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    return { [low, high] _ in wane_clamp_f32(x, low, high, y, count) }
  }
}
