import CLuaBridge

extension Registry {
  /// What `help(...)` says about an argument: a function, an object, a namespace's name or table, a
  /// word to look up, or nothing for an overview.
  ///
  /// Nil when there is nothing to say.
  package func help(_ context: CallContext) throws -> String? {
    if context.isNone(1) { return overview }
    if context.isFunction(1) {
      let number = wane_member_number(context.state, module, context.stackIndex(1))
      return number >= 0 && number < members.count ? help(members[Int(number)]) : nil
    }
    if context.isString(1) { return try help(on: context.string(1)) }
    if context.isTable(1) { return help(table: context) }
    if let number = context.noun(1) { return help(nouns[number]) }
    return nil
  }

  /// The name by which Lua reaches a member: `wane.nn.dense`, `Model:fit`, `Tensor.shape`.
  package func qualifiedName(_ member: Member) -> String {
    switch member.owner {
    case .namespace(let namespace): "\(fullPath(namespace.path)).\(member.function.name)"
    case .method(let noun): "\(noun.name):\(member.function.name)"
    case .field(let noun): "\(noun.name).\(member.function.name)"
    case .metamethod(let noun): "\(noun.name) \(member.function.name)"
    }
  }

  /// `wane.nn` for `nn`.
  package func fullPath(_ path: String) -> String { path.isEmpty ? name : "\(name).\(path)" }

  private var overview: String {
    var text = "\(name) \(version)\n"
    for namespace in namespaces {
      text += "\n\(fullPath(namespace.path))  \(namespace.summary)\n"
      text += HelpText.columns(namespace.functions.map { [$0.name, $0.summary] })
    }
    let visible = nouns.filter { !$0.name.contains(".") }
    if !visible.isEmpty {
      text += "\nobjects\n" + HelpText.columns(visible.map { [$0.name, $0.summary] })
    }
    return text + "\nhelp(\(name).<function>), help(object) and help \"word\" say more."
  }

  private func help(_ member: Member) -> String {
    let function = member.function
    var text = ""
    switch member.owner {
    case .namespace(let namespace): text = "\(fullPath(namespace.path)).\(function.signature)\n"
    case .method(let noun): text = "\(noun.name):\(function.signature)\n"
    case .field(let noun): text = "\(noun.name).\(function.signature)\n"
    case .metamethod: text = "\(function.signature)\n"
    }
    text += "  \(function.summary)\n"
    if !function.options.isEmpty {
      text += "\noptions\n"
      for option in function.options {
        let standard = option.defaultText.map { " = \($0)" } ?? ""
        text += HelpText.wrapped("\(option.name): \(option.type)\(standard)", first: 2, rest: 6)
        let explanation = option.explanation(among: function.options)
        text += HelpText.wrapped(explanation, first: 6, rest: 6)
      }
    }
    if !function.example.isEmpty {
      text += "\nexample\n"
      for line in function.example.split(separator: "\n", omittingEmptySubsequences: false) {
        text += "  \(line)\n"
      }
    }
    return text.trimmingNewlines
  }

  private func help(_ noun: Noun) -> String {
    var text = "\(noun.name)  \(noun.summary)\n"
    let fields = noun.fields.map(\.function)
    if !fields.isEmpty {
      text += "\nfields\n" + HelpText.columns(fields.map { [$0.signature, $0.summary] })
    }
    if !noun.methods.isEmpty {
      text +=
        "\nmethods\n" + HelpText.columns(noun.methods.map { [":\($0.signature)", $0.summary] })
    }
    return text.trimmingNewlines
  }

  private func help(_ namespace: Namespace) -> String {
    var text = "\(fullPath(namespace.path))  \(namespace.summary)\n\n"
    text += HelpText.columns(namespace.functions.map { [$0.signature, $0.summary] })
    text += HelpText.columns(namespace.constants.map { [$0.name, $0.summary] })
    return text.trimmingNewlines
  }

  /// A word: a noun, a path, or the name of any function.
  private func help(on word: String) -> String {
    let inside = word.hasPrefix("\(name).") ? String(word.dropFirst(name.count + 1)) : word
    let path = word == name ? "" : inside
    var found: [String] = []
    found += nouns.filter { $0.name.lowercased() == word.lowercased() }.map(help)
    found += namespaces.filter { $0.path == path }.map(help)
    for member in members where !member.function.name.hasPrefix("__") {
      guard member.function.name == word || qualifiedName(member) == word else { continue }
      found.append(help(member))
    }
    if !found.isEmpty { return found.joined(separator: "\n\n") }
    let words = nouns.map(\.name) + members.map(\.function.name).filter { !$0.hasPrefix("__") }
    let hint = NearestName.of(word, in: words).map { " (did you mean '\($0)'?)" } ?? ""
    return "nothing is known about '\(word)'\(hint)"
  }

  /// A table of the module: the namespace whose first function it contains.
  private func help(table context: CallContext) -> String? {
    let index = context.stackIndex(1)
    let state = context.state
    guard lua_checkstack(state, 4) != 0 else { return nil }
    lua_pushnil(state)
    while lua_next(state, index) != 0 {
      let number = wane_member_number(state, module, lua_gettop(state))
      wane_lua_pop(state, 1)
      guard number >= 0, number < members.count else { continue }
      guard case .namespace(let namespace) = members[Int(number)].owner else { continue }
      wane_lua_pop(state, 1)
      return namespace.path.isEmpty ? overview : help(namespace)
    }
    return nil
  }
}

extension CallContext {
  /// The number of the noun of argument `index`, if it is an object.
  func noun(_ index: Int) -> Int? {
    var noun: UInt32 = 0
    var closed = false
    let object = wane_object(call, stackIndex(index), &noun, &closed)
    return object != nil || closed ? Int(noun) : nil
  }
}

extension String {
  fileprivate var trimmingNewlines: String {
    var text = Substring(self)
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }
}
