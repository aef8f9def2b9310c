/// Verbs with options that are plain values: what a pipeline is made from.
public struct Recipe: Sendable, Hashable {
  /// The stages, in order.
  public var stages: [Stage]

  /// Creates a recipe.
  public init(_ stages: [Stage]) { self.stages = stages }

  /// A verb with its options.
  public struct Stage: Sendable, Hashable {
    /// The verb.
    public var verb: String
    /// Its options.
    public var options: [String: Setting]

    /// Creates a stage.
    public init(_ verb: String, _ options: [String: Setting]) {
      self.verb = verb
      self.options = options
    }
  }

  /// The value of an option.
  public enum Setting: Sendable, Hashable {
    case integer(Int)
    case number(Double)
    case text(String)
    /// Numbers by name.
    case table([String: Double])
  }
}
