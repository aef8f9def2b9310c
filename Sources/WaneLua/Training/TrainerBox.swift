import WaneGraph
import WaneNN
import WaneTensor

/// Steps of training one by one, with batches that a script brings.
final class TrainerBox: LuaObject {
  private let model: ModelBox
  private let options: TrainingOptions
  private let losses: PerOutput<HeldLoss>
  private var run: TrainingRun?
  /// The model's changes after the last step.
  private var changes = 0

  /// A loss by name, or the number of a function that the box holds.
  enum HeldLoss {
    case loss(Loss?)
    case function(Int)
  }

  init(_ model: ModelBox, options: TrainingOptions, losses: PerOutput<HeldLoss>) {
    self.model = model
    self.options = options
    self.losses = losses
  }

  /// Moves the model by one batch and returns the loss before the step.
  func step(_ context: CallContext) throws -> CallContext.Outcome {
    let (inputs, labels) = (try columns(context, 2), try columns(context, 3))
    let batch = try Dataset(
      columns: inputs.tensors, labels: labels.tensors, inputNames: inputs.names,
      labelNames: labels.names, name: "trainer")
    let isNew = run == nil
    let run = try run ?? start(batch, context)
    self.run = run
    // Another trainer or `fit` may have moved the model in between.
    if !isNew, model.changes != changes { try run.moveOn(from: model.graph) }
    try context.checkInterrupt("model keeps the weights of step \(run.step)")
    let measure = try run.runStep(on: batch)
    model.replace(by: try run.trainedModel())
    changes = model.changes
    return context.results(measure.loss)
  }

  private func columns(_ context: CallContext, _ index: Int) throws -> Columns {
    try context.columns(index) { tensor, _ in tensor }
      ?? Columns(tensors: [context.tensor(index)])
  }

  /// Compiles the step when the first batch shows what samples and labels are like.
  private func start(_ batch: Dataset, _ context: CallContext) throws -> TrainingRun {
    var options = options
    options.batchSize = max(batch.count, 1)
    options.objective.losses = try losses.mapped { loss in
      switch loss {
      case .loss(let loss): return Objective.OutputLoss(loss)
      case .function(let number):
        guard let function = context.held(by: 1, number) else {
          throw WaneError("trainer", "has no loss")
        }
        return Objective.OutputLoss(custom: CustomLoss(function, context))
      }
    }
    return try TrainingRun(
      model.graph, data: batch, options: options, epochs: 0, pool: Threads.pool())
  }
}

extension CustomLoss {
  /// A loss that a Lua function makes of symbolic tensors, traced during a call.
  init(_ function: LuaFunction, _ context: CallContext) {
    self.init { graph, output, labels in
      let trace = Trace(graph, surroundings: .constants(layer: "loss"))
      graph = Graph()
      defer { trace.close() }
      let results = try context.callNow(
        function, SymbolicTensorBox(trace, output), SymbolicTensorBox(trace, labels))
      guard case .object(let object)? = results.first, let box = object as? SymbolicTensorBox,
        box.trace === trace
      else {
        throw LuaError.message(
          "loss: the function must return a scalar that is computed from its arguments, got "
            + context.description(of: results.first))
      }
      graph = trace.graph
      return box.value
    }
  }
}

extension Noun {
  static let trainer = Noun(
    TrainerBox.self, "Trainer", "A training step, to be called with batches.",
    metamethods: [
      Function(
        "__call", "Moves the model by one batch, and returns the loss before the step.",
        signature: "step(inputs, labels) -> number",
        method: { (box: TrainerBox, context) in try box.step(context) })
    ])
}

extension Namespace {
  /// `wane.trainer`.
  static let trainers = Namespace(
    "", "Training by hand.",
    functions: [
      Function(
        "trainer",
        "A function that trains a model by one batch and returns its loss, compiled at the first "
          + "call.",
        signature: "trainer(model, [options]) -> step",
        options: [.optimizer, .learningRate, .loss, .lossWeights, .regularizer, .precision, .seed],
        example: """
          step = wane.trainer(model, { optimizer = wane.optim.adam {}, loss = "cross_entropy" })
          for images, labels in train:batches(128, { shuffle = true }) do loss = step(images, labels) end
          """
      ) { context in
        let model = try context.object(1, as: ModelBox.self)
        let options = try context.options(2)
        var functions: [LuaFunction] = []
        let losses = try options.outputLosses().mapped { loss -> TrainerBox.HeldLoss in
          switch loss {
          case .loss(let loss): return .loss(loss)
          case .function(let function):
            functions.append(function)
            return .function(functions.count)
          }
        }
        var training = TrainingOptions(
          optimizer: try options.optimizer() ?? .adam(), seed: try options.seed(),
          precision: try options.precision())
        training.objective.lossWeights = try options.lossWeights()
        training.regularizers = try options.regularizers()
        let box = TrainerBox(model, options: training, losses: losses)
        return context.results(box, holding: functions)
      }
    ])
}
