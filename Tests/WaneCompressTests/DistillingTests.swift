import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct DistillingTests {
  static func heir(_ student: Graph, of teacher: Graph, epochs: Double = 0) throws -> (
    model: Graph, report: Report
  ) {
    try Distilling(transfer: .slice)(
      student, Fixture.context(epochs: epochs, data: Fixture.data(), teacher: teacher))
  }

  @Test func anEqualStudentBecomesTheTeacher() throws {
    let teacher = try Fixture.trained()
    let heir = try Self.heir(Fixture.cnn(seed: 9), of: teacher)
    #expect(try Fixture.outputs(heir.model) == Fixture.outputs(teacher))
    #expect(heir.report.skipped.isEmpty)
    #expect(heir.report.layers.count == 4)
  }

  @Test func normalizationIsPartOfWhatIsHandedOver() throws {
    let teacher = try Fixture.trained(normalizes: true)
    let heir = try Self.heir(Fixture.cnn(seed: 9), of: teacher)
    let (a, b) = (try Fixture.outputs(heir.model), try Fixture.outputs(teacher))
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  /// Handing over is what taking the least important filters out leaves behind.
  @Test func aNarrowStudentIsTheNarrowedTeacher() throws {
    let teacher = try Fixture.trained()
    let student = try Fixture.cnn(filters: (3, 4), units: 6, seed: 9)
    let heir = try Self.heir(student, of: teacher)
    let narrowed = try FilterReduction(ratio: 0.5)(teacher, Fixture.context()).model
    #expect(try Fixture.outputs(heir.model) == Fixture.outputs(narrowed))
    #expect(heir.report.layers[0]["filters"]?.before == 6)
    #expect(heir.report.layers[0]["filters"]?.after == 3)
    #expect(
      try Fixture.values(student, "dense/kernel") != Fixture.values(heir.model, "dense/kernel"))
  }

  @Test func aWiderStudentKeepsWhatTheTeacherLacks() throws {
    let teacher = try Fixture.trained()
    let student = try Fixture.cnn(filters: (9, 8), units: 12, seed: 9)
    let heir = try Self.heir(student, of: teacher).model
    let (mine, own, theirs) = (
      try Fixture.values(heir, "conv2d/kernel"), try Fixture.values(student, "conv2d/kernel"),
      try Fixture.values(teacher, "conv2d/kernel")
    )
    for index in mine.indices {
      let (row, filter) = (index / 9, index % 9)
      #expect(mine[index] == (filter < 6 ? theirs[row * 6 + filter] : own[index]))
    }
  }

  @Test func kernelsOfOtherSizesMeetAtTheCentre() throws {
    func model(_ size: Int) throws -> Graph {
      try ModelBuilder.sequential(
        [
          InputLayer([8, 8, 1]),
          Conv2DLayer(filters: 2, window: Fixture.window(size, .same), activation: .relu),
          FlattenLayer(), DenseLayer(units: 4, activation: .softmax),
        ], seed: UInt64(size))
    }
    let (small, large) = (try model(3), try model(5))
    let cut = try Fixture.values(Self.heir(small, of: large).model, "conv2d/kernel")
    let padded = try Fixture.values(Self.heir(large, of: small).model, "conv2d/kernel")
    let (inner, outer) = (
      try Fixture.values(small, "conv2d/kernel"), try Fixture.values(large, "conv2d/kernel")
    )
    for y in 0..<5 {
      for x in 0..<5 {
        for filter in 0..<2 {
          let place = (y * 5 + x) * 2 + filter
          let isInside = (1...3).contains(y) && (1...3).contains(x)
          let core = ((y - 1) * 3 + x - 1) * 2 + filter
          if isInside { #expect(cut[core] == outer[place]) }
          #expect(padded[place] == (isInside ? inner[core] : outer[place]))
        }
      }
    }
  }

  @Test func layersThatDoNotCorrespondAreReported() throws {
    let teacher = try Fixture.trained()
    let student = try ModelBuilder.sequential([
      InputLayer([8, 8, 1]), FlattenLayer(), DenseLayer(units: 5, activation: .relu),
      DenseLayer(units: 4, activation: .softmax),
    ])
    let heir = try Self.heir(student, of: teacher)
    #expect(
      heir.report.skipped == [
        .init("dense", "what it reads does not correspond to what 'dense' reads")
      ])
    #expect(heir.report.layers.map(\.layer) == ["dense_1"])
  }

  @Test func constrainedStudentsAreNotOverwritten() throws {
    let sparse = try Pruning(sparsity: 0.5, selection: Selection(only: ["dense"]))(
      Fixture.cnn(), Fixture.context()
    ).model
    let heir = try Self.heir(sparse, of: Fixture.trained())
    #expect(
      heir.report.skipped == [
        .init("dense", "its weights are under a constraint"),
        .init("dense_1", "what it reads does not correspond to what 'dense_1' reads"),
      ])
    #expect(
      try Fixture.values(heir.model, "dense/kernel") == Fixture.values(sparse, "dense/kernel"))
  }

  @Test func studentsLearn() throws {
    let teacher = try Fixture.trained()
    let student = try Fixture.cnn(filters: (2, 3), units: 6, seed: 4)
    for transfer in ParameterTransfer.allCases {
      let (model, report) = try Distilling(transfer: transfer)(
        student,
        Fixture.context(epochs: 20, learningRate: 0.01, data: Fixture.data(), teacher: teacher))
      #expect(report.history.count == 20)
      #expect(try Fixture.accuracy(model) > Fixture.accuracy(student) + 0.2)
    }
  }

  @Test func missingOptionsAreErrors() throws {
    #expect(
      Fixture.message { _ = try Distilling()(Fixture.cnn(), Fixture.context()) }
        == "distill: needs the option 'teacher' or 'peers'")
    #expect(
      Fixture.message {
        _ = try Distilling()(Fixture.cnn(), Fixture.context(teacher: Fixture.cnn()))
      } == "distill: needs the options 'data' and 'epochs', or a transfer of parameters")
  }
}

