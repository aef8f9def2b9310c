import WaneGraph
import WaneTensor

/// What a distillation adds to the loss of the labels.
extension Graph {
  /// Adds what the answers lack to the loss of one output's labels.
  ///
  /// - Parameters:
  ///   - distillation: how they are learned.
  ///   - teacher: the teachers' answer, if they are asked.
  ///   - peers: what the peers give.
  ///   - output: what the student gives.
  ///   - kind: what answers are.
  ///   - mask: which steps of a sequence count, where not all do.
  ///   - labels: the loss of the student's labels, a scalar.
  ///   - peerLabels: makes the same for what a peer gives.
  /// - Returns: the loss of student and peers.
  /// - Throws: when values do not fit each other.
  mutating func add(
    _ distillation: Distillation, teacher: Value?, peers: [Value], output: Value,
    kind: AnswerKind, mask: Value?, labels: Value, peerLabels: (inout Graph, Value) throws -> Value
  ) throws -> Value {
    guard !distillation.isHintsOnly, teacher != nil || !peers.isEmpty else { return labels }
    let alpha = distillation.alpha
    var (terms, weights): ([Value], [Float]) = ([], [])
    let everybody = try ([output] + peers).map { try answer($0, kind) }
    for (index, learner) in everybody.enumerated() {
      var sources = everybody
      sources.remove(at: index)
      if index == 0, let teacher { sources.insert(teacher, at: 0) }
      terms.append(index == 0 ? labels : try peerLabels(&self, peers[index - 1]))
      weights.append(1 - alpha)
      for source in sources {
        let losses = try lack(
          of: source, in: learner, kind, temperature: distillation.temperature,
          isStandardized: distillation.isStandardized, isByRow: mask != nil)
        terms.append(
          try mask.map { try maskedMean(losses, $0) }
            ?? add(one: BatchMean(), [sampleMean(losses)], layer: "distillation"))
        weights.append(alpha / Float(sources.count))
      }
    }
    return try weightedSum(terms, weights)
  }

  /// How far a student's value is from its teacher's, a scalar.
  mutating func difference(_ kind: Lesson.Kind, student: Value, teacher: Value) throws
    -> Value
  {
    let layer = "distillation"
    switch kind {
    case .relations(let kind):
      return try add(one: RelationLoss(kind), [student, teacher], layer: layer)
    case .features:
      let perSample = try add(SquaredError(), [student, teacher], layer: layer)[0]
      return try add(one: BatchMean(), [perSample], layer: layer)
    case .attention:
      let maps = try [student, teacher].map { try attentionMap($0) }
      let mean = try add(SquaredError(), maps, layer: layer)[0]
      let count = Float(type(of: maps[0]).sampleCount)
      let perSample = try add(one: Rescale(scale: count), [mean], layer: layer)
      return try add(one: BatchMean(), [perSample], layer: layer)
    }
  }

  /// The mean square over the channels at each position, as a row of length one.
  private mutating func attentionMap(_ image: Value) throws -> Value {
    let layer = "distillation"
    let squares = try add(one: Unary(.square), [image], layer: layer)
    let energy = try add(one: Reduce(.mean, axes: [2]), [squares], layer: layer)
    let count = type(of: energy).sampleCount
    let row = try reshape(energy, [count], layer: layer)
    // Divided by the root of the mean square, a row of n numbers has the length sqrt(n).
    let normalized = try add(
      one: SampleNorm(.rootMeanSquare, epsilon: 1e-12, isScaled: false, isShifted: false), [row],
      layer: layer)
    return try add(
      one: Rescale(scale: 1 / Float(count).squareRoot()), [normalized], layer: layer)
  }
}
