/// One key of a function's options table: read by ``Options``, completed and explained by the REPL.
package struct Option: Sendable {
  package let name: String
  /// What it takes, for people: `number in [0, 1)`, `Dataset`, `string or list`.
  package let type: String
  /// What happens without it, for people; nil when it must be given.
  package let defaultText: String?
  package let summary: String
  /// The place in the table where the value may stand without its name, as in `conv2d { 32, 3 }`.
  package let position: Int?
  /// The strings it takes, when only these are allowed, or these and those of a pattern.
  package let choices: [String]
  /// What stands for the other strings it takes, such as `n:m`; nil when there are none.
  package let pattern: String?
  /// What the rest of the table must say for it to mean something.
  package private(set) var belongings: [Belonging] = []

  /// Describes an option.
  package init(
    _ name: String, _ type: String, default defaultText: String? = nil, at position: Int? = nil,
    _ summary: String
  ) {
    self.init(name, type, defaultText, position, [], nil, summary)
  }

  /// Describes an option that takes one of a few words, or one like `pattern`.
  package init(
    _ name: String, oneOf choices: [String], or pattern: String? = nil,
    default defaultText: String? = nil, at position: Int? = nil, _ summary: String
  ) {
    let type = (choices + (pattern.map { [$0] } ?? [])).map { "\"\($0)\"" }
      .joined(separator: " | ")
    self.init(name, type, defaultText, position, choices, pattern, summary)
  }

  private init(
    _ name: String, _ type: String, _ defaultText: String?, _ position: Int?, _ choices: [String],
    _ pattern: String?, _ summary: String
  ) {
    self.name = name
    self.type = type
    self.defaultText = defaultText
    self.position = position
    self.choices = choices
    self.pattern = pattern
    self.summary = summary
  }

  /// The same, when it means something only where another option is one of some words.
  ///
  /// - Parameters:
  ///   - owner: the other option.
  ///   - words: its words, one of which may be its pattern.
  ///   - isImplied: whether the other option need not be given, because this one says as much.
  /// - Returns: the option with one more place where it belongs.
  package func belonging(to owner: String, _ words: [String], isImplied: Bool = false) -> Option {
    belonging(.value(of: owner, words: words, isImplied: isImplied))
  }

  /// The same, when it means something only where one of some other options is given and not false.
  package func belonging(toAnyOf owners: [String]) -> Option {
    belonging(.presence(of: owners))
  }

  private func belonging(_ belonging: Belonging) -> Option {
    var result = self
    result.belongings.append(belonging)
    return result
  }
}
