import WaneGraph
import WaneTensor

/// A training step as one graph: forward, loss, backward.
struct TrainingGraph {
  /// One output of the model, and where the results of `graph` tell of it.
  struct Output {
    /// What it is called.
    let name: String
    /// Its loss; that of the whole where it is the only output.
    let loss: Int
    /// The number of hits, when the loss counts any.
    let hits: Int?
    /// What the model gave for each sample, when metrics are wanted; the labels follow, and the mask if
    /// there is one.
    let predictions: Int?
    let isMasked: Bool
    let metrics: [Metric]
    let form: PredictionForm

    /// Empty sums for the metrics, nil when there are none.
    func metricSums() throws -> MetricSums? {
      metrics.isEmpty ? nil : try MetricSums(metrics, form)
    }
  }

  /// The graph.
  ///
  /// Its inputs are the samples, the labels of each output, a teacher's logits if there is one, and
  /// the samples' weights if they have any.
  let graph: Graph
  /// The model in training form.
  let form: TrainingForm
  /// The variables that gradients are computed for, in the order of the gradients.
  let trained: [TrainingForm.Variable]
  /// The weights of the regularizers in the loss, which nothing learns.
  private let rates: [TrainingForm.Variable]
  /// Everything that the graph reads and a run keeps.
  var variables: [TrainingForm.Variable] { form.variables + rates }
  /// Where the loss is among the outputs of `graph`.
  let lossOutput = 0
  /// The outputs of the model.
  let outputs: [Output]
  /// The first gradient.
  let firstGradient: Int
  /// The first moving statistic.
  let firstUpdate: Int

