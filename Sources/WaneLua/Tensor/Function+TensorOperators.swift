import WaneTensor

/// Arithmetic of tensors in Lua. Either side may be a number or nested lists of numbers; shapes
/// broadcast.
extension Function {
  static let tensorOperators: [Function] = [
    arithmetic("__add", .add, "The sum, elementwise.", "a + b"),
    arithmetic("__sub", .subtract, "The difference, elementwise.", "a - b"),
    arithmetic("__mul", .multiply, "The product, elementwise.", "a * b"),
    arithmetic("__div", .divide, "The quotient, elementwise, f32.", "a / b"),
    arithmetic("__pow", .power, "The power, elementwise, f32.", "a ^ b"),
    arithmetic("__idiv", .floorDivide, "The quotient rounded down, elementwise.", "a // b"),
    arithmetic(
      "__mod", .remainder, "The remainder, elementwise, with the sign of b.", "a % b"),
    Function("__unm", "The elements with the other sign.", signature: "-a") { context in
      context.results(try context.tensor(1).negated())
    },
    logic("__band", .and, "Whether both elements are not 0.", "a & b"),
    logic("__bor", .or, "Whether one or both elements are not 0.", "a | b"),
    logic("__bxor", .exclusiveOr, "Whether just one element is not 0.", "a ~ b"),
    Function("__bnot", "Whether the element is 0.", signature: "~a") { context in
      context.results(try context.tensor(1).logicalNot())
    },
    Function(
      "__eq", "Whether shape, type and all elements are the same.", signature: "a == b -> boolean"
    ) { context in
      // Lua asks only for two userdata; the other one may be anything.
      guard let a = context.objectIfAny(1, as: TensorBox.self),
        let b = context.objectIfAny(2, as: TensorBox.self)
      else { return context.results(false) }
      return context.results(try a.tensor.isIdentical(to: b.tensor))
    },
    order("__lt", .less, "a < b"), order("__le", .lessOrEqual, "a <= b"),
  ]

  private static func arithmetic(
    _ name: String, _ operation: Arithmetic, _ summary: String, _ signature: String
  ) -> Function {
    Function(name, summary, signature: "\(signature) -> Tensor") { context in
      let word = operation.rawValue
      return context.results(
        try operation.apply(context.operand(1, of: word), context.operand(2, of: word)))
    }
  }

  private static func logic(
    _ name: String, _ operation: Logic, _ summary: String, _ signature: String
  ) -> Function {
    Function(name, summary, signature: "\(signature) -> Tensor") { context in
      let word = operation.rawValue
      return context.results(
        try operation.apply(context.truths(1, of: word), context.truths(2, of: word)))
    }
  }

  /// Lua turns the result of `<` into one boolean, so it is defined for single elements only.
  private static func order(
    _ name: String, _ comparison: Comparison, _ signature: String
  ) -> Function {
    Function(
      name, "The comparison of single elements.", signature: "\(signature) -> boolean"
    ) { context in
      let word = comparison.rawValue
      let result = try comparison.apply(
        context.operand(1, of: word), context.operand(2, of: word))
      guard result.count == 1 else {
        throw WaneError(
          word,
          "Lua's < gives one boolean; for all elements of shape \(result.shape) "
            + "use a:\(word)(b)")
      }
      return context.results(try result.element(0) == .integer(1))
    }
  }
}

extension CallContext {
  /// One side of a logical operation: a tensor or a boolean.
  func truths(_ index: Int, of operation: String) throws -> Tensor {
    switch try operand(index, of: operation) {
    case .tensor(let tensor): tensor
    case .scalar(let scalar):
      try Tensor(repeating: .integer(scalar.double == 0 ? 0 : 1), .scalar, .bool, for: operation)
    }
  }
}
