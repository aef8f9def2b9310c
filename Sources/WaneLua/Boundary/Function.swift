/// Something that Lua can call, with what `help` says about it.
package struct Function: Sendable {
  /// The work: reads arguments from the context, and ends with one of its `results` or `call`.
  package typealias Body = @Sendable (CallContext) throws -> CallContext.Outcome

  package let name: String
  /// One line: what it does.
  package let summary: String
  /// How it is called, as in `prune(model, options) -> model, report`.
  package let signature: String
  package let options: [Option]
  /// Lua code; empty when the signature says enough.
  package let example: String
  let body: Body

  /// Describes a function of a namespace, or a metamethod such as `__add` whose operands may come
  /// in any order.
  package init(
    _ name: String, _ summary: String, signature: String, options: [Option] = [],
    example: String = "", body: @escaping Body
  ) {
    self.name = name
    self.summary = summary
    self.signature = signature
    self.options = options
    self.example = example
    self.body = body
  }

  /// Describes a method: argument 1 is the object.
  package init<Object: LuaObject>(
    _ name: String, _ summary: String, signature: String, options: [Option] = [],
    example: String = "",
    method: @escaping @Sendable (Object, CallContext) throws -> CallContext.Outcome
  ) {
    self.init(name, summary, signature: signature, options: options, example: example) { context in
      try method(try context.object(1, as: Object.self), context)
    }
  }
}

/// A value that Lua reads from an object as `object.name`, computed each time.
package struct Field: Sendable {
  package let function: Function

  /// Describes a field; `type` is for people, as in `list of integers`.
  package init<Object: LuaObject, Value: LuaConvertible>(
    _ name: String, _ type: String, _ summary: String,
    get: @escaping @Sendable (Object) throws -> Value
  ) {
    function = Function(name, summary, signature: "\(name): \(type)") { context in
      context.results(try get(try context.object(1, as: Object.self)))
    }
  }
}
