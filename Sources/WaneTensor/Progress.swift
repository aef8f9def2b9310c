/// How far long work has come.
///
/// Whoever draws it decides when; the work reports and goes on.
public struct Progress: Sendable {
  /// What is being done: `epoch 3/50`, `quantize`.
  public var title: String
  /// How much is done, in any unit.
  public var completed: Int
  /// How much there is to do, in the same unit.
  public var total: Int
  /// What else there is to say: `loss 0.2881  accuracy 0.8943  23 120 images/s`.
  public var details: String

  /// Creates a report.
  public init(title: String, completed: Int, total: Int, details: String = "") {
    self.title = title
    self.completed = completed
    self.total = total
    self.details = details
  }
}

/// Where long work reports to.
///
/// Called on the thread that asked for the work.
public protocol ProgressSink: AnyObject {
  /// Whether a report would be shown now.
  ///
  /// Ask before putting `details` together in a fast loop.
  var wantsReport: Bool { get }
  /// Shows how far the work is.
  func report(_ progress: Progress)
  /// The stage that was reported last is complete; its line stays.
  func finishStage()
  /// Says something that does not depend on how far the work is, in a line that stays.
  func note(_ text: String)
}

extension ProgressSink {
  /// Says nothing.
  public func note(_ text: String) {}

  /// Reports if anybody looks; `progress` is not evaluated otherwise.
  public func reportIfWanted(_ progress: @autoclosure () -> Progress) {
    if wantsReport { report(progress()) }
  }
}

/// Shows nothing.
public final class SilentProgress: ProgressSink {
  /// Creates a sink that ignores what it is told.
  public init() {}
  /// Never.
  public var wantsReport: Bool { false }
  /// Does nothing.
  public func report(_ progress: Progress) {}
  /// Does nothing.
  public func finishStage() {}
}
