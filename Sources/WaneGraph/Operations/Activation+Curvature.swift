import WaneTensor

/// How the slope of an activation changes: what gradients of gradients need.
extension Activation {
  /// Adds nodes for the derivative of the slope with respect to the value that the gradient is taken
  /// from; nil where it is zero.
  ///
  /// - Throws: for the two functions whose second derivative is not written down here.
  func curvature(_ context: inout GradientContext, of known: Value) throws -> Value? {
    func unary(_ kind: ElementFunction, _ x: Value) throws -> Value {
      try context.add(Unary(kind), [x])
    }
    func affine(_ x: Value, _ scale: Float, _ offset: Float) throws -> Value {
      try context.add(Rescale(scale: scale, offset: offset), [x])
    }
    func product(_ a: Value, _ b: Value) throws -> Value {
      try context.add(Binary(.multiply), [a, b])
    }
    switch kind {
    case .relu, .relu6, .leakyReLU, .hardSigmoid: return nil
    // From y: 1 - 2 y, and -2 y.
    case .sigmoid: return try affine(known, -2, 1)
    case .tanh: return try affine(known, -2, 0)
    // The slope is y + alpha below zero.
    case .elu, .selu: return try affine(unary(.sign, known), -0.5, 0.5)
    // 1 - exp(-y).
    case .softplus: return try unary(.exp, affine(known, -1, 0))
    // (1 - |y|)^2 gives -2 sign(y) (1 - |y|) = 2 y - 2 sign(y).
    case .softsign:
      let sign = try affine(unary(.sign, known), -2, 0)
      return try context.add(Add(), [affine(known, 2, 0), sign])
    // From x, with s = sigmoid(x): s (1 - s) (2 + x (1 - 2 s)).
    case .silu:
      let s = try unary(.sigmoid, known)
      let bend = try affine(product(known, affine(s, -2, 1)), 1, 2)
      return try product(product(s, affine(s, -1, 1)), bend)
    // 1 / 3 between -3 and 3.
    case .hardSwish:
      let left = try affine(unary(.sign, affine(known, 1, 3)), 1 / 6, 0)
      let right = try affine(unary(.sign, affine(known, 1, -3)), -1 / 6, 0)
      return try context.add(Add(), [left, right])
    // (2 - x^2) exp(-x^2 / 2) / sqrt(2 pi).
    case .gelu:
      let square = try unary(.square, known)
      let density = try affine(unary(.exp, affine(square, -0.5, 0)), 0.39894228, 0)
      return try product(affine(square, -1, 2), density)
    case .geluTanh, .mish:
      throw WaneError(Self.name, "'\(kind.rawValue)' has no second derivative")
    }
  }
}
