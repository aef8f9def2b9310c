import WaneGraph
import WaneNN
import WaneTensor

/// Trains a model to answer as its teachers do (Hinton, Vinyals and Dean, 2015), or to agree with peers
/// that learn beside it, after handing it parameters of the first teacher if so asked.
public struct Distilling: ModelPass {
  public static let verb = "distill"
  /// How the student starts.
  public let transfer: ParameterTransfer
  /// Whether the model learns from itself as it was: without other teachers, from what it becomes in a
  /// first round on labels alone.
  public let learnsFromItself: Bool
  /// How often the student starts anew, each time with the one before as its teacher (Furlanello et
  /// al., Born-Again Neural Networks, 2018).
  public let generations: Int
  /// Epochs, before all others, in which only the lessons count (Romero et al., FitNets, 2015).
  public let hintEpochs: Double

  /// Creates a pass.
  ///
  /// The teachers, temperature and alpha stand in the context's fine-tuning.
  ///
  /// - Throws: when a number is out of range.
  public init(
    transfer: ParameterTransfer = .none, learnsFromItself: Bool = false, generations: Int = 1,
    hintEpochs: Double = 0
  ) throws {
    guard (1...100).contains(generations) else {
      throw WaneError(Self.verb, "generations must be in 1..100, got \(generations)")
    }
    guard hintEpochs >= 0, hintEpochs.isFinite else {
      throw WaneError(Self.verb, "hint_epochs must be at least 0, got \(hintEpochs)")
    }
    self.transfer = transfer
    self.learnsFromItself = learnsFromItself
    self.generations = generations
    self.hintEpochs = hintEpochs
  }

  public func apply(to model: Graph, _ context: CompressionContext) throws -> PassResult {
    guard let distillation = context.fineTuning.teacher else {
      throw WaneError(Self.verb, "needs the option 'teacher' or 'peers'")
    }
    var context = context
    // As a model is trained that has no teacher, so that the two can be compared.
    let defaults = FineTuning.Defaults(learningRate: 1e-3, schedule: .constant)
    guard context.fineTuning.epochs > 0 || transfer != .none else {
      throw WaneError(
        Self.verb, "needs the options 'data' and 'epochs', or a transfer of parameters")
    }
    guard transfer == .none || !distillation.teachers.isEmpty else {
      throw WaneError(Self.verb, "transfer needs the option 'teacher'")
    }
    guard hintEpochs == 0 || !distillation.lessons.isEmpty else {
      throw WaneError(Self.verb, "hint_epochs need features, attention or relations to learn")
    }
    var report = Report(
      Self.verb,
      options: [
        ("temperature", .number(Double(distillation.temperature))),
        ("alpha", .number(Double(distillation.alpha))), ("transfer", .text(transfer.rawValue)),
      ])
    let student = try handingOver(distillation.teachers.first, to: model, &report)
    var peers: [Graph] = []
    var result = student
    if learnsFromItself, distillation.teachers.isEmpty {
      context.fineTuning.teacher = nil
      let tuned = try FineTuner(Self.verb, context, defaults: defaults)(student)
      report.history += tuned.history
      result = tuned.model
    }
    for generation in 0..<generations {
      var lesson = distillation
      if learnsFromItself || generation > 0 { lesson.teachers = [result] }
      result = student
      if hintEpochs > 0 {
        var hints = context
        hints.fineTuning.teacher = lesson
        hints.fineTuning.teacher?.isHintsOnly = true
        hints.fineTuning.teacher?.peers = []
        hints.fineTuning.epochs = hintEpochs
        let tuned = try FineTuner(Self.verb, hints, defaults: defaults)(result)
        report.history += tuned.history
        result = tuned.model
      }
      context.fineTuning.teacher = lesson
      let tuned = try FineTuner(Self.verb, context, defaults: defaults)(
        result, finish: { peers = try $0.trainedPeers() })
      report.history += tuned.history
      result = tuned.model
    }
    return PassResult(result, report, peers: peers)
  }

  private func handingOver(_ teacher: Graph?, to model: Graph, _ report: inout Report) throws
    -> Graph
  {
    guard let teacher else { return model }
    func filters(_ choice: FilterAllotment) throws -> Graph {
      var transfer = try FilterTransfer(from: teacher, to: model, choice)
      return try transfer.run(&report)
    }
    switch transfer {
    case .none: return model
    case .slice: return try filters(.slice)
    case .average: return try filters(.average)
    case .match: return try filters(.match)
    case .layers: return try LayerTransfer(from: teacher, to: model).run(&report)
    }
  }
}
