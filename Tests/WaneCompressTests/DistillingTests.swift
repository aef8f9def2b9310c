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
        == "distill: needs the option 'teacher'")
    #expect(
      Fixture.message {
        _ = try Distilling()(Fixture.cnn(), Fixture.context(teacher: Fixture.cnn()))
      } == "distill: needs the options 'data' and 'epochs', or a transfer of parameters")
  }
}
