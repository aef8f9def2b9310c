/// A kind of object that Lua holds, such as Tensor or Model: its methods, fields and metamethods.
///
/// Every noun gets `__gc`, `__close`, `__eq` (same object), `__tostring`, `__newindex` (an error) and
/// `__name`; a metamethod in the list replaces the default. With fields, `pairs(object)` walks them.
/// `__index` in the list is asked for keys that are neither method nor field.
package struct Noun: Sendable {
  package let name: String
  package let summary: String
  package let methods: [Function]
  package let fields: [Field]
  package let metamethods: [Function]
  let type: ObjectIdentifier
  /// Names inside an object, like a model's layers, that are offered inside quotes of a call.
  let names: @Sendable (_ object: any LuaObject, _ function: String) -> [String]

  /// Describes a noun.
  package init<Object: LuaObject>(
    _ type: Object.Type, _ name: String, _ summary: String,
    fields: [Field] = [], methods: [Function] = [], metamethods: [Function] = [],
    names: @escaping @Sendable (Object, _ function: String) -> [String] = { _, _ in [] }
  ) {
    self.name = name
    self.summary = summary
    self.fields = fields
    self.methods = methods
    self.metamethods = metamethods
    self.type = ObjectIdentifier(type)
    self.names = { object, function in (object as? Object).map { names($0, function) } ?? [] }
  }
}

/// A table of functions inside the module: `wane.nn` has the path `nn`, `wane` itself the empty path.
package struct Namespace: Sendable {
  package let path: String
  package let summary: String
  package let functions: [Function]
  package let constants: [Constant]

  /// Describes a table of functions; several descriptions with one path are put together.
  package init(
    _ path: String, _ summary: String, functions: [Function], constants: [Constant] = []
  ) {
    self.path = path
    self.summary = summary
    self.functions = functions
    self.constants = constants
  }
}

/// A string or number in a namespace.
package struct Constant: Sendable {
  /// What it can be.
  package enum Value: Sendable {
    case string(String)
    case number(Double)
  }

  package let name: String
  package let summary: String
  package let value: Value

  /// Describes a constant.
  package init(_ name: String, _ summary: String, _ value: Value) {
    self.name = name
    self.summary = summary
    self.value = value
  }
}
