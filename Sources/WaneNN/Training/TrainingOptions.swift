import WaneGraph
import WaneTensor

/// How a model is trained.
public struct TrainingOptions: Sendable {
  /// What is made small and measured, output by output.
  public var objective: Objective
  /// How variables move.
  public var optimizer: Optimizer
  /// Samples of a step.
  public var batchSize: Int
  /// Decides the order of samples and all other random numbers.
  public var seed: UInt64
  /// Whether samples come in a new order in each epoch.
  public var shuffles: Bool
  /// A model to learn from besides the labels.
  public var teacher: Distillation?
  /// Names of parameters that get a mask, for pruning during training.
  public var masking: Set<String>
  /// How the step size falls over the run.
  public var schedule: LearningRateSchedule
  /// What large products round their operands to; variables and sums stay 32-bit floats.
  public var precision: Precision

  /// What is made small besides the loss.
  public var regularizers: [Regularizer] = []
  /// What of integer grids moves.
  public var grids = GridTraining()
  /// The weight of each class in the loss; 1 for those beyond the list.
  public var classWeights: [Float] = []

  /// What is made small of every output; by default what suits the labels.
  public var loss: Loss? {
    get { objective.losses.common?.loss }
    set { objective.losses = .all(Objective.OutputLoss(newValue, custom: customLoss)) }
  }
  /// A loss of every output in place of those that there are.
  public var customLoss: CustomLoss? {
    get { objective.losses.common?.custom }
    set { objective.losses = .all(Objective.OutputLoss(loss, custom: newValue)) }
  }
  /// What is measured of every output besides the loss.
  public var metrics: [Metric] {
    get { objective.metrics.common ?? [] }
    set { objective.metrics = .all(newValue) }
  }

  /// Creates options, the defaults being Keras's.
  public init(
    loss: Loss? = nil, optimizer: Optimizer = .adam(), batchSize: Int = 128, seed: UInt64 = 0,
    shuffles: Bool = true, teacher: Distillation? = nil, masking: Set<String> = [],
    schedule: LearningRateSchedule = .constant, precision: Precision = .f32
  ) {
    objective = Objective(losses: .all(Objective.OutputLoss(loss)))
    self.optimizer = optimizer
    self.batchSize = batchSize
    self.seed = seed
    self.shuffles = shuffles
    self.teacher = teacher
    self.masking = masking
    self.schedule = schedule
    self.precision = precision
  }
}

extension TrainingOptions {
  /// What each answer of a model is, as its loss compares it; where a script wrote the loss, as the
  /// output tells.
  func answerKinds(of model: Graph, labels: [DType]) throws -> [AnswerKind] {
    try zip(objective.goals(for: model), zip(model.outputs, labels)).map { goal, answer in
      let (output, dtype) = answer
      let usual = Loss.usual(for: dtype, output: model.type(of: output))
      return AnswerKind(goal.custom == nil ? goal.loss ?? usual : nil, output: output, in: model)
    }
  }
}
