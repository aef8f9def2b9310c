import WaneGraph
import WaneTensor

/// Functions of each element, arithmetic, comparison and logic of symbolic tensors.
extension Function {
  static let symbolicOperators: [Function] = [
    arithmetic("__add", .add, "a + b"), arithmetic("__sub", .subtract, "a - b"),
    arithmetic("__mul", .multiply, "a * b"), arithmetic("__div", .divide, "a / b"),
    arithmetic("__pow", .power, "a ^ b"), arithmetic("__idiv", .floorDivide, "a // b"),
    arithmetic("__mod", .remainder, "a % b"),
    .symbolic("__unm", "The elements with the other sign.", signature: "-a") { call in
      try call.trace.add(Unary(.negate), call.trace.float(call.value(1)))
    },
    logic("__band", .and), logic("__bor", .or), logic("__bxor", .exclusiveOr),
    .symbolic("__bnot", "Whether the element is 0.", signature: "~a") { try negation($0) },
    valueless("__eq", "==", "a:eq(b)"), valueless("__lt", "<", "a:lt(b)"),
    valueless("__le", "<=", "a:le(b)"),
  ]

  static let symbolicMath: [Function] =
    ElementFunction.allCases.map { function in
      .symbolic(
        function.rawValue, "As of a tensor.", signature: "\(function.rawValue)() -> SymbolicTensor"
      ) { call in
        let x = try call.trace.float(call.value(1))
        if let activation = ActivationKind(rawValue: function.rawValue) {
          return try call.trace.add(Activation(activation), x)
        }
        return try call.trace.add(Unary(function), x)
      }
    } + [
      clamp("clamp"), clamp("clip"),
      softmax("softmax", Softmax()), softmax("log_softmax", LogSoftmax()),
    ]

  static let symbolicComparison: [Function] =
    Comparison.allCases.map { comparison in
      .symbolic(
        comparison.rawValue, "As of tensors.",
        signature: "\(comparison.rawValue)(other) -> SymbolicTensor of bool"
      ) { call in
        let (a, b) = (
          try call.trace.float(call.value(1)), try call.trace.float(call.value(2))
        )
        return try call.trace.add(Compare(comparison), a, b)
      }
    }
    + [Arithmetic.maximum, .minimum].map { arithmetic($0.rawValue, $0, "\($0.rawValue)(other)") }
    + Logic.allCases.map { logic($0.rawValue, $0) } + NumberKind.allCases.map { kind($0) }
    + [
      .symbolic(
        "logical_not", "Whether the element is 0.",
        signature: "logical_not() -> SymbolicTensor of bool"
      ) { try negation($0) },
      .symbolic(
        "where", "Elements of a where this tensor is not 0, of b elsewhere.",
        signature: "where(a, b) -> SymbolicTensor"
      ) { call in
        let (a, b) = (try call.trace.float(call.value(2)), try call.trace.float(call.value(3)))
        return try call.trace.add(Where(), call.trace.truth(call.value(1)), a, b)
      },
    ]

  private static func arithmetic(
    _ name: String, _ operation: Arithmetic, _ signature: String
  ) -> Function {
    .symbolic(name, "As of tensors, in f32.", signature: "\(signature) -> SymbolicTensor") { call in
      let trace = call.trace
      if let result = try withNumber(call, operation) { return result }
      let (a, b) = (try trace.float(call.value(1)), try trace.float(call.value(2)))
      if operation == .add, trace.type(a) == trace.type(b) { return try trace.add(Add(), a, b) }
      return try trace.add(Binary(operation), a, b)
    }
  }

