import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Constraints on parameters hold at every step of training, and in what comes out of it.
@Suite struct ConstraintTests {
  private func train(
    _ model: Graph, _ optimizer: Optimizer = .adam(learningRate: 0.01), steps: Int = 8,
    workers: Int = 2, masking: Set<String> = []
  ) throws -> (run: TrainingRun, model: Graph) {
    let run = try TrainingRun(
      model, data: Samples.images(24),
      options: TrainingOptions(optimizer: optimizer, batchSize: 6, masking: masking), epochs: 100,
      pool: WorkerPool(count: workers))
    for _ in 0..<steps { try run.runStep() }
    return (run, try run.trainedModel())
  }

  private func replacing(
    _ model: Graph, _ name: String, _ change: (Parameter) throws -> Parameter
  ) throws -> Graph {
    var result = model
    try result.set(change(#require(model.parameters[name])))
    return result
  }

  @Test func pinnedZerosStay() throws {
    let model = try replacing(Samples.network(), "hidden/kernel") { parameter in
      var values = try parameter.decoded().array(Float.self)
      for index in values.indices where index % 3 != 0 { values[index] = 0 }
      return try parameter.replacing(.dense(Tensor(values, parameter.shape)), isMasked: true)
    }
    let before = try #require(model.parameters["hidden/kernel"])
    let after = try #require(try train(model).model.parameters["hidden/kernel"])
    #expect(after.isMasked)
    var moved = 0
    for (old, new) in zip(
      try before.decoded().array(Float.self), try after.decoded().array(Float.self))
    {
      #expect((old == 0) == (new == 0))
      moved += old == new ? 0 : 1
    }
    // All but those behind a filter that no sample excites.
    #expect(2 * moved > (try before.nonzeroCount()))
    // Training again keeps them too.
    let again = try train(train(model).model).model
    #expect(try again.parameters["hidden/kernel"]?.nonzeroCount() == before.nonzeroCount())
  }

  @Test func masksMayBeGivenDuringTraining() throws {
    let model = try Samples.network()
    let run = try TrainingRun(
      model, data: Samples.images(24),
      options: TrainingOptions(batchSize: 6, masking: ["conv/kernel"]), epochs: 10,
      pool: WorkerPool(count: 2))
    try run.runStep()
    var mask = try #require(try run.mask("conv/kernel"))
    #expect(mask.array(Float.self).allSatisfy { $0 == 1 })
    try mask.withMutableElements(Float.self) {
      for index in $0.indices where index % 2 == 0 { $0[index] = 0 }
    }
    run.setMask("conv/kernel", mask)
    for _ in 0..<4 { try run.runStep() }
    let kernel = try #require(try run.trainedModel().parameters["conv/kernel"])
    #expect(kernel.isMasked)
    for (index, value) in try kernel.decoded().array(Float.self).enumerated() {
      #expect((value == 0) == (index % 2 == 0))
    }
    #expect(try run.mask("hidden/kernel") == nil)
    // A mask of another shape changes nothing.
    run.setMask("conv/kernel", try Tensor(zeros: Shape([1])))
    #expect(try run.mask("conv/kernel")?.array(Float.self) == mask.array(Float.self))
  }

  @Test(arguments: [false, true]) func codebooksKeepTheirValues(_ isPinned: Bool) throws {
    let centroids: [Float] = [-0.2, 0, 0.15, 0.3]
    let model = try replacing(Samples.network(), "hidden/kernel") { parameter in
      let indices = (0..<parameter.shape.count).map { UInt8($0 * 7 % 4) }
      return try parameter.replacing(
        .codebook(
          indices: PackedCodes(indices, bits: 2), centroids: CentroidTable(centroids), grid: nil),
        isMasked: isPinned)
    }
    let after = try #require(try train(model).model.parameters["hidden/kernel"])
    guard case .codebook(let indices, let trained, nil) = after.payload else {
      throw WaneError("test", "is no codebook any more")
    }
    #expect(trained.size == 4)
    #expect(try indices.unpacked() == (0..<after.shape.count).map { UInt8($0 * 7 % 4) })
    #expect(Set(try after.decoded().array(Float.self)).count <= 4)
    #expect((trained.values[1] == 0) == isPinned)
    #expect(zip(trained.values, centroids).filter { $0 != $1 }.count == (isPinned ? 3 : 4))
  }

  /// Tables of channels are trained as one table is, a pinned entry of each stays.
  @Test(arguments: [false, true], [false, true])
  func channelsKeepTheirTables(_ isPinned: Bool, _ isOnGrid: Bool) throws {
    let name = "hidden/kernel"
    let model = try replacing(Samples.network(), name) { parameter in
      let units = try #require(parameter.shape.dimensions.last)
      let values = (0..<3 * units).map { entry -> Float in
        entry % 3 == 1 ? 0 : 0.05 * Float(entry % 11 - 5) + 0.03
      }
      let grid = try WeightGrid(
        bits: 6, scales: (0..<units).map { 0.01 + 0.001 * Float($0) }, axis: 1)
      let table = try CentroidTable(values, size: 3, axis: 1)
      let indices = (0..<parameter.shape.count).map { UInt8($0 / units * 7 % 3) }
      return try parameter.replacing(
        .codebook(
          indices: PackedCodes(indices, bits: 2),
          centroids: isOnGrid ? table.rounded(to: grid) : table, grid: isOnGrid ? grid : nil),
        isMasked: isPinned)
    }
    let before = try #require(model.parameters[name])
    let after = try #require(try train(model).model.parameters[name])
    guard case .codebook(let old, let start, _) = before.payload,
      case .codebook(let new, let trained, let grid) = after.payload
    else { throw WaneError("test", "is no codebook any more") }
    #expect(try old.unpacked() == new.unpacked())
    #expect(trained.axis == 1 && trained.size == 3)
    for (index, (a, b)) in zip(start.values, trained.values).enumerated() where index % 3 == 1 {
      #expect(a == 0 && (b == 0 || !isPinned))
    }
    #expect(start != trained)
    if let grid { #expect(try trained.rounded(to: grid) == trained) }
    #expect((grid != nil) == isOnGrid)
    // Values are those of the own channel.
    let units = trained.tableCount
    for (index, value) in try after.decoded().array(Float.self).enumerated() {
      #expect(value == trained.values[index % units * 3 + index / units * 7 % 3])
    }
  }

  /// One step of gradient descent moves a centroid by the sum of its members' gradients.
  @Test func centroidsMoveByTheSumOfTheirMembers() throws {
    let centroids: [Float] = [-0.2, 0.05, 0.15, 0.3, -0.4]
    let plain = try replacing(Samples.network(), "hidden/kernel") { parameter in
      let values = (0..<parameter.shape.count).map { centroids[$0 * 3 % 5] }
      return try parameter.replacing(.dense(Tensor(values, parameter.shape)))
    }
    let shared = try replacing(plain, "hidden/kernel") { parameter in
      let indices = (0..<parameter.shape.count).map { UInt8($0 * 3 % 5) }
      return try parameter.replacing(
        .codebook(
          indices: PackedCodes(indices, bits: 3), centroids: CentroidTable(centroids), grid: nil))
    }
    let rate: Float = 0.1
    let (run, _) = try train(plain, .sgd(learningRate: rate), steps: 1)
    let gradient = try #require(try run.gradient("hidden/kernel")).array(Float.self)
    var expected = centroids
    for (index, value) in gradient.enumerated() { expected[index * 3 % 5] -= rate * value }
    let after = try train(shared, .sgd(learningRate: rate), steps: 1).model
    guard case .codebook(_, let trained, _)? = after.parameters["hidden/kernel"]?.payload else {
      throw WaneError("test", "is no codebook any more")
    }
    for (a, b) in zip(trained.values, expected) { #expect(abs(a - b) < 1e-6) }
    // Everything else moves as it does without the codebook.
    let other = try train(plain, .sgd(learningRate: rate), steps: 1).model
    for name in ["conv/kernel", "conv/bias", "output/kernel", "hidden/bias"] {
      let (a, b) = (
        try #require(after.parameters[name]).decoded().array(Float.self),
        try #require(other.parameters[name]).decoded().array(Float.self)
      )
      for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-6) }
    }
  }

  @Test(arguments: [(8, true), (4, true), (4, false), (2, false)])
  func integersComeBackOnTheirGrid(_ bits: Int, _ perChannel: Bool) throws {
    let model = try replacing(Samples.network(), "conv/kernel") { parameter in
      let values = try parameter.decoded()
      let limit = values.array(Float.self).map(abs).max() ?? 1
      let scale = limit / Float(WeightGrid.highest(bits: bits))
      let grid = try WeightGrid(
        bits: bits, scales: perChannel ? [0.8, 0.9, 1, 1.1, 1.2].map { scale * $0 } : [scale],
        axis: perChannel ? 3 : nil)
      return try parameter.replacing(.integer(codes: grid.codes(for: values), grid: grid))
    }
    let after = try #require(try train(model).model.parameters["conv/kernel"])
    guard case .integer(let codes, let grid) = after.payload,
      case .integer(_, let old)? = model.parameters["conv/kernel"]?.payload
    else { throw WaneError("test", "is not on a grid any more") }
    #expect(grid.bits == bits && grid.axis == old.axis)
    #expect(grid.scales != old.scales, "scales are learned")
    #expect(codes.highest() <= 2 * grid.highest)
    for (index, value) in try after.decoded().array(Float.self).enumerated() {
      let scale = grid.scales[perChannel ? index % 5 : 0]
      let code = (value / scale).rounded()
      #expect(abs(code) <= Float(grid.highest) && value == scale * code)
    }
    // What was trained is what comes out: the network of integers does as well as the run's own.
    #expect(try codes.unpacked().count == after.shape.count)
  }

  /// A codebook on a grid, masked: three constraints at once.
  @Test func constraintsCombine() throws {
    let model = try replacing(Samples.network(), "hidden/kernel") { parameter in
      let grid = try WeightGrid(bits: 8, scales: [0.004], axis: nil)
      let centroids = grid.rounded([0, -0.3, 0.1, 0.25])
      let indices = (0..<parameter.shape.count).map { (index: Int) -> UInt8 in
        index % 2 == 0 ? 0 : UInt8(index % 3 + 1)
      }
      let packed = try PackedCodes(indices, bits: 2)
      return try parameter.replacing(
        .codebook(indices: packed, centroids: CentroidTable(centroids), grid: grid),
        isMasked: true)
    }
    let after = try #require(try train(model).model.parameters["hidden/kernel"])
    guard case .codebook(_, let centroids, let grid?) = after.payload else {
      throw WaneError("test", "is no codebook on a grid any more")
    }
    #expect(after.isMasked && centroids.values[0] == 0)
    #expect(grid.rounded(centroids.values) == centroids.values)
    #expect(try after.nonzeroCount() == after.shape.count / 2)
    #expect(try after.integerForm() != nil)
  }

  /// A run that goes on from a model which another run has moved starts from its scales.
  @Test(arguments: [1, 2, 4]) func scalesThatSomethingElseMovedAreGoneOnFrom(_ bits: Int) throws {
    var model = try replacing(Samples.network(), "conv/kernel") { parameter in
      let grid = try WeightGrid(bits: bits, scales: [0.2, 0.1, 0.3, 0.15, 0.2], axis: 3)
      return try parameter.replacing(
        .integer(codes: grid.codes(for: parameter.decoded()), grid: grid))
    }
    model = try replacing(model, "hidden/kernel") { parameter in
      let grid = try WeightGrid(bits: 4, scales: [0.05], axis: nil)
      let indices = (0..<parameter.shape.count).map { UInt8($0 % 3) }
      return try parameter.replacing(
        .codebook(
          indices: PackedCodes(indices, bits: 2),
          centroids: CentroidTable(grid.rounded([-0.2, 0.1, 0.3])), grid: grid))
    }
    let first = try train(model, steps: 3).run
    let other = try train(model, .sgd(learningRate: 0.5), steps: 5).model
    let moved = try #require(other.parameters["conv/kernel"]?.grid)
    #expect(moved.scales != model.parameters["conv/kernel"]?.grid?.scales)
    try first.moveOn(from: other)
    let pairs = zip(try Samples.values(first.trainedModel()), try Samples.values(other))
    #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) })
    let finer = try replacing(other, "conv/kernel") { parameter in
      let grid = try WeightGrid(bits: 8, scales: moved.scales, axis: 3)
      return try parameter.replacing(
        .integer(codes: grid.codes(for: parameter.decoded()), grid: grid))
    }
    #expect(throws: WaneError.self) { try first.moveOn(from: finer) }
  }

  @Test func frozenParametersDoNotMove() throws {
    var model = try Samples.network(batchNorm: true)
    for name in ["conv/kernel", "norm/gamma"] {
      var parameter = try #require(model.parameters[name])
      parameter.isTrainable = false
      try model.set(parameter)
    }
    let after = try train(model).model
    for parameter in model.parameters {
      let new = try #require(after.parameters[parameter.name])
      let isSame = try new.decoded().array(Float.self) == parameter.decoded().array(Float.self)
      #expect(
        isSame == ["conv/kernel", "norm/gamma"].contains(parameter.name), "\(parameter.name)")
      #expect(new.isTrainable == parameter.isTrainable)
    }
  }

  @Test func theModelThatWasTrainedStaysAsItWas() throws {
    let model = try Samples.network(batchNorm: true)
    let before = try Samples.values(model)
    let after = try train(model).model
    #expect(try Samples.values(model) == before)
    #expect(try Samples.values(after) != before)
    #expect(after.nodes.count == model.nodes.count)
  }
}
