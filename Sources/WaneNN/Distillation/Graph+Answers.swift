import WaneGraph
import WaneTensor

/// What the answers of a model are, as far as learning from them goes.
enum AnswerKind {
  /// Logits of classes that exclude each other.
  case classes
  /// Logits of yes-or-no answers.
  case answers
  /// Numbers.
  case numbers

  /// For a loss of the labels; where a script wrote the loss, as the output tells.
  init(_ loss: Loss?, output: Value, in graph: Graph) {
    if let loss {
      self = loss.comparesClasses ? .classes : loss.comparesAnswers ? .answers : .numbers
    } else {
      self = graph.endsInAnswers(output) ? .answers : .classes
    }
  }
}

extension Graph {
  fileprivate func endsInAnswers(_ output: Value) -> Bool {
    (producer(of: unmasked(output).value).operation as? Activation)?.kind == .sigmoid
  }

  /// What of an output is learned from, and compared.
  mutating func answer(_ output: Value, _ kind: AnswerKind) throws -> Value {
    switch kind {
    case .classes: try logits(of: output)
    case .answers: try answerLogits(of: output, areProbabilities: false)
    case .numbers: output
    }
  }

  /// What several teachers answer together: the mean of their softened distributions.
  ///
  ///     classes:  T log(mean softmax(z / T)),  answers:  T logit(mean sigmoid(z / T))
  ///
  /// so that what softens a single answer makes the mean of it.
  mutating func together(_ answers: [Value], _ kind: AnswerKind, temperature: Float) throws -> Value
  {
    let layer = "teachers"
    guard answers.count > 1 else { return answers[0] }
    let parts = try answers.map { answer -> Value in
      if case .numbers = kind { return answer }
      let soft = try add(one: Rescale(scale: 1 / temperature), [answer], layer: layer)
      if case .answers = kind { return try add(one: Activation(.sigmoid), [soft], layer: layer) }
      return try add(one: Softmax(), [soft], layer: layer)
    }
    var sum = parts[0]
    for part in parts.dropFirst() { sum = try add(one: Add(), [sum, part], layer: layer) }
    let mean = try add(one: Rescale(scale: 1 / Float(parts.count)), [sum], layer: layer)
    switch kind {
    case .numbers: return mean
    case .classes:
      let logits = try add(one: LogProbabilities(), [mean], layer: layer)
      return try add(one: Rescale(scale: temperature), [logits], layer: layer)
    case .answers:
      let logits = try add(one: Logits(), [mean], layer: layer)
      return try add(one: Rescale(scale: temperature), [logits], layer: layer)
    }
  }

  /// What a student's answers lack of a teacher's: one number a sample, or one for each row of it.
  ///
  /// - Parameters:
  ///   - teacher: the teacher's answers.
  ///   - student: the student's.
  ///   - kind: what answers are; of classes, there is always a number for each row.
  ///   - temperature: how soft distributions are made.
  ///   - isStandardized: whether logits are brought to mean 0 and variance 1.
  ///   - isByRow: whether there shall be a number for each row.
  /// - Returns: the differences.
  /// - Throws: when the answers do not fit each other.
  mutating func lack(
    of teacher: Value, in student: Value, _ kind: AnswerKind, temperature: Float,
    isStandardized: Bool, isByRow: Bool
  ) throws -> Value {
    let layer = "distillation"
    switch kind {
    case .numbers:
      return try add(SquaredError(isByRow: isByRow), [student, teacher], layer: layer)[0]
    case .classes:
      let logits = try [student, teacher].map { logits in
        // Population variance, as layer normalization has it.
        isStandardized
          ? try add(
            one: SampleNorm(.layer, epsilon: 1e-7, isScaled: false, isShifted: false), [logits],
            layer: layer) : logits
      }
      return try add(DistillationLoss(temperature: temperature), logits, layer: layer)[0]
    case .answers:
      let soft = try [student, teacher].map {
        try add(one: Rescale(scale: 1 / temperature), [$0], layer: layer)
      }
      let target = try add(one: Activation(.sigmoid), [soft[1]], layer: layer)
      let operation = try TargetLoss(.binaryCrossEntropy, isByRow: isByRow)
      let loss = try add(operation, [soft[0], target], layer: layer)[0]
      return try add(
        one: Rescale(scale: temperature * temperature), [loss], layer: layer)
    }
  }
}
