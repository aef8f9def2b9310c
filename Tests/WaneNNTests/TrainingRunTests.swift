import CKernels
import Foundation
import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

@Suite struct TrainingRunTests {
  private func message(
    _ model: Graph? = nil, _ data: Dataset? = nil, _ options: TrainingOptions = TrainingOptions(),
    epochs: Double = 1
  ) -> String? {
    Samples.message {
      _ = try TrainingRun(
        model ?? Samples.network(), data: data ?? Samples.images(4), options: options,
        epochs: epochs, pool: WorkerPool(count: 2))
    }
  }

  @Test func saysWhatIsWrong() throws {
    #expect(message() == nil)
    for (batch, text) in [(0, "0"), (-3, "-3"), (Int.min, "-9223372036854775808")] {
      #expect(
        message(nil, nil, TrainingOptions(batchSize: batch))
          == "train: batch_size must be positive, got \(text)")
    }
    #expect(message(nil, try Samples.images(3).slice(0..<0)) == "train: the data set is empty")
    for epochs in [-1, Double.nan, .infinity, 1e300] {
      #expect(message(epochs: epochs) == "train: epochs must be at least 0, got \(epochs)")
    }
    for rate: Float in [0, -1, .nan, .infinity] {
      #expect(
        message(nil, nil, TrainingOptions(optimizer: .adam(learningRate: rate)))
          == "optimizer: learning_rate must be greater than 0, got \(rate)")
    }
    #expect(
      message(nil, nil, TrainingOptions(optimizer: .sgd(learningRate: 1, momentum: 1)))
        == "sgd: momentum must be in [0, 1), got 1.0")
    #expect(
      message(nil, nil, TrainingOptions(optimizer: .adam(beta2: 1)))
        == "adam: beta2 must be in [0, 1), got 1.0")
    let wrongImages = try Dataset(
      inputs: Samples.floats([4, 8, 8, 1], seed: 1), labels: Samples.classes(4, of: 4, seed: 1))
    #expect(message(nil, wrongImages) == "train: the model takes Nx8x8x2, the data set has 8x8x1")
    let images = try Samples.images(4).inputs
    for labels: [Int32] in [[0, 1, 2, 4], [-1, 0, 1, 2]] {
      let text = labels[0] < 0 ? "label -1 of sample 1" : "label 4 of sample 4"
      #expect(
        message(nil, try Dataset(inputs: images, labels: Tensor(labels)))
          == "train: \(text) is not one of the classes 0..3 that the model's 4 outputs stand for")
    }
    let two = try SymbolicValue(InputLayer([3]), [], identity: LayerIdentity())
    let model = try ModelBuilder.functional(inputs: [two], outputs: [two, two])
    #expect(
      message(model)
        == "train: the model takes Nx3, the data set has 8x8x2")
  }

  @Test func distillationSaysWhatIsWrong() throws {
    let student = try Samples.network()
    func message(_ teacher: Graph) -> String? {
      Samples.message {
        _ = try TrainingRun(
          student, data: Samples.images(4),
          options: TrainingOptions(teacher: Distillation(teacher: teacher)), epochs: 1,
          pool: WorkerPool(count: 1))
      }
    }
    let narrow = try ModelBuilder.sequential([
      InputLayer([8, 8, 2]), FlattenLayer(), DenseLayer(units: 3),
    ])
    #expect(message(narrow) == "distill: the teacher gives Nx3, the student Nx4")
    let other = try ModelBuilder.sequential([InputLayer([7]), DenseLayer(units: 4)])
    #expect(message(other) == "distill: the teacher takes Nx7, the student Nx8x8x2")
    for temperature: Float in [0, -1, .nan, .infinity] {
      #expect(
        Samples.message { _ = try Distillation(teacher: student, temperature: temperature) }
          == "distillation: temperature must be greater than 0, got \(temperature)")
    }
    for alpha: Float in [-0.1, 1.1, .nan] {
      #expect(
        Samples.message { _ = try Distillation(teacher: student, alpha: alpha) }
          == "distill: alpha must be in [0, 1], got \(alpha)")
    }
  }

  /// Alone with a teacher (alpha 1), a student that is its teacher has nothing to learn.
  @Test func aTeacherTeaches() throws {
    let teacher = try Samples.network(batchNorm: true, seed: 2)
    func run(_ student: Graph, alpha: Float, workers: Int = 2) throws -> TrainingRun {
      try TrainingRun(
        student, data: Samples.images(8),
        options: TrainingOptions(
          optimizer: .adam(learningRate: 0.02), batchSize: 8,
          teacher: Distillation(teacher: teacher, temperature: 2, alpha: alpha)), epochs: 60,
        pool: WorkerPool(count: workers))
    }
    let same = try Samples.network(seed: 2)
    let plain = try TrainingRun(
      same, data: Samples.images(8),
      options: TrainingOptions(
        batchSize: 8, teacher: Distillation(teacher: same, temperature: 3, alpha: 1)), epochs: 1,
      pool: WorkerPool(count: 2))
    #expect(try abs(plain.runStep().loss) < 1e-6)

    let learning = try run(Samples.network(seed: 5), alpha: 1)
    let first = try learning.runStep().loss
    var last = first
    for _ in 0..<40 { last = try learning.runStep().loss }
    #expect(last < 0.3 * first, "\(first) to \(last)")
    // The teacher is no part of the student.
    #expect(try learning.trainedModel().parameters.count == same.parameters.count)
  }

  /// A student may have layers whose names look like the teacher's inside the training graph.
  @Test func namesOfTeacherAndStudentDoNotMeet() throws {
    func network(_ name: String, _ seed: UInt64) throws -> Graph {
      try ModelBuilder.sequential(
        [InputLayer([8, 8, 2]), FlattenLayer(), DenseLayer(units: 4, name: name)], seed: seed)
    }
    func loss(_ student: Graph) throws -> Double {
      try TrainingRun(
        student, data: Samples.images(8),
        options: TrainingOptions(
          batchSize: 8, teacher: Distillation(teacher: network("a", 7), alpha: 1)), epochs: 1,
        pool: WorkerPool(count: 1)
      ).runStep().loss
    }
    var twin = try network("teacher/a", 3)
    let plain = try network("b", 3)
    for part in ["kernel", "bias"] {
      let value = try #require(plain.parameters["b/\(part)"]).decoded()
      try twin.set(#require(twin.parameters["teacher/a/\(part)"]).replacing(.dense(value)))
    }
    #expect(try loss(twin) == loss(plain))
  }

  /// Rounding the operands of products to bf16 changes a run a little, and what it learns hardly.
  @Test func bf16LearnsAsWell() throws {
    func run(_ precision: Precision) throws -> [Double] {
      let model = try ModelBuilder.sequential([
        InputLayer([12, 12, 16]),
        Conv2DLayer(filters: 16, window: Samples.window(3), activation: .relu),
        MaxPool2DLayer(try Samples.window(2, stride: 2)), FlattenLayer(),
        DenseLayer(units: 4, activation: .softmax),
      ])
      let data = try Dataset(
        inputs: Samples.floats([32, 12, 12, 16], seed: 3),
        labels: Samples.classes(32, of: 4, seed: 3))
      let run = try TrainingRun(
        model, data: data, options: TrainingOptions(batchSize: 32, precision: precision),
        epochs: 40, pool: WorkerPool(count: 2))
      return try (0..<40).map { _ in try run.runStep().loss }
    }
    let (full, short) = (try run(.f32), try run(.bf16))
    #expect(full[39] < 0.5 * full[0])
    for (a, b) in zip(full, short) { #expect(abs(a - b) < 0.03 * full[0], "\(a) and \(b)") }
  }

  /// A loaded model may number its only input as it likes.
  @Test func theInputsNumberDoesNotMatter() throws {
    func network(_ index: Int) throws -> Graph {
      let model = try Samples.network()
      return try model.rewritten { _, node, _, graph in
        guard let input = node.operation as? Input else { return nil }
        return try graph.add(Input(index: index, type: input.type), [], layer: node.layer)
      }
    }
    func loss(_ index: Int) throws -> Double {
      let model = try network(index)
      return try TrainingRun(
        model, data: Samples.images(5),
        options: TrainingOptions(teacher: Distillation(teacher: model)), epochs: 1,
        pool: WorkerPool(count: 2)
      ).runStep().loss
    }
    #expect(try loss(0) == loss(1))
    #expect(try loss(0) == loss(1023))
  }

  @Test func aLossThatIsNoNumberStopsTheRun() throws {
    var values = [Float](repeating: 0.5, count: 8 * 128)
    values[700] = .nan
    let data = try Dataset(
      inputs: Tensor(values, Shape([8, 8, 8, 2])), labels: Samples.classes(8, of: 4, seed: 1))
    let model = try ModelBuilder.sequential([
      InputLayer([8, 8, 2]), FlattenLayer(), DenseLayer(units: 4, activation: .softmax),
    ])
    let run = try TrainingRun(
      model, data: data, options: TrainingOptions(batchSize: 4, shuffles: false), epochs: 1,
      pool: WorkerPool(count: 2))
    try run.runStep()
    let before = try Samples.values(run.trainedModel())
    let error = #expect(throws: WaneError.self) { try run.runStep() }
    #expect(
      error?.description
        == "train: the loss is nan at step 2: the data set has a number that is not finite")
    #expect(
      try Samples.values(run.trainedModel()) == before, "the model is that of the step before")
    #expect(run.step == 1)
    #expect(before.allSatisfy { $0.isFinite })
  }

  @Test(arguments: [1, 2, 3]) func theFirstLayerThatIsNotFiniteIsNamed(_ workers: Int) throws {
    func message(_ model: Graph, _ inputs: Float) throws -> String? {
      let data = try Dataset(
        inputs: Tensor([Float](repeating: inputs, count: 6 * 4), Shape([6, 4])),
        labels: Samples.floats([6, 2], seed: 1))
      let run = try TrainingRun(
        model, data: data, options: TrainingOptions(batchSize: 6), epochs: 1,
        pool: WorkerPool(count: workers))
      let before = try Samples.values(run.trainedModel())
      let message = Samples.message { try run.runStep() }
      let after = try Samples.values(run.trainedModel())
      #expect(after.map(\.bitPattern) == before.map(\.bitPattern))
      return message
    }
    func model() throws -> Graph {
      try ModelBuilder.sequential([
        InputLayer([4]), DenseLayer(units: 3, name: "first"), DenseLayer(units: 2, name: "second"),
      ])
    }
    func setting(_ name: String, _ value: Float) throws -> Graph {
      var result = try model()
      let old = try #require(result.parameters[name])
      try result.set(
        old.replacing(
          .dense(Tensor([Float](repeating: value, count: old.shape.count), old.shape))))
      return result
    }
    #expect(
      try message(setting("second/bias", .nan), 1)
        == "train: the loss is nan at step 1: the parameter 'second/bias' is not finite")
    #expect(
      try message(setting("second/kernel", 3e38), 1e3)?.hasSuffix(
        "at step 1: the output of layer 'second' (dense) is the first that is not finite; "
          + "try a smaller learning_rate") == true)
    // The loss is finite, its derivative with respect to what the second layer takes is not.
    #expect(
      try message(setting("second/kernel", 3e38), 2e-38)
        == "train: the gradient is not finite at step 1: the gradient of layer 'second' "
        + "(dense_input_gradient) is the first that is not finite; try a smaller learning_rate")
  }

  @Test func aLayerUsedTwiceMovesItsStatisticsTwice() throws {
    let input = try SymbolicValue(InputLayer([3]), [], identity: LayerIdentity())
    let identity = LayerIdentity()
    let norm = try BatchNormLayer(momentum: 0.5, name: "norm")
    let once = try SymbolicValue(norm, [input], identity: identity)
    let doubled = try SymbolicValue(
      DenseLayer(units: 3, name: "between"), [once], identity: LayerIdentity())
    let twice = try SymbolicValue(norm, [doubled], identity: identity)
    let model = try ModelBuilder.functional(inputs: [input], outputs: [twice])
    let samples = try Samples.floats([8, 3], seed: 5, low: 1, high: 3)
    let data = try Dataset(inputs: samples, labels: Samples.floats([8, 3], seed: 6))
    for workers in 1...2 {
      let run = try TrainingRun(
        model, data: data,
        options: TrainingOptions(
          optimizer: .sgd(learningRate: .leastNormalMagnitude), batchSize: 8, shuffles: false),
        epochs: 1, pool: WorkerPool(count: workers))
      try run.runStep()
      let mean = try #require(run.trainedModel().parameters["norm/moving_mean"])
        .decoded().array(Float.self)
      let values = samples.array(Float.self)
      // What the second place sees has mean 0 before its layer, so its batch mean is the bias, 0.
      for channel in 0..<3 {
        let first = (0..<8).reduce(Float(0)) { $0 + values[$1 * 3 + channel] } / 8
        #expect(abs(mean[channel] - (first * 0.5) * 0.5) < 1e-5)
      }
    }
  }

  @Test func canBeLeftAtAnyStep() throws {
    let run = try TrainingRun(
      Samples.network(), data: Samples.images(12), options: TrainingOptions(batchSize: 4),
      epochs: 3, pool: WorkerPool(count: 2))
    #expect(run.totalSteps == 9 && run.stepsPerEpoch == 3)
    var polls = 0
    let error = #expect(throws: WaneError.self) {
      try run.train(
        epochs: 3,
        poll: {
          polls += 1
          if polls == 5 { throw WaneError("fit", "interrupted", kind: .interrupted) }
        })
    }
    #expect(error?.kind == .interrupted)
    #expect(run.step == 4)
    let middle = try Samples.values(run.trainedModel())
    var steps = 0
    try run.train(epochs: 3, onStep: { _, _ in steps += 1 })
    #expect(steps == 5 && run.step == 9)
    #expect(try Samples.values(run.trainedModel()) != middle)
    #expect(try run.train(epochs: 2).samples == 0, "is over already")
    for epochs in [Double.nan, .infinity, -1, 1e300] {
      #expect(throws: WaneError.self) { try run.train(epochs: epochs) }
    }
  }

  @Test func learnsWhatCanBeLearned() throws {
    // Two classes that a line divides.
    let points = try Samples.floats([64, 2], seed: 8, low: -1)
    let values = points.array(Float.self)
    let labels = try Tensor((0..<64).map { Int32(values[2 * $0] + values[2 * $0 + 1] > 0 ? 1 : 0) })
    let model = try ModelBuilder.sequential(
      [InputLayer([2]), DenseLayer(units: 2, activation: .softmax)], seed: 1)
    let data = try Dataset(inputs: points, labels: labels)
    for optimizer in [
      Optimizer.sgd(learningRate: 0.5), .sgd(learningRate: 0.1, momentum: 0.9),
      .sgd(learningRate: 0.1, momentum: 0.9, nesterov: true), .adam(learningRate: 0.05),
    ] {
      let run = try TrainingRun(
        model, data: data,
        options: TrainingOptions(optimizer: optimizer, batchSize: 16, schedule: .cosine),
        epochs: 60, pool: WorkerPool(count: 2))
      try run.train(epochs: 60)
      let accuracy = try Evaluation(run.trainedModel(), on: data, pool: WorkerPool(count: 1))
        .accuracy
      #expect((accuracy ?? 0) > 0.95, "\(optimizer)")
    }
  }

  @Test func batchesLargerThanTheDataAreTheData() throws {
    for batch in [4, 5, 1000, Int.max] {
      let run = try TrainingRun(
        Samples.network(), data: Samples.images(4), options: TrainingOptions(batchSize: batch),
        epochs: 2, pool: WorkerPool(count: 3))
      #expect(run.stepsPerEpoch == 1)
      #expect(try run.train(epochs: 2).samples == 8)
    }
  }

  #if compiler(>=6.2)
    // Injected failures concern the whole process, so this runs in one of its own.
    @Test func memoryMayRunOutAnywhere() async {
      await #expect(processExitsWith: .success) {
        let model = try Samples.network(batchNorm: true, dropout: 0.2)
        let data = try Samples.images(8)
        let pool = try WorkerPool(count: 2)
        var (failures, finished) = (0, 0)
        let before = wane_memory_live_bytes()
        for count in 0..<120 {
          wane_memory_fail_after(Int64(count))
          do {
            let run = try TrainingRun(
              model, data: data, options: TrainingOptions(batchSize: 3), epochs: 1, pool: pool)
            // The last batch is smaller: another set of programs.
            try run.train(epochs: 1)
            _ = try Evaluation(run.trainedModel(), on: data, pool: pool)
            finished += 1
          } catch let error as WaneError where error.kind == .memory {
            failures += 1
          }
          wane_memory_fail_after(-1)
          guard wane_memory_live_bytes() == before else {
            throw WaneError(
              "test", "\(wane_memory_live_bytes() - before) bytes leak after \(count)")
          }
        }
        guard failures > 20, failures + finished == 120 else {
          throw WaneError("test", "\(failures) failures, \(finished) finished")
        }
      }
    }
  #endif
}
