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
  /// The strings it takes, when only these are allowed.
  package let choices: [String]

  /// Describes an option.
  package init(
    _ name: String, _ type: String, default defaultText: String? = nil, at position: Int? = nil,
    _ summary: String
  ) {
    self.init(name, type, defaultText, position, [], summary)
  }

  /// Describes an option that takes one of a few words.
  package init(
    _ name: String, oneOf choices: [String], default defaultText: String? = nil,
    at position: Int? = nil, _ summary: String
  ) {
    let type = choices.map { "\"\($0)\"" }.joined(separator: " | ")
    self.init(name, type, defaultText, position, choices, summary)
  }

  private init(
    _ name: String, _ type: String, _ defaultText: String?, _ position: Int?, _ choices: [String],
    _ summary: String
  ) {
    self.name = name
    self.type = type
    self.defaultText = defaultText
    self.position = position
    self.choices = choices
    self.summary = summary
  }
}
