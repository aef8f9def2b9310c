/// What a pass did, layer by layer.
public struct Report: Sendable {
  /// The pass, by its verb.
  public var verb: String
  /// The options it worked with, defaults filled in.
  public var options: [(name: String, value: ReportValue)]
  /// What was done, in the order of the model.
  public var layers: [Row] = []
  /// What was left as it is, and why.
  public var skipped: [Skipped] = []
  /// The epochs of fine-tuning.
  public var history: [EpochRecord] = []
  /// The runs of the search that found the strength, in order; none without a search.
  public var trials: [Trial] = []

  /// What was done to one layer.
  public struct Row: Sendable {
    /// The layer's path.
    public var layer: String
    /// What was done, in a few words.
    public var action: String
    /// What the pass changed, in numbers: `("filters", 32, 16)`.
    public var numbers: [Change]
    /// What was measured of the layer as it is now: `("cosine", 0.998)`.
    public var measures: [(name: String, value: Double)] = []

    /// Creates a row.
    public init(layer: String, action: String, numbers: [Change]) {
      self.layer = layer
      self.action = action
      self.numbers = numbers
    }

    /// The change of that name.
    public subscript(name: String) -> Change? { numbers.first { $0.name == name } }

    /// What was measured under that name.
    public func measure(_ name: String) -> Double? {
      measures.first { $0.name == name }?.value
    }
  }

  /// A number before and after.
  public struct Change: Sendable {
    /// What it counts.
    public var name: String
    /// Its value in the model that came in.
    public var before: Double
    /// Its value in the model that comes out.
    public var after: Double

    /// Creates a change.
    public init(_ name: String, _ before: Double, _ after: Double) {
      self.name = name
      self.before = before
      self.after = after
    }
  }

  /// A layer that was left as it is.
  public struct Skipped: Sendable, Equatable {
    /// The layer's path.
    public var layer: String
    /// Why.
    public var reason: String

    /// Creates an entry.
    public init(_ layer: String, _ reason: String) {
      self.layer = layer
      self.reason = reason
    }
  }

  /// A run at one setting of a search.
  public struct Trial: Sendable {
    /// The option that was set.
    public var option: String
    /// What it was set to.
    public var value: Double
    /// Epochs of fine-tuning.
    public var epochs: Double
    /// What the model took.
    public var costs: Costs
    /// Its accuracy on validation data, when that was measured.
    public var accuracy: Double?
    /// How much of the accuracy was lost.
    public var drop: Double?

    /// Creates a record of a run.
    public init(option: String, value: Double, epochs: Double, costs: Costs) {
      self.option = option
      self.value = value
      self.epochs = epochs
      self.costs = costs
    }
  }

  /// Creates a report of nothing done yet.
  public init(_ verb: String, options: [(name: String, value: ReportValue)]) {
    self.verb = verb
    self.options = options
  }
}

/// The value of an option in a report.
public enum ReportValue: Sendable, Equatable {
  case number(Double)
  case text(String)
  case pairs([Pair])

  /// One entry of a table of options by layer.
  public struct Pair: Sendable, Equatable {
    /// The layers.
    public var layers: String
    /// What they get.
    public var value: Double
  }
}

/// An epoch of fine-tuning.
public struct EpochRecord: Sendable {
  /// Epochs completed, the last one maybe in part.
  public var epoch: Double
  /// The mean loss over the epoch's steps.
  public var loss: Double
  /// The fraction of training samples whose class was found, when labels are classes.
  public var accuracy: Double?
  /// The loss on validation data after the epoch.
  public var validationLoss: Double?
  /// The accuracy on validation data after the epoch.
  public var validationAccuracy: Double?
}
