import WaneGraph
import WaneTensor

extension Dataset {
  /// The data set with whole numbers of its labels as f32 where those of another are targets.
  fileprivate func withTargets(like other: Dataset) throws -> Dataset {
    let pairs = Array(zip(allLabels, other.allLabels))
    guard pairs.contains(where: { $0.dtype == .i32 && $1.dtype == .f32 }) else { return self }
    return try with(
      columns,
      labels: pairs.map { $0.dtype == .i32 && $1.dtype == .f32 ? try $0.converted(to: .f32) : $0 })
  }
}

/// Steps on batches that are brought.
extension TrainingRun {
  /// Runs the next step on a batch of the run's stream.
  ///
  /// - Throws: when it is not like the first one, and as `runStep()`.
  public func runStep(on batch: StreamBatch) throws -> Measure {
    let data = try batch.data.arranged(for: model, "train").prepared(for: model, options).0
      .withTargets(like: self.data)
    guard data.isLike(self.data) else {
      throw WaneError(
        "train",
        "samples \(text(data.columns)) and labels \(labels(data)) are not like those of the first "
          + "step, \(text(self.data.columns)) and \(labels(self.data))")
    }
    try checkClasses(data) { Int(batch.numbers[$0]) }
    feed = try data.feed(batch: data.allLabels)
    return try runStep(at: batch.numbers[...])
  }

  /// Runs the next step on a batch of the run's stream, on another thread, and some work on this one.
  ///
  /// - Parameters:
  ///   - batch: what the step is run on.
  ///   - work: called once.
  /// - Returns: what the step came to, and what the work gave.
  /// - Throws: as `runStep(on:)`, or else what the work throws.
  public func runStep<Value>(
    on batch: StreamBatch, meanwhile work: () throws -> Value
  ) throws -> (measure: Measure, value: Value) {
    // Nobody but that thread uses the run until it is waited for.
    nonisolated(unsafe) let run = self
    let step = Background { (try run.runStep(on: batch), Clock.seconds()) }
    let result = Result { try work() }
    let now = Clock.seconds()
    let (measure, end) = try step.value()
    streamWaited += max(0, now - end)
    return (measure, try result.get())
  }

  /// Checks that the labels of a batch are among the model's classes.
  ///
  /// - Parameters:
  ///   - batch: what is trained on.
  ///   - number: the number of a sample, from 0, given its row.
  /// - Throws: when one is not, saying which.
  func checkClasses(_ batch: Dataset, numbered number: (Int) -> Int = { $0 }) throws {
    for (index, goal) in try options.objective.goals(for: model).enumerated()
    where goal.custom == nil {
      let (labels, type) = (batch.allLabels[index], model.type(of: model.outputs[index]))
      try (goal.loss ?? .usual(for: labels.dtype, output: type))
        .checkClasses(labels, output: type, "train", numbered: number)
    }
  }

  func text(_ columns: [Column]) -> String {
    columns.map { "\($0.shape) \($0.dtype)" }.joined(separator: ", ")
  }

  func labels(_ data: Dataset) -> String { text(data.allLabels.map { .tensor($0) }) }
}
