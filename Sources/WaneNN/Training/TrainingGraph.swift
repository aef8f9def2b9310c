import WaneGraph
import WaneTensor

/// A training step as one graph: forward, loss, backward.
struct TrainingGraph {
  /// The graph.
  ///
  /// Its inputs are the samples, the labels, a teacher's logits if there is one, and the samples'
  /// weights if they have any.
  let graph: Graph
  /// The model in training form.
  let form: TrainingForm
  /// The variables that gradients are computed for, in the order of the gradients.
  let trained: [TrainingForm.Variable]
  /// Where the outputs of `graph` are.
  let lossOutput = 0
  /// The number of hits, when the loss counts any.
  let hitsOutput: Int?
  /// What the model gave for each sample, when metrics are wanted; the labels follow.
  let predictionOutput: Int?
  /// The first gradient.
  let firstGradient: Int
  /// The first moving statistic.
  let firstUpdate: Int
  private let metrics: [Metric]
  private let predictions: PredictionForm

  init(_ model: Graph, data: Dataset, options: TrainingOptions) throws {
    guard model.outputs.count == 1, model.inputs.count == 1 else {
      throw WaneError(
        "train", "only models with one input and one output can be fitted to a data set")
    }
    let model = try model.feeding(data.inputs.dtype, operation: "train")
    let input = model.type(of: model.inputs[0])
    guard input.dimensions == data.sampleDimensions else {
      throw WaneError(
        "train", "the model takes \(input), the data set has \(Shape.text(data.sampleDimensions))")
    }
    let form = try TrainingForm(model, masking: options.masking)
    var graph = form.graph
    let output = graph.outputs[0]
    let kind = options.loss ?? .usual(for: data.labels.dtype, output: graph.type(of: output))
    let labels: Value
    var perSample: Value
    var hits: Value?
    if let custom = options.customLoss {
      labels = try graph.appendInput(
        .batched(Array(data.labels.shape.dimensions.dropFirst()), data.labels.dtype),
        layer: "labels")
      perSample = try graph.add(custom, output: output, labels: labels)
      guard
        graph.type(of: perSample).isBatched
          || (options.classWeights.isEmpty && data.weights == nil)
      else {
        throw WaneError("loss", "must give one number a sample where samples have weights")
      }
    } else {
      let labelType = try kind.labelType(data.labels, output: graph.type(of: output))
      try TrainingGraph.checkClasses(data, output: graph.type(of: output), loss: kind)
      labels = try graph.appendInput(labelType, layer: "labels")
      (perSample, hits) = try graph.add(kind, output: output, labels: labels)
    }
    if !options.classWeights.isEmpty {
      let weights = try graph.add(
        one: ClassWeights(options.classWeights), [labels], layer: "class_weight")
      perSample = try graph.add(one: WeighSamples(), [perSample, weights], layer: "class_weight")
    }
    var teacher: Value?
    if let distillation = options.teacher {
      teacher = try graph.appendTeacher(distillation, output: output)
    }
    if data.weights != nil {
      let weights = try graph.appendInput(.batched([]), layer: "sample_weight")
      perSample = try graph.add(one: WeighSamples(), [perSample, weights], layer: "sample_weight")
    }
    var loss = try graph.batchMean(perSample)
    if let distillation = options.teacher, let teacher {
      loss = try graph.mixing(distillation, soft: teacher, loss: loss)
    }

    let trained = form.variables.filter(\.isTrainable)
    let leaves = trained.compactMap { graph.leaf($0.name) }
    let gradients = try graph.gradients(of: loss, withRespectTo: leaves)
    var outputs = [loss]
    hitsOutput = hits == nil ? nil : 1
    if let hits { outputs.append(hits) }
    firstGradient = outputs.count
    var moved: [TrainingForm.Variable] = []
    for (variable, gradient) in zip(trained, gradients) {
      guard let gradient else { continue }
      outputs.append(gradient)
      moved.append(variable)
    }
    guard options.customLoss == nil || trained.isEmpty || !moved.isEmpty else {
      throw WaneError("loss", "must be computed from the model's output, nothing can be learned")
    }
    firstUpdate = outputs.count
    outputs += form.updates.map(\.value)
    metrics = options.metrics
    predictions = try PredictionForm(graph, output: output, labels: data.labels, loss: kind)
    predictionOutput = options.metrics.isEmpty ? nil : outputs.count
    if !options.metrics.isEmpty { outputs += [output, labels] }
    graph.outputs = outputs
    self.graph = try graph.withShardReductions(sums: firstUpdate)
    self.form = form
    self.trained = moved
  }

