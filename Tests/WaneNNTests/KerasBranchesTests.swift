import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Models with several inputs and outputs, against Keras.
@Suite struct KerasBranchesTests {
  private static func model() throws -> Graph {
    func apply(_ layer: any Layer, _ inputs: [SymbolicValue]) throws -> SymbolicValue {
      try SymbolicValue(layer, inputs, identity: LayerIdentity())
    }
    let left = try apply(InputLayer([5], name: "left"), [])
    let right = try apply(InputLayer([3], name: "right"), [])
    let joined = try apply(
      ConcatLayer(name: "joined"),
      [
        apply(DenseLayer(units: 6, activation: .tanh, name: "left_dense"), [left]),
        apply(DenseLayer(units: 4, activation: .tanh, name: "right_dense"), [right]),
      ])
    let shared = try apply(DenseLayer(units: 7, activation: .tanh, name: "shared"), [joined])
    return try ModelBuilder.functional(
      inputs: [left, right],
      outputs: [
        apply(DenseLayer(units: 4, activation: .softmax, name: "kind"), [shared]),
        apply(DenseLayer(units: 2, name: "height"), [shared]),
      ])
  }

  private static func start(_ item: FixtureCase) throws -> Graph {
    var model = try model()
    for (name, value) in try #require(item.initial_parameters) {
      try model.set(#require(model.parameters[name], "\(name)").replacing(.dense(value.tensor())))
    }
    return model
  }

