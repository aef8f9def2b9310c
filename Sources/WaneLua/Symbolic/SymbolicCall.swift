import CLuaBridge
import WaneGraph
import WaneTensor

/// A call one of whose arguments is a symbolic tensor: the others join it in its graph.
struct SymbolicCall {
  let context: CallContext
  let trace: Trace

  /// The name of the running function, as messages have it.
  var name: String { context.function.name }

  init(_ context: CallContext) throws {
    guard let trace = context.symbolicTensor?.trace else {
      throw context.expected("SymbolicTensor", 1)
    }
    try trace.check()
    self.context = context
    self.trace = trace
  }

  /// An argument as a value of the graph: a symbolic tensor, a tensor, a number or nested lists.
  func value(_ index: Int) throws -> Value {
    guard let box = context.symbolic(index) else {
      return try trace.value(of: context.operand(index))
    }
    return try value(box)
  }

  /// The value of a symbolic tensor, which must be of the same function.
  func value(_ box: SymbolicTensorBox) throws -> Value {
    guard box.trace === trace else {
      throw LuaError.message(
        "\(name): symbolic tensors of different functions do not mix; hand the outer one to the "
          + "inner function as an argument")
    }
    return box.value
  }

  func type(_ value: Value) -> ValueType { trace.type(value) }

  /// Ends the call with a value.
  func result(_ value: Value) -> CallContext.Outcome {
    context.results(SymbolicTensorBox(trace, value))
  }

  /// An axis in Lua's count, from 0, the batch being the first.
  func axis(_ position: Int, of type: ValueType) throws -> Int {
    let found = position < 0 ? position + type.rank : position - 1
    guard found >= 0, found < type.rank else {
      throw WaneError(
        name,
        type.rank == 0
          ? "a scalar has no axes, got axis \(position)"
          : "axis must be in 1..\(type.rank) or -\(type.rank)..-1 for shape \(type), "
            + "got \(position)")
    }
    return found
  }

  /// An argument that is an axis of a sample (or of a value without a batch), from 0.
  func sampleAxis(_ index: Int, of type: ValueType, default position: Int) throws -> Int {
    let found = try axis(context.isNone(index) ? position : context.integer(index), of: type)
    guard !type.isBatched || found > 0 else {
      throw WaneError(name, "the batch axis of \(type) stays where it is, and whole")
    }
    return type.isBatched ? found - 1 : found
  }

  /// Extents in Lua's form, without the batch; -1 stands for what is left.
  func extents(_ extents: [Int], for type: ValueType) throws -> [Int] {
    var extents = extents
    if type.isBatched {
      guard extents.first == -1 else {
        throw WaneError(
          name, "the first extent must be -1, the batch of \(type), got \(extents)")
      }
      extents.removeFirst()
    }
    guard extents.allSatisfy({ $0 >= -1 }), extents.filter({ $0 == -1 }).count <= 1 else {
      throw WaneError(name, "extents \(extents) are no shape")
    }
    if let free = extents.firstIndex(of: -1) {
      extents[free] = 1
      let known = try Shape(extents).count
      guard known > 0, type.sampleCount % known == 0 else {
        throw WaneError(name, "\(type) cannot become extents of \(known) elements and a rest")
      }
      extents[free] = type.sampleCount / known
    }
    return extents
  }
}

extension CallContext {
  /// Argument `index` when it is a symbolic tensor.
  func symbolic(_ index: Int) -> SymbolicTensorBox? {
    guard index <= count, lua_type(state, stackIndex(index)) == LUA_TUSERDATA else { return nil }
    var noun: UInt32 = 0
    var closed = false
    guard let pointer = wane_object(call, stackIndex(index), &noun, &closed) else { return nil }
    // Asked at every operation of tensors: mostly no, without counting references.
    return Unmanaged<AnyObject>.fromOpaque(pointer)._withUnsafeGuaranteedRef { object in
      Swift.type(of: object) == SymbolicTensorBox.self ? object as? SymbolicTensorBox : nil
    }
  }

  /// A value as messages name it.
  func description(of value: LuaValue?) -> String {
    switch value {
    case nil, LuaValue.none?: "nothing"
    case .object(let object)?: registry.name(of: Swift.type(of: object))
    case let value?: value.shortDescription
    }
  }

  /// The first argument that is a symbolic tensor.
  var symbolicTensor: SymbolicTensorBox? {
    guard count > 0 else { return nil }
    for index in 1...count {
      if let box = symbolic(index) { return box }
    }
    return nil
  }
}

extension Function {
  /// A method of symbolic tensors whose result is one.
  static func symbolic(
    _ name: String, _ summary: String, signature: String, options: [Option] = [],
    _ body: @escaping @Sendable (SymbolicCall) throws -> Value
  ) -> Function {
    Function(name, summary, signature: signature, options: options) { context in
      let call = try SymbolicCall(context)
      return call.result(try body(call))
    }
  }

  /// The function for tensors, and for symbolic tensors when an argument is one.
  func orSymbolic(_ functions: [Function]) -> Function {
    guard let other = functions.first(where: { $0.name == name }) else { return self }
    let (body, symbolic) = (body, other.body)
    return Function(
      name, summary, signature: signature, options: options, example: example
    ) { context in
      try context.symbolicTensor == nil ? body(context) : symbolic(context)
    }
  }
}
