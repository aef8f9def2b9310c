import Foundation
import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Losses with their weights, and metrics, against Keras.
@Suite struct LossAndMetricTests {
  @Test func fixturesAreThere() {
    #expect(fixtureCases("target_losses", as: LossCase.self).count == 34)
    #expect(fixtureCases("measures", as: MeasureCase.self).count == 19)
  }

  @Test(arguments: fixtureCases("target_losses", as: LossCase.self))
  func lossesAgree(_ item: LossCase) throws {
    let loss = try item.made()
    let prediction = try item.prediction.tensor()
    let isSparse =
      loss.comparesClasses && item.target.shape.count < item.prediction.shape.count
    let labels = try isSparse ? item.target.classes() : item.target.tensor()
    var graph = Graph()
    var inputs = [prediction, labels]
    let type = ValueType.batched(Array(prediction.shape.dimensions.dropFirst()))
    let x = try graph.add(one: Input(index: 1, type: type), [])
    let t = try graph.add(
      one: Input(index: 2, type: loss.labelType(labels, output: type)), [])
    let isByRow =
      item.mask != nil || (item.sample_weight?.shape.count ?? 1) > 1
      || (loss.comparesClasses && type.dimensions.count > 1)
    var each = try graph.add(loss, output: x, labels: t, isByRow: isByRow).loss
    if let weights = item.class_weight {
      let factors = try graph.add(one: ClassWeights(weights.map { Float($0) }), [t])
      each = try graph.add(one: WeighSamples(), [each, factors])
    }
    if let weights = item.sample_weight {
      inputs.append(try weights.tensor())
      let steps = Array(weights.shape.dropFirst())
      let factors = try graph.add(one: Input(index: 3, type: .batched(steps)), [])
      each = try graph.add(one: WeighSamples(), [each, factors])
    }
    var mean: Value
    if let mask = item.mask {
      inputs.append(try mask.tensor())
      let bits = try graph.add(one: Input(index: 4, type: .batched([mask.shape[1]])), [])
      mean = try graph.maskedMean(each, bits)
    } else {
      mean = try graph.batchMean(graph.sampleMean(each))
    }
    let gradient = try #require(try graph.gradients(of: mean, withRespectTo: [x])[0])
    graph.outputs = [mean, gradient]
    let program = try Program(
      graph, batch: prediction.shape[0], mode: .training, weights: WeightStore(graph.parameters))
    for (buffer, tensor) in zip(program.inputs, inputs) {
      tensor.withBytes {
        if let base = $0.baseAddress { buffer.pointer.copyMemory(from: base, byteCount: $0.count) }
      }
    }
    program.run()
    try program.check()
    let value = Double(program.outputs[0].floats[0])
    #expect(
      abs(value - item.value) <= 1e-5 * max(1, abs(item.value)), "\(value), not \(item.value)")
    let buffer = program.outputs[1]
    let actual = try Tensor(
      Array(UnsafeBufferPointer(start: buffer.floats, count: buffer.count)), prediction.shape)
    try expectClose(actual, item.prediction_gradient, "gradient")

