import WaneGraph
import WaneTensor

/// How well a model does on samples that come a batch at a time.
public final class Evaluator {
  private let model: Graph
  private let goals: [Objective.Goal]
  private let precision: Precision
  private let pool: WorkerPool
  /// What runs the model on samples of the types of the first batch.
  private var session: InferenceSession?
  private var areMasked: [Bool] = []
  private var meters: [OutputMeter] = []

  /// Begins with no samples.
  ///
  /// - Parameters:
  ///   - model: what is run.
  ///   - objective: what is averaged and measured; losses that are functions are not.
  ///   - precision: what large products may round their operands to.
  ///   - pool: the workers.
  /// - Throws: when the objective does not fit the model.
  public init(
    _ model: Graph, _ objective: Objective, precision: Precision = .f32, pool: WorkerPool
  ) throws {
    self.model = model
    goals = try objective.goals(for: model)
    self.precision = precision
    self.pool = pool
  }

  /// Runs the model on samples.
  ///
  /// - Parameters:
  ///   - data: the samples, which are like those before.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: when they do not fit the model, or those before.
  public func add(_ data: Dataset, poll: () throws -> Void = {}) throws {
    let data = try data.arranged(for: model, "evaluate")
    let session = try self.session ?? makeSession(for: data)
    let outputs = try session.run(data.columns, poll: poll)
    var masks = outputs[goals.count...]
    for (index, goal) in goals.enumerated() {
      do {
        if meters.count == index {
          meters.append(
            try OutputMeter(
              goal, labels: data.allLabels[index], session.graph, session.graph.outputs[index],
              isMasked: areMasked[index], hasStepWeights: (data.weights?.shape.rank ?? 1) > 1))
        }
        try meters[index].add(
          outputs[index], mask: areMasked[index] ? masks.popFirst() : nil,
          labels: data.allLabels[index], weights: data.weights, poll: poll)
      } catch let error as WaneError where goals.count > 1 {
        throw error.inLayer(goal.output)
      }
    }
  }

  /// What the samples came to.
  ///
  /// - Throws: when memory cannot be had.
  public func evaluation() throws -> Evaluation { try Evaluation(goals, meters) }

  private func makeSession(for data: Dataset) throws -> InferenceSession {
    var fed = try model.feeding(data.columns.map(\.dtype), operation: "evaluate")
    // Behind the outputs, their masks.
    let answers = fed.outputs.map(fed.unmasked)
    areMasked = answers.map { $0.mask != nil }
    fed.outputs = answers.map(\.value) + answers.compactMap(\.mask)
    let made = try InferenceSession(fed, pool: pool, precision: precision)
    session = made
    return made
  }
}
