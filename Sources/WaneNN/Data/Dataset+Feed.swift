import WaneGraph
import WaneTensor

extension Dataset {
  /// The same data set, whose samples are changed at random while a model is trained on them: of
  /// several inputs the first, but that all are mixed where samples are.
  ///
  /// A teacher is asked about the samples as they are.
  ///
  /// - Throws: when a number is out of range or the samples cannot be changed that way.
  public func augmented(_ augmentation: Augmentation?) throws -> Dataset {
    var result = self
    result.augmentation = try augmentation?.validated()
    _ = try result.feed(targets: [])
    return result
  }

  /// What samples and targets are taken from during training.
  ///
  /// - Parameters:
  ///   - targets: tensors with a row for each sample; they are mixed where samples are mixed.
  ///   - read: what was read for the step of each column that is stored.
  /// - Returns: a feed an input and one a target.
  /// - Throws: when the samples cannot be augmented.
  func feed(targets: [Tensor], read: [Tensor?]? = nil) throws -> StepFeed {
    try feed(
      columns.enumerated().map { try FeedRows($1, read: read?[$0]) },
      targets.map { FeedRows($0, .whole) })
  }

  /// What a step takes of a data set that is its batch, whose samples are mixed among each other.
  ///
  /// - Parameter targets: tensors with a row for each sample.
  /// - Returns: the feed of the step.
  /// - Throws: when the samples cannot be augmented.
  func feed(batch targets: [Tensor]) throws -> StepFeed {
    try feed(
      allInputs.map { FeedRows($0, .batch) }, targets.map { FeedRows($0, .batch) })
  }

  private func feed(_ inputs: [FeedRows], _ targets: [FeedRows]) throws -> StepFeed {
    guard let augmentation else { return StepFeed((inputs + targets).map { PlainFeed(rows: $0) }) }
    func plain(_ rows: FeedRows) -> any Feed {
      guard augmentation.mixup > 0, rows.tensor.dtype == .f32 else { return PlainFeed(rows: rows) }
      return MixedFeed(rows: rows, augmentation: augmentation)
    }
    let feeds = try inputs.enumerated().map { index, rows -> any Feed in
      guard index != augmentedInput else { return try AugmentedFeed(rows, augmentation) }
      let dtype = rows.tensor.dtype
      guard augmentation.mixup == 0 || dtype == .f32 else {
        throw WaneError(
          "augment", "mixup cannot mix input \(index + 1), which is \(dtype), not f32")
      }
      return plain(rows)
    }
    return StepFeed(feeds + targets.map(plain))
  }

  /// Whether rows have to be read for each step.
  public var isStored: Bool { columns.contains(where: \.isStored) }

  /// Reads what a step needs of each column that is stored: the rows of its samples, and after them
  /// those that they are mixed with.
  func reading(_ positions: ArraySlice<Int32>, _ draw: FeedDraw) -> ReadAhead<[Tensor?]>.Job {
    var wanted = Array(positions)
    if let augmentation, augmentation.mixup > 0 {
      wanted += positions.map { augmentation.mix($0, of: count, draw).partner }
    }
    return { [columns, wanted] cancellation in
      try columns.map { column in
        guard case .stored(let rows) = column else { return nil }
        return try rows.read(wanted, cancellation)
      }
    }
  }

  /// The data set and options a model is really trained with: where classes are to be mixed, they
  /// become one-hot targets of a cross entropy, or for a single output the numbers that they are.
  func prepared(for model: Graph, _ options: TrainingOptions) throws -> (Dataset, TrainingOptions) {
    let types = model.outputs.map(model.type(of:))
    guard
      let prepared = try mixable({ index in
        types.indices.contains(index)
          ? (types[index].channels, types[index].channels == 1) : (0, false)
      })
    else { return (self, options) }
    var options = options
    let goals = try options.objective.goals(for: model)
    let losses = goals.enumerated().map { index, goal in
      let usual = Loss.usual(for: allLabels[index].dtype, output: types[index])
      return Objective.OutputLoss(goal.loss ?? usual, custom: goal.custom)
    }
    options.objective.losses = losses.count == 1 ? .all(losses[0]) : .list(losses)
    return (prepared, options)
  }

  /// The data set with targets in place of classes that are to be mixed: one-hot rows, or the
  /// classes themselves as numbers where a single answer is wanted; nil where nothing is mixed.
  ///
  /// - Parameter kind: how many classes there are at an output, and whether it is a single answer.
  /// - Returns: the data set whose labels are f32.
  /// - Throws: when a class is not among them.
  func mixable(_ kind: (Int) -> (classes: Int, isAnswer: Bool)) throws -> Dataset? {
    guard let augmentation, augmentation.mixup > 0, allLabels.contains(where: { $0.dtype == .i32 })
    else { return nil }
    let targets = try allLabels.enumerated().map { index, labels in
      guard labels.dtype == .i32 else { return labels }
      let (classes, isAnswer) = kind(index)
      guard isAnswer || classes <= 1 << 16 else {
        throw WaneError("augment", "mixup cannot mix \(classes) classes, only up to \(1 << 16)")
      }
      return try isAnswer ? labels.converted(to: .f32) : labels.oneHot(classes: classes)
    }
    return try with(columns, labels: targets).weighted(weights)
  }

  /// The samples of several data sets, one after the other.
  ///
  /// - Throws: when samples or labels differ in shape or type, or classes in their names.
  public static func concatenated(_ parts: [Dataset]) throws -> Dataset {
    guard let first = parts.first else { throw WaneError("concat", "no data sets to join") }
    for part in parts.dropFirst() {
      guard part.isLike(first) else {
        throw WaneError(
          "concat",
          "'\(first.name)' (\(first.columns[0].shape) \(first.columns[0].dtype)) and '\(part.name)' "
            + "(\(part.columns[0].shape) \(part.columns[0].dtype)) differ in their samples or "
            + "labels")
      }
      guard part.classNames == first.classNames else {
        throw WaneError(
          "concat", "'\(first.name)' and '\(part.name)' differ in the names of their classes")
      }
    }
    let columns = try first.columns.indices.map { index in
      try Column.concatenated(parts.map { $0.columns[index] })
    }
    let labels = try first.allLabels.indices.map { index in
      try Tensor.concatenated(parts.map { $0.allLabels[index] })
    }
    let whole = try first.with(columns, labels: labels)
    guard parts.contains(where: { $0.weights != nil }) else { return whole }
    return try whole.weighted(
      Tensor.concatenated(
        parts.map { try $0.weights ?? Tensor([Float](repeating: 1, count: $0.count)) }))
  }
}
