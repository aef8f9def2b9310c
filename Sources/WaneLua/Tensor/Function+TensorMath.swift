import WaneTensor

/// Functions of each element, comparison and logic in Lua.
extension Function {
  static let tensorMath: [Function] =
    ElementFunction.allCases.map { function in
      Function(
        function.rawValue, summary(of: function), signature: "\(function.rawValue)() -> Tensor"
      ) { context in context.results(try function.apply(context.tensor(1))) }
    } + [
      clamp("clamp"), clamp("clip"),
      softmax("softmax", "exp(x) / sum(exp(x)) along an axis, the last by default.", false),
      softmax("log_softmax", "The logarithm of softmax, without its rounding.", true),
    ]

  static let tensorComparison: [Function] =
    Comparison.allCases.map { comparison in
      Function(
        comparison.rawValue, summary(of: comparison),
        signature: "\(comparison.rawValue)(other) -> Tensor of bool"
      ) { context in
        context.results(try comparison.apply(.tensor(context.tensor(1)), context.operand(2)))
      }
    }
    + [Arithmetic.maximum, .minimum].map { operation in
      Function(
        operation.rawValue, "The \(operation == .maximum ? "larger" : "smaller") of two elements.",
        signature: "\(operation.rawValue)(other) -> Tensor"
      ) { context in
        context.results(try operation.apply(.tensor(context.tensor(1)), context.operand(2)))
      }
    }
    + Logic.allCases.map { logic in
      Function(
        logic.rawValue, summary(of: logic), signature: "\(logic.rawValue)(other) -> Tensor of bool"
      ) { context in
        context.results(try logic.apply(context.tensor(1), context.truths(2, of: logic.rawValue)))
      }
    }
    + NumberKind.allCases.map { kind in
      Function(
        kind.rawValue, summary(of: kind), signature: "\(kind.rawValue)() -> Tensor of bool"
      ) { context in context.results(try context.tensor(1).elements(are: kind)) }
    }
    + [
      Function(
        "logical_not", "Whether the element is 0.", signature: "logical_not() -> Tensor of bool"
      ) { context in context.results(try context.tensor(1).logicalNot()) },
      Function(
        "where", "Elements of a where this tensor is not 0, of b elsewhere.",
        signature: "where(a, b) -> Tensor", example: "(t:gt(0)):where(t, 0)"
      ) { context in
        context.results(
          try context.tensor(1).selecting(context.operand(2), else: context.operand(3)))
      },
    ]

  private static func clamp(_ name: String) -> Function {
    Function(
      name, "Elements cut to a range; nil leaves an end open.",
      signature: "\(name)(low, high) -> Tensor", example: "t:\(name)(0, 1)"
    ) { context in
      let low = context.isNone(2) ? nil : try context.scalar(2)
      let high = context.isNone(3) ? nil : try context.scalar(3)
      return context.results(try context.tensor(1).clamped(low, high))
    }
  }

  private static func softmax(_ name: String, _ summary: String, _ isLogarithmic: Bool) -> Function
  {
    Function(name, summary, signature: "\(name)([axis]) -> Tensor") { context in
      let tensor = try context.tensor(1)
      let axis = try context.axis(2, of: tensor.shape, default: -1)
      return context.results(try tensor.softmax(axis: axis, logarithmic: isLogarithmic))
    }
  }

  private static func summary(of function: ElementFunction) -> String {
    switch function {
    case .negate: "The elements with the other sign."
    case .abs: "The elements without their sign."
    case .sign: "-1, 0 or 1 for each element."
    case .square: "The squares of the elements."
    case .relu: "max(x, 0)."
    case .round: "The nearest whole numbers, halves to even."
    case .floor: "The elements rounded down."
    case .ceil: "The elements rounded up."
    case .sqrt: "The square roots."
    case .rsqrt: "1 / sqrt(x)."
    case .reciprocal: "1 / x."
    case .exp: "e to the power of each element."
    case .log: "The natural logarithms."
    case .sigmoid: "1 / (1 + exp(-x))."
    case .tanh: "The hyperbolic tangents."
    case .sin: "The sines."
    case .cos: "The cosines."
    case .erf: "The error function, of which the normal distribution is made."
    }
  }

  private static func summary(of comparison: Comparison) -> String {
    switch comparison {
    case .equal: "Whether elements are equal."
    case .notEqual: "Whether elements differ."
    case .less: "Whether elements are less."
    case .lessOrEqual: "Whether elements are less or equal."
    case .greater: "Whether elements are greater."
    case .greaterOrEqual: "Whether elements are greater or equal."
    }
  }

  private static func summary(of kind: NumberKind) -> String {
    switch kind {
    case .nan: "Whether elements are not a number."
    case .infinite: "Whether elements are plus or minus infinity."
    case .finite: "Whether elements are finite numbers."
    }
  }

  private static func summary(of logic: Logic) -> String {
    switch logic {
    case .and: "Whether both elements are not 0."
    case .or: "Whether one or both elements are not 0."
    case .exclusiveOr: "Whether just one element is not 0."
    }
  }
}
