import WaneGraph
import WaneTensor

extension TrainingRun {
  /// What must be the same for a run to go on as if it had not stopped.
  func findConditions() -> [(name: String, text: String)] {
    let (optimizer, schedule) = (options.optimizer, options.schedule)
    let regularizers = options.regularizers.isEmpty ? "none" : "\(options.regularizers)"
    var result: [(String, String)] = [
      ("the model", modelMark),
      (
        "the data set",
        (stream == nil ? "\(data.count) samples of " : "a stream of ")
          + data.columns.map { Shape.text($0.rowDimensions) }.joined(separator: " and ")
      ),
      ("the content of the data set", stream?.mark ?? data.mark),
      ("the augmentation", data.augmentation.map { Mark("\($0)").text } ?? "none"),
      ("optimizer", "\(optimizer.rule)"), ("learning_rate", "\(optimizer.learningRate)"),
      ("weight_decay", "\(optimizer.weightDecay)"),
      ("decay_vectors", "\(optimizer.decaysVectors)"), ("clipping", "\(optimizer.clipping)"),
      ("ema_momentum", optimizer.averageMomentum.map { "\($0)" } ?? "none"),
      ("ema_overwrite_frequency", optimizer.averageInterval.map { "\($0)" } ?? "none"),
      ("learning_rate_schedule", "\(schedule.course)"),
      ("warmup_steps", "\(schedule.warmup) \(schedule.unit) from \(schedule.warmupStart)"),
      ("loss", lossText),
      ("regularizer", regularizers),
      ("class_weight", options.classWeights.isEmpty ? "none" : "\(options.classWeights)"),
      ("batch_size", "\(options.batchSize)"), ("seed", "\(options.seed)"),
      ("shuffle", "\(options.shuffles)"), ("precision", options.precision.rawValue),
    ]
    if schedule.followsRun {
      result.append(("the length of a run that its schedule follows", "\(totalSteps) steps"))
    }
    return result
  }

  private var modelMark: String {
    var mark = Mark()
    for node in model.nodes { mark.add(node) }
    for parameter in model.parameters { mark.add("\(parameter.name) \(parameter.shape)") }
    return mark.text
  }

  /// The loss with its coefficients; of a function, what was traced.
  private var lossText: String {
    guard !options.objective.hasCustomLoss else {
      var mark = Mark()
      for node in training.graph.nodes where node.layer == "loss" { mark.add(node) }
      // Tensors that the function takes from around it are constants of the graph.
      let known = training.form.graph.parameters
      for parameter in training.graph.parameters where known[parameter.name] == nil {
        mark.add(parameter.name)
        (try? parameter.decoded())?.withBytes { mark.add($0) }
      }
      return "the function \(mark.text)"
    }
    // Whoever made the run has found that the settings match its outputs.
    let goals = (try? options.objective.goals(for: model)) ?? []
    return goals.map { goal in
      let text = TrainingRun.text(goal.loss)
      return goals.count == 1 && goal.weight == 1
        ? text : "\(goal.weight) of \(text) of '\(goal.output)'"
    }.joined(separator: " + ")
  }

  private static func text(_ loss: Loss?) -> String {
    guard let loss else { return "the usual" }
    var parts = [loss.name]
    if let isFromLogits = loss.isFromLogits { parts.append("from_logits \(isFromLogits)") }
    if loss.labelSmoothing != 0 { parts.append("label_smoothing \(loss.labelSmoothing)") }
    switch loss.kind {
    case .huber: parts.append("delta \(loss.delta)")
    case .focal, .binaryFocal:
      parts.append("gamma \(loss.gamma)")
      if let alpha = loss.alpha { parts.append("alpha \(alpha)") }
    default: break
    }
    return parts.joined(separator: " ")
  }
}
