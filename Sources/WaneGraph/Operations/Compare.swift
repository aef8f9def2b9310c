import WaneTensor

/// A comparison of two f32 operands, element by element, with broadcasting; the result is bool.
public struct Compare: Operation {
  public static let name = "compare"
  /// What is asked.
  public let kind: Comparison

  /// Asks `kind`.
  public init(_ kind: Comparison) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("kind")
    guard let kind = Comparison(rawValue: text) else {
      throw WaneError(Self.name, "there is no comparison '\(text)'")
    }
    self.kind = kind
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    for input in inputs { try require(input, .f32) }
    var type = try inputs[0].broadcast(with: inputs[1], operation: Self.name)
    type.dtype = .bool
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [nil, nil] }

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
    return { [kind, a = a.floats, b = b.floats, y = output.bytes] _ in
      @inline(__always)
      func each(_ holds: (Float, Float) -> Bool) {
        let (stepA, stepB, run) = (loop.steps[0], loop.steps[1], loop.run)
        loop.forEachRun {
          let (a, b, y) = (a + $0[0], b + $0[1], y + $0[2])
          for i in 0..<run { y[i] = holds(a[i &* stepA], b[i &* stepB]) ? 1 : 0 }
        }
      }
      switch kind {
      case .equal: each { $0 == $1 }
      case .notEqual: each { $0 != $1 }
      case .less: each { $0 < $1 }
      case .lessOrEqual: each { $0 <= $1 }
      case .greater: each { $0 > $1 }
      case .greaterOrEqual: each { $0 >= $1 }
      }
    }
  }
}

/// Elements of `a` where the condition holds, of `b` elsewhere: `condition, a, b -> y`.
///
/// The condition is bool, the others f32; all three broadcast.
public struct Where: Operation {
  public static let name = "where"

  /// Creates a choice.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    try require(inputs[0], .bool)
    try require(inputs[1], .f32)
    try require(inputs[2], .f32)
    let values = try inputs[1].broadcast(with: inputs[2], operation: Self.name)
    return [try values.broadcast(with: inputs[0], operation: Self.name)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil, nil] }
    let (condition, a, b) = (context.inputs[0], context.inputs[1], context.inputs[2])
    let zero = try context.add(Constant(0), [])
    var gradients: [Value?] = [nil, nil, nil]
    if context.needs(1) {
      let part = try context.add(Where(), [condition, dy, zero])
      gradients[1] = try context.graph.sum(part, like: a, layer: context.layer)
    }
    if context.needs(2) {
      let part = try context.add(Where(), [condition, zero, dy])
      gradients[2] = try context.graph.sum(part, like: b, layer: context.layer)
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let condition = try context.input(0)
    let a = try context.input(1)
    let b = try context.input(2)
    let output = context.output()
    let loop = StridedLoop(
      extents: output.shape.dimensions,
      steps: [condition, a, b].map { $0.shape.steps(broadcastTo: output.shape) }
        + [output.shape.steps])
    return { [condition = condition.bytes, a = a.floats, b = b.floats, y = output.floats] _ in
      let (stepC, stepA, stepB) = (loop.steps[0], loop.steps[1], loop.steps[2])
      loop.forEachRun {
        let (condition, a, b, y) = (condition + $0[0], a + $0[1], b + $0[2], y + $0[3])
        for i in 0..<loop.run {
          y[i] = condition[i &* stepC] != 0 ? a[i &* stepA] : b[i &* stepB]
        }
      }
    }
  }
}