  /// Builds the graph for data whose columns are in the order of the model's inputs and outputs.
  init(_ model: Graph, data: Dataset, options: TrainingOptions) throws {
    let model = try model.feeding(data.columns.map(\.dtype), operation: "train")
      .movingRanges(options.grids.ranges)
    let goals = try options.objective.goals(for: model)
    guard options.classWeights.isEmpty || goals.count == 1 else {
      throw WaneError(
        "train", "class_weight is for models with one output, this has \(goals.count)")
    }
    let kinds = try options.answerKinds(
      of: model.withoutMasks(), labels: data.allLabels.map(\.dtype))
    let classroom = try options.teacher.map {
      try Classroom(model, $0, kinds: kinds, seed: options.seed)
    }
    let form = try TrainingForm(
      classroom?.graph ?? model, masking: options.masking,
      learnsScales: options.grids.learnsScales, isFrozen: Classroom.isTeachers)
    var graph = form.graph
    let answers = graph.outputs.prefix(goals.count).map(graph.unmasked)
    let predicted = answers.map(\.value)
    let hasTemporalWeights = (data.weights?.shape.rank ?? 1) > 1
    var parts: [LossPart] = []
    for (index, goal) in goals.enumerated() {
      parts.append(
        try graph.appendLoss(
          goal, output: predicted[index], mask: answers[index].mask,
          labels: data.allLabels[index], isByRow: hasTemporalWeights, areSeveral: goals.count > 1))
    }
    let isWeighed = data.weights != nil || !options.classWeights.isEmpty
    guard !isWeighed || parts.allSatisfy({ graph.type(of: $0.loss).isBatched }) else {
      throw WaneError("loss", "must give one number a sample where samples have weights")
    }
    if !options.classWeights.isEmpty {
      let weights = try graph.add(
        one: ClassWeights(options.classWeights), [parts[0].labels], layer: "class_weight")
      parts[0].loss = try graph.add(
        one: WeighSamples(), [parts[0].loss, weights], layer: "class_weight")
    }
    if let distillation = options.teacher, distillation.asksTeachers, !distillation.embedsTeachers {
      for index in parts.indices {
        let answer = try graph.answer(predicted[index], kinds[index])
        parts[index].teacher = try graph.appendInput(graph.type(of: answer), layer: "teacher")
      }
    }
    if let tensor = data.weights {
      let steps = Array(tensor.shape.dimensions.dropFirst())
      let weights = try graph.appendInput(.batched(steps), layer: "sample_weight")
      for index in parts.indices {
        parts[index].loss = try graph.add(
          one: WeighSamples(), [parts[index].loss, weights], layer: "sample_weight")
      }
    }
    var losses: [Value] = []
    let taught = try classroom?.lessons(in: &graph, outputs: form.graph.outputs)
    for (index, part) in parts.enumerated() {
      var loss = try graph.batchMean(of: part)
      if let distillation = options.teacher {
        loss = try graph.add(
          distillation, teacher: part.teacher ?? taught?.teachers?[index],
          peers: taught?.peers.map { $0[index] } ?? [], output: predicted[index],
          kind: kinds[index], mask: part.mask, labels: loss
        ) { graph, peer in
          var theirs = part
          theirs.loss =
            try goals[index].custom.map {
              try graph.add($0, output: peer, labels: part.labels)
            }
            ?? graph.add(
              part.kind, output: peer, labels: part.labels,
              isByRow: part.kind.judgesRows(
                of: graph.type(of: peer), areStepsWeighed: part.mask != nil)
            ).loss
          return try graph.batchMean(of: theirs)
        }
      }
      losses.append(loss)
    }
    let terms = taught?.terms ?? []
    let counts = options.teacher?.isHintsOnly != true
    let ofSamples = try graph.weightedSum(
      (counts ? losses : []) + terms.map(\.value),
      (counts ? goals.map(\.weight) : []) + terms.map(\.weight))
    let (loss, rates) = try graph.adding(options.regularizers, to: ofSamples, of: form, model)
    self.rates = rates

    let trained = form.variables.filter(\.isTrainable)
    let leaves = trained.compactMap { graph.leaf($0.name) }
    let gradients = try graph.gradients(of: loss, withRespectTo: leaves)
    var results = [loss]
    // The loss of an only output is the whole, unless it is weighed.
    let hasOwn = losses != [ofSamples]
    if hasOwn { results += losses }
    let firstHits = results.count
    let hits = parts.compactMap(\.hits)
    results += hits
    firstGradient = results.count
    var moved: [TrainingForm.Variable] = []
    for (variable, gradient) in zip(trained, gradients) {
      guard let gradient else { continue }
      results.append(gradient)
      moved.append(variable)
    }
    guard !options.objective.hasCustomLoss || trained.isEmpty || !moved.isEmpty else {
      throw WaneError("loss", "must be computed from the model's output, nothing can be learned")
    }
    firstUpdate = results.count
    results += form.updates.map(\.value)
    var outputs: [Output] = []
    var nextHits = firstHits
    for (index, part) in parts.enumerated() {
      let metrics = try part.metrics(besides: goals[index].metrics)
      outputs.append(
        Output(
          name: goals[index].output, loss: hasOwn ? 1 + index : 0,
          hits: part.hits == nil ? nil : nextHits,
          predictions: metrics.isEmpty ? nil : results.count, isMasked: part.mask != nil,
          metrics: metrics,
          form: try PredictionForm(
            graph, output: predicted[index], labels: data.allLabels[index], loss: part.kind,
            isMasked: part.mask != nil)))
      if part.hits != nil { nextHits += 1 }
      if !metrics.isEmpty {
        results += [predicted[index], part.labels] + (part.mask.map { [$0] } ?? [])
      }
    }
    graph.outputs = results
    self.graph = try graph.withShardReductions(sums: firstUpdate)
    self.form = form
    self.trained = moved
    self.outputs = outputs
  }
}

/// What the loss of one output consists of.
struct LossPart {
  let kind: Loss
  let labels: Value
  var loss: Value
  let hits: Value?
  /// Which steps count, where not all do.
  let mask: Value?
  /// Whether the loss is one of those that there are.
  let isOwn: Bool
  var teacher: Value?

  /// What is measured: where steps are masked, hits are not counted on the way, so that accuracy is.
  func metrics(besides metrics: [Metric]) throws -> [Metric] {
    guard mask != nil, isOwn, kind.comparesClasses || kind.comparesAnswers,
      !metrics.contains(where: { $0.name == "accuracy" })
    else { return metrics }
    return [try Metric(.accuracy)] + metrics
  }
}

