import WaneGraph
import WaneTensor

/// Arguments of a function with respect to which it is differentiated: tensors, numbers, symbolic
/// tensors, and tables of tensors.
final class DifferentiatedArguments {
  /// What a gradient has to look like.
  private enum Leaf {
    case tensor
    case number
  }

  /// The graph that the function is traced in: that of an outer function, if there is one.
  let trace: Trace
  /// Whether the function is called inside another one that is traced.
  let isNested: Bool
  /// The values of the arguments in the graph.
  private(set) var targets: [Value] = []
  private var leaves: [Leaf] = []
  private let arguments: [LuaValue]

  /// Reads arguments.
  ///
  /// - Throws: when there is nothing to differentiate with respect to.
  init(_ arguments: [LuaValue], positions: [Int], of name: String) throws {
    self.arguments = arguments
    let outer = arguments.lazy.compactMap(Self.outerTrace).first
    isNested = outer != nil
    trace = outer ?? Trace()
    try trace.check()
    for (argument, position) in zip(arguments, positions) {
      let before = targets.count
      symbols.append(try symbol(argument, isArgument: true))
      guard targets.count > before else {
        throw LuaError.argument(
          position + 1,
          "tensor, number or table of tensors expected, got \(argument.shortDescription)")
      }
    }
  }

  /// The arguments as the function gets them.
  private(set) var symbols: [LuaValue] = []

  private static func outerTrace(_ value: LuaValue) -> Trace? {
    switch value {
    case .object(let box as SymbolicTensorBox): box.trace
    case .table(let table):
      (table.elements + table.fields.keys.sorted().map { table[$0] }).lazy.compactMap(outerTrace)
        .first
    default: nil
    }
  }

  private func symbol(_ value: LuaValue, isArgument: Bool) throws -> LuaValue {
    switch value {
    case .object(let box as TensorBox):
      guard box.tensor.dtype == .f32 else {
        throw LuaError.message(
          "a tensor of \(box.tensor.dtype) has no gradient; convert it by :to \"f32\"")
      }
      return try target(trace.input(box.tensor), .tensor)
    case .object(let box as SymbolicTensorBox):
      try box.trace.check()
      guard box.trace === trace, box.type.dtype == .f32 else {
        throw LuaError.message("symbolic tensors of one function and of type f32 expected")
      }
      // A node of its own: what else depends on the value is no business of the function.
      return try target(trace.add(Reshape(box.type.dimensions), box.value), .tensor)
    case .integer(let number) where isArgument:
      return try target(trace.value(of: .scalar(.integer(number))), .number)
    case .number(let number) where isArgument:
      return try target(trace.value(of: .scalar(.real(number))), .number)
    case .table(let table):
      var result = LuaTable()
      result.elements = try table.elements.map { try symbol($0, isArgument: false) }
      for name in table.fields.keys.sorted() {
        result[name] = try symbol(table[name], isArgument: false)
      }
      return .table(result)
    default: return value
    }
  }

  private func target(_ value: Value, _ leaf: Leaf) -> LuaValue {
    targets.append(value)
    leaves.append(leaf)
    return .object(SymbolicTensorBox(trace, value))
  }

  /// Gradients, one a target, in the form of the arguments.
  func shaped(_ gradients: [LuaValue]) -> [LuaValue] {
    var next = 0
    func shape(_ value: LuaValue, isArgument: Bool) -> LuaValue {
      switch value {
      case .object(is TensorBox), .object(is SymbolicTensorBox):
        next += 1
        return gradients[next - 1]
      case .integer, .number:
        guard isArgument else { return .none }
        next += 1
        return gradients[next - 1]
      case .table(let table):
        var result = LuaTable()
        result.elements = table.elements.map { shape($0, isArgument: false) }
        for name in table.fields.keys.sorted() {
          result[name] = shape(table[name], isArgument: false)
        }
        return .table(result)
      default: return .none
      }
    }
    return arguments.map { shape($0, isArgument: true) }
  }

  /// A gradient as Lua gets it.
  func value(_ gradient: Tensor, _ target: Int) -> LuaValue {
    if leaves[target] == .number, let number = try? gradient.item() {
      return LuaValue(number, of: .f32)
    }
    return .object(TensorBox(gradient))
  }
}
