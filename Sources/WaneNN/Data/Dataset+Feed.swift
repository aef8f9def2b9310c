import WaneGraph
import WaneTensor

extension Dataset {
  /// The same data set, whose samples are changed at random while a model is trained on them.
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
  /// Targets are tensors with a row for each sample; they are mixed where samples are mixed.
  ///
  /// - Throws: when the samples cannot be augmented.
  func feed(targets: [Tensor]) throws -> StepFeed {
    guard let augmentation else { return StepFeed(([inputs] + targets).map { TensorFeed($0) }) }
    let mixed = targets.map { target -> any Feed in
      guard augmentation.mixup > 0, target.dtype == .f32 else { return TensorFeed(target) }
      return MixedFeed(target, augmentation)
    }
    return StepFeed([try AugmentedFeed(inputs, augmentation)] + mixed)
  }

  /// The data set and options a model is really trained with: where classes are to be mixed, they
  /// become one-hot targets of a cross entropy, or for a single output the numbers that they are.
  func prepared(for model: Graph, _ options: TrainingOptions) throws -> (Dataset, TrainingOptions) {
    guard let output = model.outputs.first else { return (self, options) }
    let type = model.type(of: output)
    var options = options
    guard let prepared = try mixable(classes: type.channels, isAnswer: type.sampleCount == 1) else {
      return (self, options)
    }
    options.loss = options.loss ?? .usual(for: labels.dtype, output: type)
    return (prepared, options)
  }

  /// The data set with targets in place of classes that are to be mixed: one-hot rows, or the
  /// classes themselves as numbers where a single answer is wanted; nil where nothing is mixed.
  ///
  /// - Throws: when a class is not among `classes`.
  func mixable(classes: Int, isAnswer: Bool = false) throws -> Dataset? {
    guard let augmentation, augmentation.mixup > 0, labels.dtype == .i32 else { return nil }
    guard isAnswer || classes <= 1 << 16 else {
      throw WaneError("augment", "mixup cannot mix \(classes) classes, only up to \(1 << 16)")
    }
    let targets = try isAnswer ? labels.converted(to: .f32) : labels.oneHot(classes: classes)
    return try with(inputs: inputs, labels: targets).weighted(weights)
  }

  /// The samples of several data sets, one after the other.
  ///
  /// - Throws: when samples or labels differ in shape or type, or classes in their names.
  public static func concatenated(_ parts: [Dataset]) throws -> Dataset {
    guard let first = parts.first else { throw WaneError("concat", "no data sets to join") }
    for part in parts.dropFirst() {
      guard part.inputs.dtype == first.inputs.dtype, part.labels.dtype == first.labels.dtype,
        part.sampleDimensions == first.sampleDimensions,
        part.labels.shape.dimensions.dropFirst() == first.labels.shape.dimensions.dropFirst()
      else {
        throw WaneError(
          "concat",
          "'\(first.name)' (\(first.inputs.shape) \(first.inputs.dtype)) and '\(part.name)' "
            + "(\(part.inputs.shape) \(part.inputs.dtype)) differ in their samples or labels")
      }
      guard part.classNames == first.classNames else {
        throw WaneError(
          "concat", "'\(first.name)' and '\(part.name)' differ in the names of their classes")
      }
    }
    let whole = try first.with(
      inputs: Tensor.concatenated(parts.map(\.inputs)),
      labels: Tensor.concatenated(parts.map(\.labels)))
    guard parts.contains(where: { $0.weights != nil }) else { return whole }
    return try whole.weighted(
      Tensor.concatenated(
        parts.map { try $0.weights ?? Tensor([Float](repeating: 1, count: $0.count)) }))
  }
}
