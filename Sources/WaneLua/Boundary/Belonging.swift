/// What has to stand beside an option for it to mean something.
///
/// `clusters` of `compress` belongs to the method `share`: beside another method it would be ignored
/// silently, so it is refused, and `help` says where it belongs.
package enum Belonging: Sendable {
  /// Another option is one of some words, by its default if it is not given; when it is implied it may
  /// be left out.
  case value(of: String, words: [String], isImplied: Bool)
  /// One of some other options is given, and not false.
  case presence(of: [String])

  /// How `help` says it: `method = "share"`, `teacher or peers`.
  ///
  /// Options that a function does not have are left out.
  func description(among definitions: [Option]) -> String {
    switch self {
    case .value(let owner, let words, _):
      "\(owner) = \(Belonging.list(words.map { "\"\($0)\"" }))"
    case .presence(let owners):
      Belonging.list(owners.filter { owner in definitions.contains { $0.name == owner } })
    }
  }

  /// `a`, `a or b`, `a, b or c`.
  static func list(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.joined() }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension Option {
  /// What `help` says about it: where it belongs, and its summary.
  func explanation(among definitions: [Option]) -> String {
    guard !belongings.isEmpty else { return summary }
    let places = belongings.map { $0.description(among: definitions) }
    return "with \(places.joined(separator: " and ")): \(summary)"
  }

  /// Why a value given for it would be ignored, if it would.
  ///
  /// - Parameters:
  ///   - value: what was given.
  ///   - definitions: all options of the function.
  ///   - values: all that was given.
  /// - Returns: the reason in a few words; nil when there is none.
  func reasonNotToBelong(
    _ value: LuaValue, among definitions: [Option], values: [String: LuaValue]
  ) -> String? {
    for belonging in belongings {
      switch belonging {
      case .value(let owner, let words, let isImplied):
        let reason = mismatch(owner, words, isImplied, among: definitions, values: values)
        if let reason { return reason }
      case .presence(let owners):
        // What is off asks for nothing.
        if case .boolean(false) = value { continue }
        let known = owners.filter { owner in definitions.contains { $0.name == owner } }
        let isThere = known.contains { name in
          switch values[name] {
          case nil, .boolean(false)?: false
          default: true
          }
        }
        if !isThere {
          return "does nothing without \(Belonging.list(known.map { "'\($0)'" }))"
        }
      }
    }
    return nil
  }

  /// Whether it cannot be meant in an unfinished table in which some options are words.
  package func isExcluded(by words: [String: String], among definitions: [Option]) -> Bool {
    let values = words.mapValues { LuaValue.string($0) }
    return belongings.contains { belonging in
      guard case .value(let owner, let places, _) = belonging else { return false }
      return mismatch(owner, places, true, among: definitions, values: values) != nil
    }
  }

  /// Why the word of another option is not one of those it belongs to.
  private func mismatch(
    _ owner: String, _ words: [String], _ isImplied: Bool, among definitions: [Option],
    values: [String: LuaValue]
  ) -> String? {
    guard let definition = definitions.first(where: { $0.name == owner }),
      let word = definition.word(for: values[owner], isImplied: isImplied),
      !words.contains(word.meaning)
    else { return nil }
    let others = definitions.filter { $0.belongs(to: owner, word.meaning, notTo: words) }
    let hint =
      others.isEmpty
      ? "" : ", which takes \(others.map { "'\($0.name)'" }.joined(separator: ", "))"
    let places = Belonging.list(words.map { "'\($0)'" })
    return "belongs to \(owner) \(places), not '\(word.given)'\(hint)"
  }

  /// The word that a value of this option is, and the one of its list that this means; nil when there is
  /// none, or one that will be refused for what it is.
  private func word(for value: LuaValue?, isImplied: Bool) -> (given: String, meaning: String)? {
    let given: String
    switch value {
    case nil:
      guard !isImplied, let usual = defaultText, choices.contains(usual) else { return nil }
      given = usual
    case .string(let word): given = word
    default: return nil
    }
    if choices.contains(given) { return (given, given) }
    guard let pattern, NearestName.of(given, in: choices) == nil else { return nil }
    return (given, pattern)
  }

  /// Whether it belongs to a word of another option, and to none of some.
  private func belongs(to option: String, _ word: String, notTo others: [String]) -> Bool {
    belongings.contains { belonging in
      guard case .value(option, let words, _) = belonging else { return false }
      return words.contains(word) && !words.contains(where: others.contains)
    }
  }

  /// What of its belongings does not fit the options of a function: a test holds this empty.
  func misplacedBelongings(among definitions: [Option]) -> [String] {
    belongings.flatMap { belonging -> [String] in
      switch belonging {
      case .value(let owner, let words, _):
        guard let definition = definitions.first(where: { $0.name == owner }) else {
          return ["'\(name)' belongs to '\(owner)', which is no option"]
        }
        let known = definition.choices + (definition.pattern.map { [$0] } ?? [])
        return words.filter { !known.contains($0) }.map {
          "'\(name)' belongs to \(owner) '\($0)', which is none"
        }
      case .presence(let owners):
        let isKnown = owners.contains { owner in definitions.contains { $0.name == owner } }
        return isKnown
          ? [] : ["'\(name)' belongs to \(owners.joined(separator: ", ")), which are no options"]
      }
    }
  }
}
