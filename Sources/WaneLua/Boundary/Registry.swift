import CLuaBridge

/// Everything a module offers to Lua.
///
/// It feeds the module table, the metatables, `help`, the REPL's completion and the test that all
/// of it is documented.
///
/// A registry lives as long as the process.
package final class Registry: Sendable {
  /// Where a function of the registry is found from Lua.
  package enum Owner: Sendable {
    case namespace(Namespace)
    case method(Noun)
    case field(Noun)
    case metamethod(Noun)
  }

  /// A function with its place.
  ///
  /// Its number is its index in ``members``.
  package struct Member: Sendable {
    package let function: Function
    package let owner: Owner
  }

  package let name: String
  package let version: String
  package let namespaces: [Namespace]
  package let nouns: [Noun]
  package let members: ContiguousArray<Member>
  /// The bodies of the members, apart: a call then touches nothing else of them.
  let bodies: ContiguousArray<Function.Body>
  /// Threads and instruction set, for the banner.
  package let hardware: @Sendable () -> String

  private let nounNumbers: [ObjectIdentifier: UInt32]
  /// What the C side walks.
  ///
  /// Written once, here, and never freed.
  nonisolated(unsafe) package private(set) var module: UnsafePointer<wane_module>

  /// Puts a module together.
  ///
  /// `sources` are modules written in Lua, by their `require` name.
  package init(
    name: String, version: String, namespaces: [Namespace], nouns: [Noun],
    sources: [(name: String, code: [UInt8])] = [],
    hardware: @escaping @Sendable () -> String = { "" }
  ) {
    let continuations = Noun(Continuation.self, "\(name).continuation", "A call that waits.")
    let nouns = [continuations] + nouns
    var members: ContiguousArray<Member> = []
    for namespace in namespaces {
      members += namespace.functions.map { Member(function: $0, owner: .namespace(namespace)) }
    }
    for noun in nouns {
      members += noun.methods.map { Member(function: $0, owner: .method(noun)) }
      members += noun.fields.map { Member(function: $0.function, owner: .field(noun)) }
      var metamethods = noun.metamethods
      if !noun.fields.isEmpty, !metamethods.contains(where: { $0.name == "__pairs" }) {
        metamethods += noun.fieldIteration(nextNumber: UInt32(members.count + metamethods.count))
      }
      members += metamethods.map { Member(function: $0, owner: .metamethod(noun)) }
    }
    self.name = name
    self.version = version
    self.namespaces = namespaces
    self.nouns = nouns
    self.members = members
    bodies = ContiguousArray(members.map(\.function.body))
    self.hardware = hardware
    let numbered = nouns.enumerated().map { ($0.element.type, UInt32($0.offset)) }
    nounNumbers = Dictionary(numbered, uniquingKeysWith: { first, _ in first })
    let builder = ModuleDescription(members: members, nouns: nouns, namespaces: namespaces)
    let module = builder.make(name: name, sources: sources)
    self.module = UnsafePointer(module)
    module.pointee.registry = UnsafeRawPointer(Unmanaged.passRetained(self).toOpaque())
  }

  /// The number of an object's noun.
  func noun(of object: any LuaObject) -> UInt32? {
    nounNumbers[ObjectIdentifier(Swift.type(of: object))]
  }

  /// The name of a class's noun.
  func name(of type: any LuaObject.Type) -> String {
    nounNumbers[ObjectIdentifier(type)].map { nouns[Int($0)].name } ?? "\(type)"
  }
}

extension Noun {
  /// `__pairs`, and the function that it iterates with: name and value of each field, in order.
  fileprivate func fieldIteration(nextNumber: UInt32) -> [Function] {
    let fields = fields.map(\.function)
    let next = Function(
      "__next", "The field after a given one.", signature: "next(object, name) -> name, value"
    ) { context in
      let name = context.isNone(2) ? nil : try context.string(2)
      let index = name.map { name in fields.firstIndex { $0.name == name } ?? fields.count } ?? -1
      guard index + 1 < fields.count else { return context.results(LuaValue.none) }
      return try context.results(fields[index + 1].name, then: fields[index + 1].body)
    }
    let pairs = Function(
      "__pairs", "Walks the fields.", signature: "pairs(object) -> iterator"
    ) { context in
      context.results(member: nextNumber, LuaFunction(stackIndex: 1), LuaValue.none)
    }
    return [next, pairs]
  }
}