/// The other ways to hand parameters over.
@Suite struct ParameterTransferTests {
  private static func heir(_ student: Graph, of teacher: Graph, _ transfer: ParameterTransfer)
    throws
    -> (model: Graph, report: Report)
  {
    try Distilling(transfer: transfer)(student, Fixture.context(teacher: teacher))
  }

  /// The model with each filter of the first convolution and each unit of the first dense layer there
  /// twice, and half as much of both where they are read.
  private func doubled(_ model: Graph) throws -> Graph {
    func twice(_ tensor: Tensor, axis: Int) throws -> Tensor {
      let shape = tensor.shape.dimensions
      let inner = shape[(axis + 1)...].reduce(1, *)
      let values = tensor.array(Float.self)
      var wide = shape
      wide[axis] *= 2
      let outer = shape[..<axis].reduce(1, *)
      var result: [Float] = []
      for block in 0..<outer {
        // Copies lie side by side at the far end, so that no order is taken for granted.
        let rows = (0..<shape[axis]).map { row in
          Array(
            values[(block * shape[axis] + row) * inner..<(block * shape[axis] + row + 1) * inner])
        }
        result += (rows + rows.reversed()).flatMap { $0 }
      }
      return try Tensor(result, Shape(wide))
    }
    var result = try Fixture.cnn(filters: (12, 8), units: 24, seed: 3)
    for (name, outputs, inputs) in [
      ("conv2d/kernel", 3, nil), ("conv2d/bias", 0, nil), ("conv2d_1/kernel", nil, 2),
      ("conv2d_1/bias", nil, nil), ("dense/kernel", 1, nil), ("dense/bias", 0, nil),
      ("dense_1/kernel", nil, 0), ("dense_1/bias", nil, nil),
    ] as [(String, Int?, Int?)] {
      guard let parameter = model.parameters[name], let target = result.parameters[name] else {
        continue
      }
      var values = try parameter.decoded()
      if let outputs { values = try twice(values, axis: outputs) }
      if let inputs {
        values = try twice(values, axis: inputs)
        values = try Tensor(values.array(Float.self).map { $0 / 2 }, values.shape)
      }
      try result.set(target.replacing(.dense(values)))
    }
    return result
  }

