import WaneTensor

/// Passes reports on with words in front of their titles, so that it is seen what a stage is part of.
final class TitledProgress: ProgressSink {
  private let base: any ProgressSink
  private let title: String

  init(_ base: any ProgressSink, _ title: String) {
    self.base = base
    self.title = title
  }

  var wantsReport: Bool { base.wantsReport }

  func report(_ progress: Progress) {
    var progress = progress
    progress.title = "\(title): \(progress.title)"
    base.report(progress)
  }

  func finishStage() { base.finishStage() }
}