extension Graph {
  /// Adds the labels of an output and its loss.
  ///
  /// - Throws: when they do not fit; of several outputs, it is told which.
  mutating func appendLoss(
    _ goal: Objective.Goal, output: Value, mask: Value? = nil, labels tensor: Tensor,
    isByRow: Bool = false, areSeveral: Bool
  ) throws -> LossPart {
    let type = type(of: output)
    let kind = goal.loss ?? .usual(for: tensor.dtype, output: type)
    do {
      if let custom = goal.custom {
        let labels = try appendInput(
          .batched(Array(tensor.shape.dimensions.dropFirst()), tensor.dtype), layer: "labels")
        return LossPart(
          kind: kind, labels: labels, loss: try add(custom, output: output, labels: labels),
          hits: nil, mask: nil, isOwn: false)
      }
      let labelType = try kind.labelType(tensor, output: type)
      try kind.checkClasses(tensor, output: type, "train")
      let labels = try appendInput(labelType, layer: "labels")
      let isByRow = try kind.judgesRows(of: type, areStepsWeighed: isByRow || mask != nil)
      let (loss, hits) = try add(kind, output: output, labels: labels, isByRow: isByRow)
      return LossPart(
        kind: kind, labels: labels, loss: loss, hits: mask == nil ? hits : nil, mask: mask,
        isOwn: true)
    } catch let error as WaneError where areSeveral {
      throw error.inLayer(goal.output)
    }
  }

  /// The mean of a loss over the batch, and over the steps that count.
  mutating func batchMean(of part: LossPart) throws -> Value {
    guard type(of: part.loss).isBatched else { return part.loss }
    guard let mask = part.mask else { return try batchMean(sampleMean(part.loss)) }
    return try maskedMean(part.loss, mask)
  }

  /// Adds losses up; one that counts 1 is the sum.
  mutating func weightedSum(_ losses: [Value], _ weights: [Float]) throws -> Value {
    var sum: Value?
    for (loss, weight) in zip(losses, weights) {
      let part = weight == 1 ? loss : try add(one: Rescale(scale: weight), [loss], layer: "loss")
      sum = try sum.map { try add(one: Add(), [$0, part], layer: "loss") } ?? part
    }
    guard let sum else { throw WaneError("loss", "the model has no output") }
    return sum
  }
}

extension Graph {
  /// The value that reads a parameter or variable.
  func leaf(_ name: String) -> Value? {
    nodes.firstIndex { ($0.operation as? ParameterRead)?.name == name }.map { Value(node: $0) }
  }

  /// Adds an input after those there are; a loaded model may number its own as it likes.
  mutating func appendInput(_ type: ValueType, layer: String) throws -> Value {
    let last = nodes.compactMap { ($0.operation as? Input)?.index }.max() ?? -1
    return try add(one: Input(index: last + 1, type: type), [], layer: layer)
  }

  /// The same model taking samples of a type at every input.
  public func feeding(_ dtype: DType, operation: String) throws -> Graph {
    try feeding(inputs.map { _ in dtype }, operation: operation)
  }

  /// The same model taking samples of other types: bytes stand for 0...1, whole numbers for
  /// themselves.
  ///
  /// - Parameters:
  ///   - dtypes: a type an input, in order; inputs beyond the list stay as they are.
  ///   - operation: what the model is for, for messages.
  /// - Returns: a model of the same inputs and outputs.
  /// - Throws: when an input does not take values of a type.
  public func feeding(_ dtypes: [DType], operation: String) throws -> Graph {
    let places = inputs.map(\.node)
    return try rewritten { index, node, _, graph in
      guard let input = node.operation as? Input, let place = places.firstIndex(of: index),
        dtypes.indices.contains(place), input.type.dtype != dtypes[place]
      else { return nil }
      let dtype = dtypes[place]
      guard input.type.dtype == .f32, dtype == .u8 || dtype == .i32 else {
        throw WaneError(
          operation,
          "\(description(ofInput: place)) takes \(input.type.dtype) values, got \(dtype)")
      }
      let fed = Input(index: input.index, type: .batched(input.type.dimensions, dtype))
      let raw = try graph.add(one: fed, [], layer: node.layer)
      let conversion: any Operation = dtype == .u8 ? Rescale(scale: 1 / 255) : Cast(.f32)
      return try graph.add(conversion, [raw], layer: node.layer)
    }
  }
}