  /// Arithmetic with a number that is part of the function, as one node that is linear if it can be.
  private static func withNumber(_ call: SymbolicCall, _ operation: Arithmetic) throws -> Value? {
    let trace = call.trace
    guard trace.keepsNumbers else { return nil }
    if let number = call.context.scalarIfNumber(2).map({ Float($0.double) }), number.isFinite {
      let x = try call.value(1)
      switch operation {
      case .add: return try trace.scaled(x, by: 1, plus: number)
      case .subtract: return try trace.scaled(x, by: 1, plus: -number)
      case .multiply: return try trace.scaled(x, by: number)
      case .divide where (1 / number).isFinite: return try trace.scaled(x, by: 1 / number)
      case .power where number == 2: return try trace.add(Unary(.square), trace.float(x))
      default: return nil
      }
    }
    if let number = call.context.scalarIfNumber(1).map({ Float($0.double) }), number.isFinite {
      let x = try call.value(2)
      switch operation {
      case .add: return try trace.scaled(x, by: 1, plus: number)
      case .subtract: return try trace.scaled(x, by: -1, plus: number)
      case .multiply: return try trace.scaled(x, by: number)
      default: return nil
      }
    }
    return nil
  }

  private static func clamp(_ name: String) -> Function {
    .symbolic(
      name, "Elements cut to a range; nil leaves an end open.",
      signature: "\(name)(low, high) -> SymbolicTensor"
    ) { call in
      let context = call.context
      let low = context.isNone(2) ? nil : Float(try context.number(2))
      let high = context.isNone(3) ? nil : Float(try context.number(3))
      let limit = Float.greatestFiniteMagnitude
      return try call.trace.add(
        Clip(low: low ?? -limit, high: high ?? limit), call.trace.float(call.value(1)))
    }
  }

  /// Of what kind elements are: a number that is none differs from itself, and one that is not finite
  /// from itself less itself.
  private static func kind(_ kind: NumberKind) -> Function {
    .symbolic(
      kind.rawValue, "As of a tensor.", signature: "\(kind.rawValue)() -> SymbolicTensor of bool"
    ) { call in
      let trace = call.trace
      let x = try trace.float(call.value(1))
      if kind == .nan { return try trace.add(Compare(.notEqual), x, x) }
      let rest = try trace.add(Binary(.subtract), x, x)
      let isFinite = try trace.add(Compare(.equal), rest, trace.constant(0))
      if kind == .finite { return isFinite }
      let isNumber = try trace.add(Compare(.equal), x, x)
      return try trace.add(Compare(.greater), trace.float(isNumber), trace.float(isFinite))
    }
  }

  private static func logic(_ name: String, _ operation: Logic) -> Function {
    .symbolic(name, "As of tensors.", signature: "\(name)(other) -> SymbolicTensor of bool") {
      call in
      let trace = call.trace
      let a = try trace.float(trace.truth(call.value(1)))
      let b = try trace.float(trace.truth(call.value(2)))
      switch operation {
      case .exclusiveOr: return try trace.add(Compare(.notEqual), a, b)
      case .and: return try trace.truth(trace.add(Binary(.minimum), a, b))
      case .or: return try trace.truth(trace.add(Binary(.maximum), a, b))
      }
    }
  }

  private static func negation(_ call: SymbolicCall) throws -> Value {
    try call.trace.add(Compare(.equal), call.trace.float(call.value(1)), call.trace.constant(0))
  }

  private static func softmax(_ name: String, _ operation: any Operation) -> Function {
    .symbolic(name, "Along an axis, the last by default.", signature: "\(name)([axis])") { call in
      let x = try call.trace.float(call.value(1))
      let axis = try call.sampleAxis(2, of: call.type(x), default: -1)
      return try call.trace.graph.add(operation, x, along: axis, layer: call.trace.layer)
    }
  }

  /// An operator whose result Lua wants now.
  private static func valueless(_ name: String, _ sign: String, _ instead: String) -> Function {
    Function(
      name, "An error: there are no values to compare.", signature: "an error"
    ) { _ in
      throw LuaError.message(
        "a symbolic tensor has no values to compare by \(sign); \(instead) compares elements, and "
          + "where(a, b) chooses")
    }
  }
}
