import WaneCompress
import WaneTensor

/// Shows work that has a time as the part of it that has passed, whatever is done just now.
final class BudgetProgress: ProgressSink {
  private let base: any ProgressSink
  private let title: String
  private let budget: TimeBudget
  /// What is said besides.
  var status = ""

  init(_ base: any ProgressSink, title: String, budget: TimeBudget) {
    self.base = base
    self.title = title
    self.budget = budget
  }

  var wantsReport: Bool { base.wantsReport }

  func report(_ progress: Progress) {
    let details = [status, progress.title].filter { !$0.isEmpty }.joined(separator: "  ")
    base.report(
      Progress(
        title: title, completed: Int(min(budget.elapsed, budget.seconds) * 1000),
        total: max(1, Int(min(budget.seconds, 1e9) * 1000)), details: details))
  }

  /// A stage of the work is none of the whole.
  func finishStage() {}

  /// The whole is done.
  func finish() { base.finishStage() }
}