  /// The samples, by name in another order than the model has, or in its order.
  private static func data(_ item: FixtureCase, named: Bool) throws -> Dataset {
    let (columns, targets) = (try #require(item.columns), try #require(item.targets))
    let left = try #require(columns["left"]).tensor()
    let right = try #require(columns["right"]).tensor()
    let kind = try #require(targets["kind"]).classes()
    let height = try #require(targets["height"]).tensor()
    guard named else {
      return try Dataset(columns: [left, right], labels: [kind, height])
    }
    return try Dataset(
      columns: [right, left], labels: [height, kind], inputNames: ["right", "left"],
      labelNames: ["height", "kind"])
  }

  private static func objective(_ item: FixtureCase) throws -> Objective {
    let weights = try #require(item.loss_weights).mapValues { Float($0) }
    return Objective(
      losses: .list([Objective.OutputLoss(.crossEntropy), Objective.OutputLoss(.meanSquaredError)]),
      lossWeights: .named(weights), metrics: .named(["height": [try Metric(.meanAbsoluteError)]]))
  }

  private static func expect(
    _ found: [String: Double], _ expected: [String: Double], _ step: Int
  ) {
    #expect(Set(found.keys) == Set(expected.keys))
    for (name, value) in expected {
      let difference = abs((found[name] ?? .nan) - value)
      #expect(difference <= 2e-5, "\(name) of step \(step): \(found[name] ?? .nan) for \(value)")
    }
  }

  @Test(arguments: FixtureFile.cases("branches"), [1, 3])
  func branchesAgree(_ item: FixtureCase, _ workers: Int) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    let pool = try WorkerPool(count: workers)
    let data = try Self.data(item, named: workers == 1)
    var options = TrainingOptions(
      optimizer: .sgd(learningRate: 0.1, momentum: 0.9), batchSize: data.count, shuffles: false)
    options.objective = try Self.objective(item)
    let run = try TrainingRun(Self.start(item), data: data, options: options, epochs: 9, pool: pool)
    for (index, report) in try #require(item.reports).enumerated() {
      let evaluation = try Evaluation(
        run.trainedModel(), on: data, options.objective, pool: pool)
      var found = ["loss": evaluation.loss]
      for case (let name, .number(let value)) in evaluation.metrics { found[name] = value }
      Self.expect(found, report, index + 1)
      let measure = try run.runStep()
      found = ["loss": measure.loss]
      for (name, value) in measure.outputMeasures { found[name] = value }
      for case (let name, .number(let value)) in try run.takeMetrics() { found[name] = value }
      Self.expect(found, report, index + 1)
    }
    let trained = try run.trainedModel()
    for (name, value) in try #require(item.final_parameters) {
      try expectClose(trained.parameters[name]?.decoded(), value, within: 3e-5, "final \(name)")
    }
  }

  @Test func columnsAreCutAndOrderedTogether() throws {
    let left = try Tensor((0..<10).map { Float($0) }, Shape([5, 2]))
    let right = try Tensor((0..<5).map { UInt8($0) }, Shape([5, 1]))
    let data = try Dataset(
      columns: [left, right],
      labels: [Tensor([0, 1, 2, 3, 4] as [Int32]), Tensor([0, 1, 2, 3, 4] as [Float])])
    let all = try [
      data.slice(1..<4), data.gather([4, 0, 2]), data.shuffled(seed: 3),
      Dataset.concatenated([data, data.slice(0..<2)]),
      data.weighted(Tensor([1, 1, 1, 1, 1] as [Float])),
    ]
    for part in all {
      let numbers = part.labels.array(Int32.self)
      #expect(try part.allInputs[1].array(UInt8.self) == numbers.map { UInt8($0) })
      #expect(
        try part.allInputs[0].array(Float.self)
          == numbers.flatMap { [Float($0 * 2), Float($0 * 2 + 1)] })
      #expect(part.allLabels[1].array(Float.self) == numbers.map { Float($0) })
    }
    let batches = try Batches(data, size: 2, shuffles: true, seed: 1)
    while let batch = try batches.nextBatch() {
      #expect(
        batch.inputs[1].array(UInt8.self) == batch.labels[0].array(Int32.self).map { UInt8($0) })
    }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    let model = try Self.model()
    let (left, right) = (try Tensor(zeros: Shape([4, 5])), try Tensor(zeros: Shape([4, 3])))
    let (kind, height) = (
      try Tensor([0, 1, 2, 3] as [Int32]), try Tensor(zeros: Shape([4, 2]))
    )
    let pool = try WorkerPool(count: 1)
    func message(
      _ columns: [Tensor], _ labels: [Tensor], _ inputNames: [String] = [],
      _ labelNames: [String] = [], options: TrainingOptions = TrainingOptions()
    ) -> String? {
      Samples.message {
        let data = try Dataset(
          columns: columns, labels: labels, inputNames: inputNames, labelNames: labelNames)
        _ = try TrainingRun(model, data: data, options: options, epochs: 1, pool: pool)
      }
    }
    #expect(
      message([left], [kind, height])
        == "train: the model has 2 inputs ('left', 'right'), the data set 1 tensor of inputs")
    #expect(
      message([left, right], [kind])
        == "train: the model has 2 outputs ('kind', 'height'), the data set 1 tensor of labels")
    #expect(
      message([right, left], [kind, height])
        == "train: the model's input 'left' takes Nx5, the data set has 3")
    #expect(
      message([left, right], [kind, height], ["left", "rigth"])
        == "train: the model has an input 'right', the data set has 'left', 'rigth'")
    #expect(
      message([left, right], [height, kind])
        == "in layer 'kind': mse: labels 4x2 f32 do not fit the model's output Nx4")
    #expect(
      message([left, right], [kind, height], [], ["kind"])
        == "dataset: there must be a name for each tensor, or none")
    #expect(
      message([left, try Tensor(zeros: Shape([3, 3]))], [kind, height])
        == "dataset: inputs #2 3x3 and labels #1 4 differ in their number of samples")
    var options = TrainingOptions()
    options.objective.losses = .list([Objective.OutputLoss(.crossEntropy)])
    #expect(
      message([left, right], [kind, height], options: options)
        == "loss: there are 1 for the model's 2 outputs")
    options.objective = Objective(lossWeights: .named(["kinds": 1]))
    #expect(
      message([left, right], [kind, height], options: options)
        == "loss_weights: the model has no output 'kinds', only 'kind', 'height'")
    options.objective = Objective(lossWeights: .list([1, -1]))
    #expect(
      message([left, right], [kind, height], options: options)
        == "loss_weights: must be at least 0, got -1.0")
    options.objective = Objective()
    options.classWeights = [1, 2]
    #expect(
      message([left, right], [kind, height], options: options)
        == "train: class_weight is for models with one output, this has 2")
  }

  @Test func aTeacherOfTheSameFormTeachesEveryOutput() throws {
    let item = try #require(FixtureFile.cases("branches").first)
    let data = try Self.data(item, named: false)
    let pool = try WorkerPool(count: 2)
    var options = TrainingOptions(
      optimizer: .adam(learningRate: 0.01), batchSize: 6,
      teacher: try Distillation(teacher: Self.start(item), alpha: 0.5))
    options.objective = try Self.objective(item)
    let run = try TrainingRun(Self.model(), data: data, options: options, epochs: 40, pool: pool)
    let first = try run.runStep()
    #expect(first.outputs.map(\.name) == ["kind", "height"])
    #expect(try run.train(epochs: 40).loss < first.loss)
  }
}
