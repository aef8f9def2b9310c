import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// A class for each step of sequences, with padding and weights, against Keras.
@Suite struct KerasTaggingTests {
  private static func start(_ item: FixtureCase) throws -> Graph {
    let isMasked = item.masked?.first == true
    var model = try ModelBuilder.sequential([
      InputLayer([4], dtype: .i32),
      EmbeddingLayer(inputs: 7, outputs: 4, masksZero: isMasked, name: "words"),
      DenseLayer(units: 5, activation: .tanh, name: "hidden"),
      BatchNormLayer(momentum: 0.5, name: "norm"),
      DenseLayer(units: 3, activation: .softmax, name: "tags"),
    ])
    for (name, value) in try #require(item.initial_parameters) {
      try model.set(#require(model.parameters[name], "\(name)").replacing(.dense(value.tensor())))
    }
    return model
  }

  /// The labels as `[N, T]`, or with an axis of one behind, as Keras takes them, too.
  private static func data(_ item: FixtureCase, hasAxis: Bool) throws -> Dataset {
    let words = try #require(item.columns?["words"]).classes()
    let tags = try #require(item.targets?["tags"]).classes()
    let labels = hasAxis ? try tags.reshaped(Shape(tags.shape.dimensions + [1])) : tags
    return try Dataset(inputs: words, labels: labels).weighted(item.sample_weight?.tensor())
  }

  @Test(arguments: FixtureFile.cases("tagging"), [1, 2])
  func stepsHaveClasses(_ item: FixtureCase, _ workers: Int) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    let pool = try WorkerPool(count: workers)
    let data = try Self.data(item, hasAxis: workers == 2)
    let options = TrainingOptions(
      optimizer: .sgd(learningRate: 0.5, momentum: 0.9), batchSize: data.count, shuffles: false)
    let run = try TrainingRun(Self.start(item), data: data, options: options, epochs: 9, pool: pool)
    for (index, report) in try #require(item.reports).enumerated() {
      let evaluation = try Evaluation(run.trainedModel(), on: data, pool: pool)
      let expected = try #require(report["loss"])
      #expect(abs(evaluation.loss - expected) <= 2e-5, "loss before step \(index + 1)")
      if let accuracy = report["accuracy"] {
        #expect(abs((evaluation.accuracy ?? .nan) - accuracy) <= 1e-6)
      }
      try run.runStep()
    }
    let trained = try run.trainedModel()
    for (name, value) in try #require(item.final_parameters) {
      try expectClose(trained.parameters[name]?.decoded(), value, within: 3e-5, "final \(name)")
    }
  }
}
