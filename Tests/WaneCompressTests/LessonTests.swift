import Testing
import WaneGraph
import WaneTensor

@testable import WaneCompress
@testable import WaneNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a student learns besides the labels, against plain arithmetic on what the models give.
@Suite struct LessonTests {
  static let samples = 24

  /// The loss of the first step, on one batch of all samples, for a number of threads.
  static func loss(
    _ student: Graph, _ distillation: Distillation, threads: Int = 1, seed: UInt64 = 5
  ) throws -> Double {
    let data = try Fixture.data(samples)
    let run = try TrainingRun(
      student, data: data,
      options: TrainingOptions(
        optimizer: .sgd(learningRate: 1e-3), batchSize: samples, seed: seed, shuffles: false,
        teacher: distillation), epochs: 1, pool: Fixture.pool(threads))
    return try run.runStep().loss
  }

  /// What layers give for the samples, one row of numbers a sample.
  static func values(_ model: Graph, _ layer: String) throws -> [[Double]] {
    var graph = try model.feeding(.u8, operation: "test")
    graph.outputs = [try graph.result(of: layer, in: "model")]
    let tensor = try InferenceSession(graph, pool: Fixture.pool()).run([
      Fixture.data(samples).inputs
    ])[0]
    return rows(tensor)
  }

  static func logits(_ model: Graph) throws -> [[Double]] {
    var graph = try model.feeding(.u8, operation: "test")
    graph.outputs = [try graph.logits(of: graph.outputs[0])]
    return rows(
      try InferenceSession(graph, pool: Fixture.pool()).run([Fixture.data(samples).inputs])[0])
  }

