import WaneGraph
import WaneNN
import WaneTensor

/// Trains a model to answer as a teacher does (Hinton, Vinyals and Dean, 2015), after handing it a part
/// of the teacher's parameters if so asked.
public struct Distilling: ModelPass {
  public static let verb = "distill"
  /// How the student starts.
  public let transfer: ParameterTransfer

  /// Creates a pass.
  ///
  /// The teacher, temperature and alpha stand in the context's fine-tuning.
  public init(transfer: ParameterTransfer = .none) { self.transfer = transfer }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    guard let distillation = context.fineTuning.teacher else {
      throw WaneError(Self.verb, "needs the option 'teacher'")
    }
    // As a model is trained that has no teacher, so that the two can be compared.
    let tune = try FineTuner(
      Self.verb, context, defaults: .init(learningRate: 1e-3, schedule: .constant))
    guard tune.isWanted || transfer != .none else {
      throw WaneError(
        Self.verb, "needs the options 'data' and 'epochs', or a transfer of parameters")
    }
    var report = Report(
      Self.verb,
      options: [
        ("temperature", .number(Double(distillation.temperature))),
        ("alpha", .number(Double(distillation.alpha))), ("transfer", .text(transfer.rawValue)),
      ])
    var student = model
    if transfer == .slice {
      var transfer = try SliceTransfer(from: distillation.teacher, to: model)
      student = try transfer.run(&report)
    }
    let tuned = try tune(student)
    report.history = tuned.history
    return PassResult(tuned.model, report)
  }
}