    // Evaluation comes to the same where classes have no weights.
    guard item.class_weight == nil else { return }
    let mask = try item.mask?.tensor()
    let data = try Dataset(columns: [prediction] + (mask.map { [$0] } ?? []), labels: [labels])
    let evaluation = try Evaluation(
      identity(type.dimensions, steps: mask?.shape[1]),
      on: data.weighted(item.sample_weight?.tensor()), loss: loss, pool: WorkerPool(count: 1))
    #expect(
      abs(evaluation.loss - item.value) <= 1e-5 * max(1, abs(item.value)),
      "evaluated \(evaluation.loss), not \(item.value)")
  }

  /// A model that hands through what it is given, with a mask of so many steps if there is one.
  private func identity(_ dimensions: [Int], steps: Int? = nil) throws -> Graph {
    var graph = try ModelBuilder.sequential([InputLayer(dimensions), ActivationLayer(.linear)])
    if let steps {
      let mask = try graph.appendInput(.batched([steps]), layer: "mask")
      graph.outputs = try graph.add(Masked(), [graph.outputs[0], mask])
    }
    return graph
  }

  /// A sequence is judged step by step, those that are masked not at all, in training as afterwards.
  @Test(arguments: [1, 2, 3]) func sequencesAreJudgedByStep(_ workers: Int) throws {
    let model = try ModelBuilder.sequential([
      InputLayer([4], dtype: .i32), EmbeddingLayer(inputs: 6, outputs: 3, masksZero: true),
      GRULayer(RecurrentOptions(units: 5, returnsSequences: true)),
      DenseLayer(units: 3, activation: .softmax),
    ])
    let words: [Int32] = [1, 2, 0, 0, 3, 0, 0, 0, 5, 4, 3, 2, 1, 0, 5, 0, 0, 0, 0, 0]
    let tags = words.map { $0 % 3 }
    let data = try Dataset(
      inputs: Tensor(words, Shape([5, 4])), labels: Tensor(tags, Shape([5, 4])))
    let pool = try WorkerPool(count: workers)
    let evaluation = try Evaluation(
      model, on: data, metrics: [Metric(.confusionMatrix)], pool: pool)
    let rows = try InferenceSession(model, pool: pool).run([data.inputs])[0].array(Float.self)
    var (sum, hits, count) = (0.0, 0, 0)
    for (position, word) in words.enumerated() where word != 0 {
      let row = rows[3 * position..<3 * position + 3].map(Double.init)
      sum -= log(row[Int(tags[position])])
      hits += row.firstIndex(of: row.max() ?? 0) == Int(tags[position]) ? 1 : 0
      count += 1
    }
    #expect(abs(evaluation.loss - sum / Double(count)) < 1e-5)
    #expect(evaluation.accuracy == Double(hits) / Double(count))
    guard case .matrix(let matrix)? = evaluation.metrics.first?.value else {
      Issue.record("no matrix")
      return
    }
    #expect(matrix.array(Int32.self).reduce(0, +) == Int32(count))
    #expect(evaluation.predictions.count == 20)

    // A step of training sees the same loss, whatever the number of workers, and the same accuracy.
    let run = try TrainingRun(
      model, data: data,
      options: TrainingOptions(
        optimizer: .sgd(learningRate: .leastNormalMagnitude), batchSize: 5),
      epochs: 1, pool: pool)
    let measure = try run.runStep()
    #expect(abs(measure.loss - sum / Double(count)) < 1e-5)
    guard case .number(let accuracy)? = try run.takeMetrics().first?.value else {
      Issue.record("no accuracy")
      return
    }
    #expect(accuracy == Double(hits) / Double(count))
  }

  @Test(arguments: fixtureCases("measures", as: MeasureCase.self))
  func metricsAgree(_ item: MeasureCase) throws {
    let prediction = try item.prediction.tensor()
    let labels = try item.hasClasses ? item.target.classes() : item.target.tensor()
    var loss = Loss(try #require(Loss.Kind(rawValue: item.loss)))
    loss.isFromLogits = loss.kind == .meanSquaredError ? nil : false
    let evaluation = try Evaluation(
      identity(Array(prediction.shape.dimensions.dropFirst())),
      on: Dataset(inputs: prediction, labels: labels), loss: loss, metrics: [item.made()],
      pool: WorkerPool(count: 2))
    let (_, value) = try #require(evaluation.metrics.first)
    switch value {
    case .number(let number):
      let expected = try #require(item.value.data.first)
      #expect(abs(number - expected) <= 1e-5, "\(number), not \(expected)")
    case .matrix(let matrix):
      #expect(matrix.shape.dimensions == item.value.shape)
      #expect(matrix.array(Int32.self).map { Double($0) } == item.value.data)
    }
  }

  /// In training, metrics are those of the predictions that were made on the way.
  @Test(arguments: [1, 2, 3]) func metricsInTraining(_ workers: Int) throws {
    let data = try Samples.images(37)
    var options = TrainingOptions(
      optimizer: .sgd(learningRate: .leastNormalMagnitude), batchSize: 20)
    options.metrics = try [
      Metric(.accuracy), Metric(.top(2)), Metric(.confusionMatrix),
      Metric(
        .f1(
          threshold: nil, average: .macro)),
    ]
    let pool = try WorkerPool(count: workers)
    let run = try TrainingRun(
      Samples.network(), data: data, options: options, epochs: 2, pool: pool)
    let expected = try Evaluation(
      Samples.network(), on: data, metrics: options.metrics, pool: pool)
    for epoch in 1...2 {
      let measure = try run.train(epochs: Double(epoch))
      let values = try run.takeMetrics()
      #expect(values.map(\.name) == ["accuracy", "top_2", "confusion_matrix", "f1"])
      for ((_, value), (_, wanted)) in zip(values, expected.metrics) {
        switch (value, wanted) {
        case (.number(let a), .number(let b)): #expect(abs(a - b) < 1e-9)
        case (.matrix(let a), .matrix(let b)): #expect(a.array(Int32.self) == b.array(Int32.self))
        default: Issue.record("a number and a matrix")
        }
      }
      if case .number(let accuracy) = values[0].value { #expect(accuracy == measure.accuracy) }
    }
  }

  @Test func weightsOfSamplesMatter() throws {
    let data = try Samples.images(12)
    func gradient(_ weights: [Float]?, classes: [Float] = [], _ data: Dataset) throws -> [Float] {
      var options = TrainingOptions(optimizer: .sgd(learningRate: 0.1), batchSize: 12)
      options.classWeights = classes
      let run = try TrainingRun(
        Samples.network(), data: data.weighted(weights.map { try Tensor($0) }), options: options,
        epochs: 1, pool: WorkerPool(count: 2))
      try run.runStep()
      return try #require(try run.gradient("output/kernel")).array(Float.self)
    }
    let half = try gradient((0..<12).map { $0 < 6 ? 2 : 0 }, data)
    let alone = try gradient(nil, data.slice(0..<6))
    for (a, b) in zip(half, alone) { #expect(abs(a - b) < 1e-6) }
    let byClass = try gradient(nil, classes: [3, 0, 1, 0.5], data)
    let labels = data.labels.array(Int32.self)
    let bySample = try gradient(labels.map { [3, 0, 1, 0.5][Int($0)] }, data)
    for (a, b) in zip(byClass, bySample) { #expect(abs(a - b) < 1e-6) }
    #expect(
      Samples.message { _ = try gradient([1, 2], data) }
        == "dataset: weights must be 12 f32 numbers, or a row for each of 12 samples, got 2 f32")
    // Weights go with their samples.
    let weighted = try data.weighted(Tensor((0..<12).map { Float($0) }))
    #expect(try weighted.slice(3..<5).weights?.array(Float.self) == [3, 4])
    #expect(try weighted.gather([7, 2]).weights?.array(Float.self) == [7, 2])
    let pool = try WorkerPool(count: 1)
    let losses = try (0..<12).map {
      try Evaluation(Samples.network(), on: data.slice($0..<$0 + 1), pool: pool).loss
    }
    let mean = zip(losses, 0..<12).reduce(0) { $0 + $1.0 * Double($1.1) } / 12
    #expect(abs(try Evaluation(Samples.network(), on: weighted, pool: pool).loss - mean) < 1e-5)
    #expect(
      Samples.message { _ = try gradient(nil, classes: [-1], data) }
        == "class_weight: weights must be at least 0, got -1.0")
  }

  @Test func saysWhatIsWrong() throws {
    let data = try Samples.images(8)
    func message(_ loss: Loss? = nil, _ metrics: [Metric] = []) -> String? {
      Samples.message {
        var options = TrainingOptions(loss: loss, batchSize: 4)
        options.metrics = metrics
        _ = try TrainingRun(
          Samples.network(), data: data, options: options, epochs: 1, pool: WorkerPool(count: 1)
        ).runStep()
      }
    }
    #expect(
      message(Loss(.meanAbsoluteError))
        == "mae: labels 8 i32 do not fit the model's output Nx4")
    var smooth = Loss(.crossEntropy)
    smooth.labelSmoothing = 1
    #expect(message(smooth) == "cross_entropy: label_smoothing must be in [0, 1), got 1.0")
    #expect(message(nil, try [Metric(.top(5))]) == "top_5: the model tells 4 classes apart")
    #expect(
      message(nil, try [Metric(.r2)]) == "r2: labels are classes, the outputs are 4 numbers")
    #expect(
      Samples.message { _ = try Metric(.precision(threshold: 2)) }
        == "precision: threshold must be in [0, 1], got 2.0")
  }
}
