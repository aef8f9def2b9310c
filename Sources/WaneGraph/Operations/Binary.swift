import WaneTensor

/// Arithmetic of two operands, element by element, with broadcasting.
///
///     y = a op b
///
/// Operands of type f32; see `ValueType.broadcast` for the shapes that go together. `Add` is the
/// sum of two values of one shape, and what passes look for.
public struct Binary: Operation {
  public static let name = "binary"
  /// What is computed.
  public let kind: Arithmetic

  /// Applies `kind`.
  public init(_ kind: Arithmetic) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("kind")
    guard let kind = Arithmetic(rawValue: text) else {
      throw WaneError(Self.name, "there is no arithmetic '\(text)'")
    }
    self.kind = kind
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    for input in inputs { try require(input, .f32) }
    return [try inputs[0].broadcast(with: inputs[1], operation: Self.name)]
  }

  // A product is linear in either operand, but not in both: one may be in parts, not two.
  public func isLinear(in operand: Int) -> Bool {
    switch kind {
    case .add, .subtract: true
    case .multiply, .divide: operand == 0
    case .power, .floorDivide, .remainder, .maximum, .minimum: false
    }
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let (a, b, y) = (context.inputs[0], context.inputs[1], context.outputs[0])
    var parts: [Value?] = [nil, nil]
    if context.needs(0) { parts[0] = try leftGradient(&context, gradient, a, b, y) }
    if context.needs(1) { parts[1] = try rightGradient(&context, gradient, a, b, y) }
    return try zip(parts, context.inputs).map { part, operand in
      try part.map { try context.graph.sum($0, like: operand, layer: context.layer) }
    }
  }

  private func leftGradient(
    _ context: inout GradientContext, _ dy: Value, _ a: Value, _ b: Value, _ y: Value
  ) throws -> Value? {
    switch kind {
    case .add, .subtract, .remainder: return dy
    case .multiply: return try context.add(Binary(.multiply), [dy, b])
    case .divide: return try context.add(Binary(.divide), [dy, b])
    case .power:
      // b a^(b - 1)
      let less = try context.add(Rescale(scale: 1, offset: -1), [b])
      let power = try context.add(Binary(.power), [a, less])
      let slope = try context.add(Binary(.multiply), [b, power])
      return try context.add(Binary(.multiply), [dy, slope])
    case .floorDivide: return nil
    case .maximum, .minimum: return try masked(&context, dy, a, b, isLeft: true)
    }
  }

  private func rightGradient(
    _ context: inout GradientContext, _ dy: Value, _ a: Value, _ b: Value, _ y: Value
  ) throws -> Value? {
    switch kind {
    case .add: return dy
    case .subtract: return try context.add(Rescale(scale: -1), [dy])
    case .multiply: return try context.add(Binary(.multiply), [dy, a])
    case .divide:
      // -a / b^2 = -y / b
      let quotient = try context.add(Binary(.divide), [y, b])
      let product = try context.add(Binary(.multiply), [dy, quotient])
      return try context.add(Rescale(scale: -1), [product])
    case .power:
      // a^b log a; 0 where a is not positive, as TensorFlow has it.
      let zero = try context.add(Constant(0), [])
      let isPositive = try context.add(Compare(.greater), [a, zero])
      let one = try context.add(Constant(1), [])
      let safe = try context.add(Where(), [isPositive, a, one])
      let logarithm = try context.add(Unary(.log), [safe])
      let slope = try context.add(Binary(.multiply), [y, logarithm])
      return try context.add(Binary(.multiply), [dy, slope])
    case .floorDivide: return nil
    case .remainder:
      // a - b floor(a / b)
      let quotient = try context.add(Binary(.floorDivide), [a, b])
      let product = try context.add(Binary(.multiply), [dy, quotient])
      return try context.add(Rescale(scale: -1), [product])
    case .maximum, .minimum: return try masked(&context, dy, a, b, isLeft: false)
    }
  }

  /// The gradient of an extreme goes to the operand it is; to the left one when they are equal.
  private func masked(
    _ context: inout GradientContext, _ dy: Value, _ a: Value, _ b: Value, isLeft: Bool
  ) throws -> Value {
    let comparison: Comparison = kind == .maximum ? .greaterOrEqual : .lessOrEqual
    let takesLeft = try context.add(Compare(comparison), [a, b])
    let zero = try context.add(Constant(0), [])
    return try context.add(Where(), isLeft ? [takesLeft, dy, zero] : [takesLeft, zero, dy])
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let a = try context.input(0)
    let b = try context.input(1)
    let output = context.output()
    let loop = StridedLoop(
      extents: output.shape.dimensions,
      steps: [
        a.shape.steps(broadcastTo: output.shape), b.shape.steps(broadcastTo: output.shape),
        output.shape.steps,
      ])
    return { [kind, a = a.floats, b = b.floats, y = output.floats] _ in
      loop.forEachRun {
        kind.runFloats(
          a + $0[0], loop.steps[0], b + $0[1], loop.steps[1], y + $0[2], loop.run)
      }
    }
  }
}
