import CLuaBridge

/// Writes a registry down as the C tables that `wane_open` walks.
///
/// They live as long as the process.
struct ModuleDescription {
  let members: ContiguousArray<Registry.Member>
  let nouns: [Noun]
  let namespaces: [Namespace]

  func make(
    name: String, sources: [(name: String, code: [UInt8])]
  ) -> UnsafeMutablePointer<wane_module> {
    let module = UnsafeMutablePointer<wane_module>.allocate(capacity: 1)
    let constants = namespaces.flatMap { namespace in
      namespace.constants.map { constant($0, in: namespace.path) }
    }
    module.initialize(
      to: wane_module(
        name: permanent(name),
        nouns: permanent(nouns.map { wane_noun(name: permanent($0.name)) }),
        members: permanent(members.map(member)),
        constants: permanent(constants),
        sources: permanent(sources.map(source)),
        noun_count: UInt32(nouns.count), member_count: UInt32(members.count),
        constant_count: UInt32(constants.count), source_count: UInt32(sources.count),
        dispatch: dispatchCall, release: releaseObject, registry: nil))
    return module
  }

  private func member(_ member: Registry.Member) -> wane_member {
    let name = permanent(member.function.name)
    return switch member.owner {
    case .namespace(let namespace):
      wane_member(
        role: WANE_ROLE_FUNCTION, noun: 0, table: permanent(namespace.path), name: name)
    case .method(let noun):
      wane_member(role: WANE_ROLE_METHOD, noun: number(of: noun), table: nil, name: name)
    case .field(let noun):
      wane_member(role: WANE_ROLE_FIELD, noun: number(of: noun), table: nil, name: name)
    case .metamethod(let noun):
      wane_member(role: WANE_ROLE_METAMETHOD, noun: number(of: noun), table: nil, name: name)
    }
  }

  private func number(of noun: Noun) -> UInt32 {
    UInt32(nouns.firstIndex { $0.type == noun.type } ?? 0)
  }

  private func constant(_ constant: Constant, in path: String) -> wane_constant {
    var result = wane_constant(
      table: permanent(path), name: permanent(constant.name), string: nil, number: 0)
    switch constant.value {
    case .string(let string): result.string = permanent(string)
    case .number(let number): result.number = number
    }
    return result
  }

  private func source(_ source: (name: String, code: [UInt8])) -> wane_source {
    let code = permanent(source.code.map { CChar(bitPattern: $0) })
    return wane_source(name: permanent(source.name), bytes: code, length: source.code.count)
  }

  private func permanent(_ string: String) -> UnsafePointer<CChar> {
    permanent(string.utf8.map { CChar(bitPattern: $0) } + [0])
  }

  private func permanent<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
    copy.initialize(from: elements, count: elements.count)
    return UnsafePointer(copy)
  }
}

/// Runs the member that a call names, or resumes its continuation.
///
/// Returns a `wane_status`.
private func dispatchCall(_ call: UnsafeMutablePointer<wane_call>?) -> Int32 {
  guard let call, let module = call.pointee.module, let pointer = module.pointee.registry else {
    return Int32(WANE_ERROR.rawValue)
  }
  let registry = Unmanaged<Registry>.fromOpaque(pointer).takeUnretainedValue()
  let context = CallContext(call: call, registry: registry)
  do {
    if let state = call.pointee.continuation {
      let continuation = Unmanaged<Continuation>.fromOpaque(state).takeUnretainedValue()
      return try continuation.resume(context).status
    }
    let number = Int(call.pointee.member)
    guard number < registry.bodies.count else { throw LuaError.message("no such function") }
    return try registry.bodies[number](context).status
  } catch {
    return context.fail(LuaError(error))
  }
}

private func releaseObject(_ object: UnsafeMutableRawPointer?) {
  guard let object else { return }
  Unmanaged<AnyObject>.fromOpaque(object).release()
}
