import WaneNN
import WaneTensor

/// How a model is trained on after a pass; what is nil is chosen by the pass.
public struct FineTuning: Sendable {
  /// How often the data are seen; 0 for no training.
  public var epochs: Double
  /// Samples of a step.
  public var batchSize: Int
  /// How variables move; Adam when nil.
  public var optimizer: Optimizer?
  /// The step size; that of `optimizer`, or what suits the pass, when nil.
  public var learningRate: Float?
  /// How the step size falls.
  public var schedule: LearningRateSchedule?
  /// Decides the order of samples and all other random numbers.
  public var seed: UInt64
  /// What is made small, output by output.
  public var objective: Objective
  /// A model to learn from besides the labels.
  public var teacher: Distillation?
  /// What is made small besides the loss.
  public var regularizers: [Regularizer] = []

  /// Creates options.
  public init(
    epochs: Double = 0, batchSize: Int = 128, optimizer: Optimizer? = nil,
    learningRate: Float? = nil, schedule: LearningRateSchedule? = nil, seed: UInt64 = 0,
    loss: Loss? = nil, teacher: Distillation? = nil
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.schedule = schedule
    self.seed = seed
    objective = Objective(losses: .all(Objective.OutputLoss(loss)))
    self.teacher = teacher
  }

  /// What a pass uses where nothing was asked for.
  struct Defaults {
    /// The step size of Adam.
    var learningRate: Float
    /// How it falls.
    var schedule: LearningRateSchedule = .cosine
  }

  /// The options of a training run.
  func trainingOptions(_ defaults: Defaults, masking: Set<String>) -> TrainingOptions {
    var optimizer = self.optimizer ?? .adam(learningRate: defaults.learningRate)
    if let learningRate { optimizer = optimizer.with(learningRate: learningRate) }
    var options = TrainingOptions(
      optimizer: optimizer, batchSize: batchSize, seed: seed, teacher: teacher,
      masking: masking, schedule: schedule ?? defaults.schedule)
    options.objective = objective
    options.regularizers = regularizers
    return options
  }
}
