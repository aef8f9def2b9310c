import WaneTensor

/// How the slope of an activation changes: what gradients of gradients need.
extension Activation {
  /// Adds nodes for the derivative of the slope with respect to the value that the gradient is taken
  /// from; nil where it is zero.
  ///
  /// - Throws: when a node cannot be added.
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
    // With t = tanh(u), u = c (x + a x^3): (1 - t^2) (u' + x u'' / 2 - x t u'^2).
    case .geluTanh:
      let (c, a) = (Float(0.797_884_56), Float(0.044_715))
      let square = try unary(.square, known)
      let t = try unary(.tanh, product(known, affine(square, c * a, c)))
      let slope = try affine(square, 3 * a * c, c)
      let bend = try affine(square, 3 * a * c, 0)
      let turn = try product(product(known, t), unary(.square, slope))
      let inner = try context.add(
        Binary(.subtract), [context.add(Add(), [slope, bend]), turn])
      return try product(affine(unary(.square, t), -1, 1), inner)
    // With t = tanh(softplus(x)), s = sigmoid(x): t' (2 + x (1 - s - 2 t s)), t' = (1 - t^2) s.
    case .mish:
      let t = try unary(.tanh, context.add(Activation(.softplus), [known]))
      let s = try unary(.sigmoid, known)
      let slope = try product(affine(unary(.square, t), -1, 1), s)
      let bend = try product(s, affine(t, -2, -1))
      let rest = try product(known, affine(bend, 1, 1))
      return try product(slope, affine(rest, 1, 2))
    }
  }
}
