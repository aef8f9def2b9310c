extension Registry {
  /// Everything that lacks words: no summary, no signature, an option without a type or summary, a
  /// name twice, an option that belongs to one that is not there.
  ///
  /// A test holds this empty.
  package var undocumented: [String] {
    var missing: [String] = []
    var seen: Set<String> = []
    for member in members {
      let name = qualifiedName(member), function = member.function
      if function.summary.isEmpty { missing.append("\(name): no summary") }
      if function.signature.isEmpty { missing.append("\(name): no signature") }
      if !seen.insert(name).inserted { missing.append("\(name): twice") }
      for option in function.options where option.summary.isEmpty || option.type.isEmpty {
        missing.append("\(name): option '\(option.name)' lacks words")
      }
      for option in function.options {
        missing += option.misplacedBelongings(among: function.options).map {
          "\(name): option \($0)"
        }
      }
    }
    missing += nouns.filter { $0.summary.isEmpty }.map { "\($0.name): no summary" }
    missing += namespaces.filter { $0.summary.isEmpty }.map { "\(fullPath($0.path)): no summary" }
    for constant in namespaces.flatMap(\.constants) where constant.summary.isEmpty {
      missing.append("\(constant.name): no summary")
    }
    return missing
  }
}
