import WaneGraph
import WaneTensor

/// Losses as expressions of symbolic tensors, with a batch or without.
///
/// Differentiable as often as wanted; the mean over all samples and elements, as Keras defines them.
enum LossExpression: String, CaseIterable {
  /// Of classes, or of rows of probabilities; from logits, or from the result of a softmax.
  case crossEntropy = "cross_entropy"
  /// Of independent yes-or-no answers; from logits, or from the result of a sigmoid.
  case binaryCrossEntropy = "binary_cross_entropy"
  /// The squared difference.
  case meanSquaredError = "mse"
  /// The absolute difference.
  case meanAbsoluteError = "mae"
  /// Squared near the target, absolute from a distance of 1 on (Huber, 1964).
  case huber
  /// The divergence of the target from the prediction, rows of probabilities.
  case divergence = "kl"
  /// How far a prediction is from the right side of a margin; targets -1 and 1.
  case hinge

  var summary: String {
    switch self {
    case .crossEntropy:
      "The cross entropy of logits and labels, which are classes or rows of probabilities. What "
        + "comes from a softmax is taken for probabilities."
    case .binaryCrossEntropy:
      "The cross entropy of logits and labels of 0 and 1. What comes from a sigmoid is taken for "
        + "probabilities."
    case .meanSquaredError: "The mean squared difference."
    case .meanAbsoluteError: "The mean absolute difference."
    case .huber: "Half the squared difference up to 1, linear beyond."
    case .divergence: "The divergence of target probabilities from predicted ones."
    case .hinge: "max(0, 1 - label * prediction), for labels -1 and 1."
    }
  }

  /// Appends the loss.
  ///
  /// - Throws: when the label does not fit the prediction.
  func value(_ trace: Trace, _ predicted: Value, _ label: Value) throws -> Value {
    let predicted = try trace.float(predicted)
    if self == .crossEntropy { return try crossEntropy(trace, predicted, label) }
    let target = try matching(trace, predicted, label)
    func mean(_ value: Value) throws -> Value {
      try trace.reduce(.mean, value, Array(0..<trace.type(value).rank), keepingAxes: false)
    }
    let difference = try trace.add(Binary(.subtract), predicted, target)
    switch self {
    case .meanSquaredError: return try mean(trace.add(Unary(.square), difference))
    case .meanAbsoluteError: return try mean(trace.add(Unary(.abs), difference))
    case .huber:
      // With c = min(|d|, 1): c (|d| - c / 2).
      let distance = try trace.add(Unary(.abs), difference)
      let near = try trace.add(Clip(low: 0, high: 1), distance)
      let rest = try trace.add(Binary(.subtract), distance, trace.scaled(near, by: 0.5))
      return try mean(trace.add(Binary(.multiply), near, rest))
    case .hinge:
      let product = try trace.add(Binary(.multiply), predicted, target)
      return try mean(trace.add(Clip(low: 0), trace.scaled(product, by: -1, plus: 1)))
    case .divergence:
      let limits = try Clip(low: 1e-7, high: 1)
      let (p, t) = (try trace.add(limits, predicted), try trace.add(limits, target))
      let ratio = try trace.add(Unary(.log), trace.add(Binary(.divide), t, p))
      let parts = try trace.add(Binary(.multiply), t, ratio)
      let last = trace.type(parts).rank - 1
      return try mean(trace.reduce(.sum, parts, [last], keepingAxes: false))
    case .binaryCrossEntropy:
      // max(z, 0) - z t + log(1 + exp(-|z|)).
      let z = try answerLogits(trace, predicted)
      let product = try trace.add(Binary(.multiply), z, target)
      let negative = try trace.scaled(trace.add(Unary(.abs), z), by: -1)
      let tail = try trace.add(
        Unary(.log), trace.scaled(trace.add(Unary(.exp), negative), by: 1, plus: 1))
      let head = try trace.add(Binary(.subtract), trace.add(Activation(.relu), z), product)
      return try mean(trace.add(Binary(.add), head, tail))
    case .crossEntropy: return try crossEntropy(trace, predicted, label)
    }
  }

  private func crossEntropy(_ trace: Trace, _ predicted: Value, _ label: Value) throws -> Value {
    let logits = try trace.graph.logits(of: predicted)
    let (type, labels) = (trace.type(logits), trace.type(label))
    guard let classes = type.dimensions.last else {
      throw WaneError(rawValue, "takes one row of logits a sample, got \(type)")
    }
    var classType = type
    classType.dimensions.removeLast()
    classType.dtype = labels.dtype
    let isClass = labels == classType && labels.dtype != .f32
    guard isClass || (labels.dtype == .f32 && labels == type) else {
      throw WaneError(
        rawValue,
        "labels \(labels) do not fit logits \(type): give classes or rows of "
          + "probabilities")
    }
    // One kernel where there is one.
    if type.isBatched, type.dimensions.count == 1, labels.dtype == .i32 || labels == type {
      let losses = try trace.graph.add(CrossEntropy(), [logits, label], layer: trace.layer)
      return try trace.add(BatchMean(), losses[0])
    }
    var target = label
    if isClass {
      let integers = labels.dtype == .i32 ? label : try trace.add(Cast(.i32), trace.float(label))
      target = try trace.add(OneHot(classes: classes), integers)
    }
    let parts = try trace.add(Binary(.multiply), target, trace.add(LogSoftmax(), logits))
    let rank = trace.type(parts).rank
    let sums = try trace.reduce(.sum, parts, [rank - 1], keepingAxes: false)
    let mean = try trace.reduce(.mean, sums, Array(0..<rank - 1), keepingAxes: false)
    return try trace.scaled(mean, by: -1)
  }

  /// What goes into the sigmoid that a prediction comes from, or the prediction.
  private func answerLogits(_ trace: Trace, _ predicted: Value) throws -> Value {
    let producer = trace.graph.producer(of: predicted)
    guard let activation = producer.operation as? Activation, activation.kind == .sigmoid else {
      return predicted
    }
    return producer.inputs[0]
  }

  /// The label in f32 and in the prediction's shape, from which it may lack a last extent of one.
  private func matching(_ trace: Trace, _ predicted: Value, _ label: Value) throws -> Value {
    var target = try trace.float(label)
    let wanted = trace.type(predicted)
    if trace.type(target).dimensions + [1] == wanted.dimensions {
      target = try trace.graph.reshape(target, wanted.dimensions, layer: trace.layer)
    }
    guard trace.type(target) == wanted else {
      throw WaneError(
        rawValue, "predictions \(wanted) and labels \(trace.type(label)) differ in shape")
    }
    return target
  }
}

extension Namespace {
  /// `wane.losses`.
  static let losses = Namespace(
    "losses", "Losses of tensors, and of the symbolic ones in a function that is traced.",
    functions: LossExpression.allCases.map { loss in
      Function(
        loss.rawValue, loss.summary,
        signature: "\(loss.rawValue)(predicted, label) -> number or SymbolicTensor",
        example: "wane.losses.\(loss.rawValue)(predicted, label)"
      ) { context in
        if context.symbolicTensor != nil {
          let call = try SymbolicCall(context)
          return call.result(try loss.value(call.trace, call.value(1), call.value(2)))
        }
        let trace = Trace()
        let predicted = try trace.value(of: context.operand(1))
        let value = try loss.value(trace, predicted, trace.value(of: context.operand(2)))
        trace.graph.outputs = [value]
        let program = try TracedProgram(form: trace.graph, targets: [], trace.graph)
        return context.results(LuaValue(try program.run(trace.captured)[0].item(), of: .f32))
      }
    })
}