  /// Where filters of a teacher are equal, their mean works as they did together.
  @Test func averagesOfEqualFiltersAreTheTeacher() throws {
    let model = try Fixture.trained()
    let teacher = try doubled(model)
    let wanted = try Fixture.outputs(model)
    #expect(zip(try Fixture.outputs(teacher), wanted).allSatisfy { abs($0 - $1) < 1e-5 })
    let heir = try Self.heir(Fixture.cnn(seed: 9), of: teacher, .average)
    #expect(heir.report.skipped.isEmpty)
    #expect(heir.report.layers[0].action == "took means of filters of 'conv2d'")
    let sliced = try Fixture.outputs(Self.heir(Fixture.cnn(seed: 9), of: teacher, .slice).model)
    let actual = try Fixture.outputs(heir.model)
    let errors = [actual, sliced].map { zip($0, wanted).map { abs($0 - $1) }.max() ?? 0 }
    // Six groups of two: the longest six are copies of three, so groups may mix; closer all the same.
    #expect(errors[0] < errors[1], "\(errors)")
  }

  /// A student that has filters of the teacher in another order finds them again.
  @Test func theBestMatchingFiltersAreFound() throws {
    let teacher = try Fixture.trained()
    let student = try Fixture.randomized(Fixture.cnn(seed: 9), seed: 8)
    let kernel = try Fixture.values(teacher, "conv2d/kernel")
    let order = [5, 3, 0, 1, 4, 2]
    var shuffled = kernel
    for index in kernel.indices {
      shuffled[index] = 2 * kernel[index / 6 * 6 + order[index % 6]] + 0.001
    }
    var own = student
    let parameter = try #require(student.parameters["conv2d/kernel"])
    try own.set(parameter.replacing(.dense(Tensor(shuffled, parameter.shape))))
    let heir = try Self.heir(own, of: teacher, .match)
    let found = try Fixture.values(heir.model, "conv2d/kernel")
    for index in kernel.indices {
      #expect(found[index] == kernel[index / 6 * 6 + order[index % 6]])
    }
    // The other layers follow, so that the model does what its teacher does.
    #expect(heir.report.skipped.isEmpty)
  }

  @Test func wholeLayersAreTakenAtEvenDistances() throws {
    func model(_ depth: Int, seed: UInt64) throws -> Graph {
      var layers: [any Layer] = [try InputLayer([6]), try DenseLayer(units: 5)]
      layers += try (0..<depth).map { _ in try DenseLayer(units: 5, activation: .relu) }
      layers.append(try DenseLayer(units: 4, activation: .softmax))
      return try ModelBuilder.sequential(layers, seed: seed)
    }
    let (teacher, student) = (try model(5, seed: 1), try model(3, seed: 2))
    let heir = try Self.heir(student, of: teacher, .layers)
    #expect(
      heir.report.layers.map { "\($0.layer): \($0.action)" } == [
        "dense: took all of 'dense'", "dense_1: took all of 'dense_1'",
        "dense_2: took all of 'dense_3'", "dense_3: took all of 'dense_5'",
        "dense_4: took all of 'dense_6'",
      ])
    #expect(
      try Fixture.values(heir.model, "dense_2/kernel") == Fixture.values(teacher, "dense_3/kernel"))
    let other = try Self.heir(Fixture.cnn(), of: teacher, .layers)
    #expect(other.report.skipped.count == 4)
  }
}