  /// Empty sums for the metrics, nil when there are none.
  func metricSums() throws -> MetricSums? {
    metrics.isEmpty ? nil : try MetricSums(metrics, predictions)
  }

  private static func checkClasses(_ data: Dataset, output: ValueType, loss: Loss) throws {
    guard loss.comparesClasses, data.labels.dtype == .i32 else { return }
    let (low, high) = data.labels.with(Int32.self) { ($0.min() ?? 0, $0.max() ?? 0) }
    guard low >= 0, Int(high) < output.channels else {
      throw WaneError(
        "train",
        "labels \(low)..\(high) do not fit the model's \(output.channels) outputs, "
          + "which stand for classes 0..\(output.channels - 1)")
    }
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

  /// The same model taking samples of a type: bytes stand for 0...1, whole numbers for themselves.
  public func feeding(_ dtype: DType, operation: String) throws -> Graph {
    try rewritten { _, node, _, graph in
      guard let input = node.operation as? Input, input.type.dtype != dtype else { return nil }
      guard input.type.dtype == .f32, dtype == .u8 || dtype == .i32 else {
        throw WaneError(operation, "the model takes \(input.type.dtype) values, got \(dtype)")
      }
      let fed = Input(index: input.index, type: .batched(input.type.dimensions, dtype))
      let raw = try graph.add(one: fed, [], layer: node.layer)
      let conversion: any Operation = dtype == .u8 ? Rescale(scale: 1 / 255) : Cast(.f32)
      return try graph.add(conversion, [raw], layer: node.layer)
    }
  }

  /// Adds a teacher's logits as one more input, and what the student lacks of them.
  fileprivate mutating func appendTeacher(_ distillation: Distillation, output: Value) throws
    -> Value
  {
    let student = try logits(of: output)
    let teacher = try appendInput(type(of: student), layer: "teacher")
    return try add(
      DistillationLoss(temperature: distillation.temperature), [student, teacher],
      layer: "distillation")[0]
  }

  /// Adds what a teacher says to a loss.
  fileprivate mutating func mixing(
    _ distillation: Distillation, soft perSample: Value, loss: Value
  ) throws -> Value {
    let soft = try add(one: BatchMean(), [perSample], layer: "distillation")
    let weighted = try add(
      one: Rescale(scale: distillation.alpha), [soft], layer: "distillation")
    let hard = try add(
      one: Rescale(scale: 1 - distillation.alpha), [loss], layer: "distillation")
    return try add(one: Add(), [weighted, hard], layer: "distillation")
  }
}

extension Distillation {
  /// The teacher's logits for every sample, computed once for the whole run.
  ///
  /// - Throws: when the teacher does not fit the student or the samples.
  func answers(for data: Dataset, student: Graph, pool: WorkerPool, poll: () throws -> Void) throws
    -> Tensor
  {
    var graph = try teacher.feeding(data.inputs.dtype, operation: "distill")
    guard graph.outputs.count == 1, graph.inputs.count == 1 else {
      throw WaneError("distill", "the teacher must have one input and one output")
    }
    let (taught, learned) = (graph.type(of: graph.outputs[0]), student.type(of: student.outputs[0]))
    guard taught == learned else {
      throw WaneError("distill", "the teacher gives \(taught), the student \(learned)")
    }
    let sample = graph.type(of: graph.inputs[0]).dimensions
    guard sample == data.sampleDimensions else {
      throw WaneError(
        "distill",
        "the teacher takes \(Shape.text(sample)), the data set has "
          + Shape.text(data.sampleDimensions))
    }
    graph.outputs = [try graph.logits(of: graph.outputs[0])]
    return try InferenceSession(graph, pool: pool).run([data.inputs], poll: poll)[0]
  }
}