  private static func rows(_ tensor: Tensor) -> [[Double]] {
    let values = tensor.array(Float.self).map(Double.init)
    let width = values.count / max(tensor.shape[0], 1)
    return (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  static func softmax(_ z: [Double], _ temperature: Double = 1) -> [Double] {
    let powers = z.map { exp(($0 - (z.max() ?? 0)) / temperature) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  static func divergence(_ p: [Double], _ q: [Double]) -> Double {
    zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
  }

  static func distillation(_ teachers: [Graph], alpha: Float = 1, temperature: Float = 3) throws
    -> Distillation
  {
    try Distillation(teachers: teachers, temperature: temperature, alpha: alpha)
  }

  // MARK: Answers

  @Test(arguments: [true, false]) func severalTeachersAnswerWithTheMeanOfTheirDistributions(
    _ isKept: Bool
  ) throws {
    let (student, teachers) = (
      try Fixture.cnn(seed: 1), [try Fixture.trained(), try Fixture.cnn(seed: 7)]
    )
    var distillation = try Self.distillation(teachers)
    distillation.keepsAnswers = isKept
    let answers = try teachers.map { try Self.logits($0).map { Self.softmax($0, 3) } }
    let expected = try Self.mean(
      zip(zip(answers[0], answers[1]), Self.logits(student)).map { teachers, z in
        let p = zip(teachers.0, teachers.1).map { ($0 + $1) / 2 }
        return 9 * Self.divergence(p, Self.softmax(z, 3))
      })
    let actual = try Self.loss(student, distillation)
    #expect(abs(actual - expected) < 1e-4 * max(expected, 1), "\(actual) \(expected)")
  }

  @Test func standardizedAnswersHaveNoSize() throws {
    let (student, teacher) = (try Fixture.cnn(seed: 1), try Fixture.trained())
    var distillation = try Self.distillation([teacher])
    distillation.isStandardized = true
    func standard(_ z: [Double]) -> [Double] {
      let mean = Self.mean(z)
      let deviation = Self.mean(z.map { ($0 - mean) * ($0 - mean) }).squareRoot()
      return z.map { ($0 - mean) / deviation }
    }
    let expected = try Self.mean(
      zip(Self.logits(teacher), Self.logits(student)).map { t, z in
        9 * Self.divergence(Self.softmax(standard(t), 3), Self.softmax(standard(z), 3))
      })
    let actual = try Self.loss(student, distillation)
    #expect(abs(actual - expected) < 1e-4 * max(expected, 1), "\(actual) \(expected)")
  }

  @Test func numbersAreLearnedAsNumbers() throws {
    func model(_ seed: UInt64) throws -> Graph {
      try ModelBuilder.sequential(
        [InputLayer([3]), DenseLayer(units: 4, activation: .tanh), DenseLayer(units: 2)], seed: seed
      )
    }
    var random = Fixture.Random(3)
    let data = try Dataset(inputs: random.tensor([8, 3]), labels: random.tensor([8, 2]))
    let (student, teacher) = (try model(1), try model(2))
    let run = try TrainingRun(
      student, data: data,
      options: TrainingOptions(
        loss: .meanSquaredError, optimizer: .sgd(learningRate: 1e-3), batchSize: 8,
        teacher: Distillation(teacher: teacher, alpha: 1)), epochs: 1, pool: Fixture.pool())
    let answers = try [student, teacher].map {
      try InferenceSession($0, pool: Fixture.pool()).run([data.inputs])[0].array(Float.self)
    }
    let expected = Self.mean(zip(answers[0], answers[1]).map { Double(($0 - $1) * ($0 - $1)) })
    #expect(abs(try run.runStep().loss - expected) < 1e-5)
  }

  // MARK: Lessons

  @Test func featuresAreMeasuredInUnitsOfTheTeachers() throws {
    let (student, teacher) = (try Fixture.cnn(seed: 1), try Fixture.trained())
    var distillation = try Self.distillation([teacher], alpha: 0)
    distillation.isHintsOnly = true
    distillation.lessons = [
      try Lesson(.features, weight: 2, pairs: [.init(student: "dense", teacher: "dense")])
    ]
    let (mine, theirs) = (
      try Self.values(student, "dense").flatMap { $0 },
      try Self.values(teacher, "dense").flatMap { $0 }
    )
    let difference = Self.mean(zip(mine, theirs).map { ($0 - $1) * ($0 - $1) })
    let expected = 2 * difference / Self.mean(theirs.map { $0 * $0 })
    for threads in 1...3 {
      let actual = try Self.loss(student, distillation, threads: threads)
      #expect(abs(actual - expected) < 1e-4 * expected, "\(actual) \(expected)")
    }
  }

  @Test func attentionIsTheEnergyOfChannels() throws {
    let student = try Fixture.cnn(filters: (3, 5), seed: 1)
    let teacher = try Fixture.trained()
    var distillation = try Self.distillation([teacher], alpha: 0)
    distillation.isHintsOnly = true
    distillation.lessons = [try Lesson(.attention)]
    func maps(_ rows: [[Double]], channels: Int) -> [[Double]] {
      rows.map { row in
        let energy = stride(from: 0, to: row.count, by: channels).map { first in
          row[first..<first + channels].reduce(0) { $0 + $1 * $1 }
        }
        let length = energy.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return energy.map { $0 / max(length, 1e-30) }
      }
    }
    var expected = 0.0
    for (layer, mine, theirs) in [("conv2d", 3, 6), ("conv2d_1", 5, 8)] {
      let pairs = zip(
        maps(try Self.values(student, layer), channels: mine),
        maps(try Self.values(teacher, layer), channels: theirs))
      expected += Self.mean(pairs.map { zip($0, $1).reduce(0) { $0 + pow($1.0 - $1.1, 2) } }) / 2
    }
    let actual = try Self.loss(student, distillation)
    #expect(abs(actual - expected) < 1e-4 * expected, "\(actual) \(expected)")
  }

  /// The pairs of samples do not depend on how the batch is cut.
  @Test(arguments: RelationKind.allCases) func relationsSpanTheThreads(_ kind: RelationKind) throws
  {
    let student = try Fixture.cnn(filters: (3, 5), units: 7, seed: 1)
    var distillation = try Self.distillation([Fixture.trained()], alpha: 0)
    distillation.isHintsOnly = true
    distillation.lessons = [try Lesson(.relations(kind))]
    let alone = try Self.loss(student, distillation)
    #expect(alone > 1e-3)
    for threads in 2...3 {
      let shared = try Self.loss(student, distillation, threads: threads)
      #expect(abs(shared - alone) < 1e-5 * alone)
    }
  }

  @Test(arguments: [
    Lesson.Kind.features, .attention, .relations(.distance), .relations(.similarity),
  ])
  func lessonsAreLearned(_ kind: Lesson.Kind) throws {
    let student = try Fixture.cnn(filters: (3, 5), units: 7, seed: 1)
    var distillation = try Self.distillation([Fixture.trained()], alpha: 0)
    distillation.isHintsOnly = true
    distillation.lessons = [try Lesson(kind)]
    let run = try TrainingRun(
      student, data: Fixture.data(96),
      options: TrainingOptions(
        optimizer: .adam(learningRate: 0.01), batchSize: 32, seed: 2, teacher: distillation),
      epochs: 20, pool: Fixture.pool(2))
    let first = try run.train(epochs: 1).loss
    try run.train(epochs: 19)
    #expect(try run.train(epochs: 20).loss < 0.8 * first)
    // Teachers and projections stay behind.
    let names = try run.trainedModel().parameters.map(\.name)
    #expect(names == student.parameters.map(\.name))
  }

  @Test func stagesArePairedBySizeAndDepth() throws {
    func pairs(_ student: Graph, _ teacher: Graph) throws -> [String] {
      try FeaturePairing.pairs(student, teacher).map { "\($0.student)-\($0.teacher)" }
    }
    let small = try Fixture.cnn(filters: (2, 3), units: 4)
    #expect(
      try pairs(small, Fixture.cnn()) == ["conv2d-conv2d", "conv2d_1-conv2d_1", "dense-dense"])
    let deep = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]),
      Conv2DLayer(filters: 4, window: Fixture.window(3, .same), activation: .relu),
      Conv2DLayer(filters: 4, window: Fixture.window(3), activation: .relu),
      Conv2DLayer(filters: 4, window: Fixture.window(3), activation: .relu), FlattenLayer(),
      DenseLayer(units: 9, activation: .relu), DenseLayer(units: 8, activation: .relu),
      DenseLayer(units: 4, activation: .softmax),
    ])
    // 6x6 of both; 2x2 is not there, so the image at the depth of the second stage; the last vector.
    #expect(try pairs(small, deep) == ["conv2d-conv2d_1", "conv2d_1-conv2d_2", "dense-dense_1"])
    let flat = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 5, activation: .relu),
      DenseLayer(units: 4, activation: .softmax),
    ])
    #expect(try pairs(flat, deep) == ["dense-dense_1"])
    let bare = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 4),
    ])
    #expect(
      Fixture.message { _ = try pairs(bare, deep) }
        == "distill: the student has no layer before its answer to compare")
  }

  @Test func aTeacherWithNoiseAndIntegersAnswersWithoutNoise() throws {
    let teacher = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 6, activation: .relu),
      DropoutLayer(rate: 0.5), DenseLayer(units: 4, activation: .softmax),
    ])
    let data = try Fixture.data(64)
    let integers = try Quantization(bits: 8)(teacher, Fixture.context(calibration: data)).model
    let student = try Fixture.cnn(seed: 1)
    for model in [teacher, integers] {
      var kept = try Self.distillation([model])
      let expected = try Self.loss(student, kept)
      kept.keepsAnswers = false
      #expect(abs(try Self.loss(student, kept) - expected) < 1e-4 * expected)
    }
  }

  // MARK: Peers

  @Test func peersLearnFromEachOther() throws {
    let (student, peer) = (try Fixture.cnn(seed: 1), try Fixture.cnn(filters: (3, 4), seed: 2))
    let distillation = try Distillation(teachers: [], peers: [peer], temperature: 1, alpha: 0.5)
    let labels = try Fixture.data(Self.samples).labels.array(Int32.self)
    let answers = try [student, peer].map { try Self.logits($0).map { Self.softmax($0) } }
    let expected = Self.mean(
      labels.indices.map { sample in
        let (p, q) = (answers[0][sample], answers[1][sample])
        let hard = -log(p[Int(labels[sample])]) - log(q[Int(labels[sample])])
        return 0.5 * hard + 0.5 * (Self.divergence(p, q) + Self.divergence(q, p))
      })
    let actual = try Self.loss(student, distillation)
    #expect(abs(actual - expected) < 1e-4 * expected, "\(actual) \(expected)")

    var context = try Fixture.context(epochs: 15, learningRate: 0.01, data: Fixture.data())
    context.fineTuning.teacher = distillation
    let result = try Distilling().apply(to: student, context)
    #expect(try Fixture.accuracy(result.model) > Fixture.accuracy(student) + 0.2)
    #expect(result.peers.count == 1)
    #expect(result.peers[0].parameters.map(\.name) == peer.parameters.map(\.name))
    #expect(try Fixture.accuracy(result.peers[0]) > Fixture.accuracy(peer) + 0.2)
  }

  // MARK: Stages

  @Test func hintsComeFirstAndGenerationsFollow() throws {
    var context = try Fixture.context(epochs: 2, data: Fixture.data(), teacher: Fixture.trained())
    context.fineTuning.teacher?.lessons = [try Lesson(.features)]
    let student = try Fixture.cnn(filters: (3, 4), seed: 4)
    let (_, report) = try Distilling(generations: 2, hintEpochs: 1)(student, context)
    #expect(report.history.map(\.epoch) == [1, 1, 2, 1, 1, 2])
    context.fineTuning.teacher = try Distillation(teachers: [])
    let own = try Distilling(learnsFromItself: true)(student, context)
    #expect(own.report.history.map(\.epoch) == [1, 2, 1, 2])
    #expect(try Fixture.outputs(own.model) != Fixture.outputs(student))
  }

  @Test func whatDoesNotFitIsAnError() throws {
    let (student, teacher) = (try Fixture.cnn(), try Fixture.trained())
    func message(_ change: (inout Distillation) throws -> Void) -> String {
      Fixture.message {
        var distillation = try Self.distillation([teacher])
        try change(&distillation)
        _ = try Self.loss(student, distillation)
      }
    }
    #expect(
      message {
        $0.lessons = [try Lesson(.features, pairs: [.init(student: "x", teacher: "dense")])]
      }
      .hasPrefix("distill: the student has no layer 'x', only '"))
    #expect(
      message {
        $0.lessons = [try Lesson(.attention, pairs: [.init(student: "dense", teacher: "dense")])]
      } == "distill: attention is of images, got Nx12")
    #expect(
      message { $0.lessons = [try Lesson(.features, weight: -1)] }
        == "distill: the weight of a lesson must be at least 0, got -1.0")
    #expect(
      message { $0.peers = [try Fixture.cnn(), try Self.flatModel()] }
        == "distill: the peer takes Nx4 u8, the student Nx8x8x1 u8")
    #expect(
      Fixture.message { _ = try Distilling(generations: 0) }
        == "distill: generations must be in 1..100, got 0")
    #expect(
      Fixture.message {
        _ = try Distilling(hintEpochs: 1)(
          student, Fixture.context(epochs: 1, data: Fixture.data(), teacher: teacher))
      } == "distill: hint_epochs need features, attention or relations to learn")
  }

  private static func flatModel() throws -> Graph {
    try ModelBuilder.sequential([InputLayer([4]), DenseLayer(units: 4)])
  }
}
