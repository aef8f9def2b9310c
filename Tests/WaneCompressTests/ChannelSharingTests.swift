import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Shared values of each channel.
@Suite struct ChannelSharingTests {
  static let kernels = ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel"]

  /// A trained network with enough rows a channel for tables to pay.
  static func network() throws -> Graph { try network0.get() }

  private static let network0 = Result {
    let run = try TrainingRun(
      Fixture.cnn(filters: (8, 8), units: 12), data: Fixture.data(),
      options: TrainingOptions(optimizer: .adam(learningRate: 0.01), batchSize: 32), epochs: 6,
      pool: Fixture.pool())
    try run.train(epochs: 6)
    return try run.trainedModel()
  }

  static func share(_ model: Graph, clusters: Int = 4, epochs: Double = 0, only: [String]? = nil)
    throws -> PassResult
  {
    try WeightSharing(
      clusters: clusters, isPerChannel: true, selection: Selection(only: only)
    ).apply(to: model, Fixture.context(epochs: epochs, data: Fixture.data(64)))
  }

  /// The weights of a kernel by its last axis.
  static func channels(_ model: Graph, _ name: String) throws -> [[Float]] {
    let values = try Fixture.values(model, name)
    let count = try #require(model.parameters[name]?.shape.dimensions.last)
    return (0..<count).map { channel in
      stride(from: channel, to: values.count, by: count).map { values[$0] }
    }
  }

  static func table(_ model: Graph, _ name: String) throws -> CentroidTable {
    guard case .codebook(_, let table, _)? = model.parameters[name]?.payload else {
      throw WaneError("test", "\(name) has no codebook")
    }
    return table
  }

  @Test func weightsTakeTheNearestValueOfTheirChannel() throws {
    let model = try Self.network()
    let result = try Self.share(model, only: ["dense", "conv2d_1"])
    let (shared, report) = (result.model, result.report)
    for name in ["conv2d_1/kernel", "dense/kernel"] {
      let table = try Self.table(shared, name)
      let (old, new) = (try Self.channels(model, name), try Self.channels(shared, name))
      #expect(table.size == 4 && table.tableCount == old.count)
      #expect(table.axis == model.parameters[name].map { $0.shape.rank - 1 })
      for (channel, (before, after)) in zip(old, new).enumerated() {
        let own = table.values[channel * 4..<channel * 4 + 4]
        #expect(Set(after).count <= 4)
        for (a, b) in zip(before, after) {
          let nearest = own.map { abs($0 - a) }.min() ?? 0
          #expect(abs(abs(b - a) - nearest) <= 1e-6)
        }
      }
      // As many values a channel are closer than as many for all.
      let whole = try WeightSharing(clusters: 4)(model, Fixture.context()).model
      func error(_ graph: Graph) throws -> Double {
        try KernelSplitTests.distance(Fixture.values(graph, name), Fixture.values(model, name))
      }
      #expect(try error(shared) < error(whole))
    }
    #expect(shared.parameters["dense/kernel"]?.encodingDescription == "codebook of 4 per channel")
    #expect(report.layers.first { $0.layer == "dense" }?["values"]?.after == 4)
    #expect(report.options.contains { $0.name == "per" })
    // Nine weights a channel have nothing to share.
    let many = try Self.share(model, clusters: 16).report
    #expect(many.skipped.contains { $0.layer == "conv2d" })
  }

  @Test func pinnedZerosAreTheFirstOfEveryTable() throws {
    // Pruned by hand: none of the first channel, all of the second.
    var model = try Self.network()
    let old = try #require(model.parameters["dense/kernel"])
    let units = try #require(old.shape.dimensions.last)
    let keep = (0..<old.shape.count).map { index in
      index % units == 0 || (index % units != 1 && index % 3 == 0)
    }
    try model.set(old.pruned(keeping: keep))
    let trained = try Self.share(model, epochs: 2, only: ["dense"]).model
    let shared = try Self.share(model, only: ["dense"]).model
    for graph in [shared, trained] {
      let parameter = try #require(graph.parameters["dense/kernel"])
      let table = try Self.table(graph, "dense/kernel")
      #expect(parameter.isMasked && table.zero == 0 && table.size == 4)
      for (value, isKept) in zip(try Fixture.values(graph, "dense/kernel"), keep) {
        #expect((value == 0) == !isKept)
      }
    }
    #expect(
      try Fixture.values(shared, "dense/kernel") != Fixture.values(trained, "dense/kernel"))
  }

  /// What was shared is pruned, narrowed, quantized and trained, and each channel keeps its few values.
  @Test func laterPassesKeepThem() throws {
    let data = try Fixture.data(64)
    let model = try Self.share(Self.network(), only: ["conv2d_1", "dense"]).model
    let context = try Fixture.context(epochs: 1, data: data, calibration: data)
    func check(_ graph: Graph, _ what: String) throws {
      for name in ["conv2d_1/kernel", "dense/kernel"] {
        #expect(try Self.table(graph, name).axis != nil, "\(what)")
        for channel in try Self.channels(graph, name) {
          #expect(Set(channel).count <= 4, "\(what) \(name)")
        }
      }
    }
    let sparse = try Pruning(sparsity: 0.6)(model, context).model
    try check(sparse, "pruned")
    #expect(try Fixture.zeros(sparse, "dense/kernel") > 100)
    let slim = try FilterReduction(ratio: 0.5)(sparse, context).model
    try check(slim, "narrowed")
    #expect(try Self.table(slim, "dense/kernel").tableCount == 6)
    for bits in [4, 8] {
      let integers = try Quantization(bits: bits)(slim, context).model
      try check(integers, "quantized")
      let kernel = try #require(integers.parameters["dense/kernel"])
      #expect(kernel.encodingDescription.hasSuffix("int\(bits) per channel"))
      #expect(try Fixture.zeros(integers, "dense/kernel") >= Fixture.zeros(slim, "dense/kernel"))
      let (codes, scales) = try #require(try kernel.integerForm())
      let values = try Fixture.values(integers, "dense/kernel")
      for (index, value) in values.enumerated() {
        #expect(abs(Float(codes[index]) * scales[index % scales.count] - value) < 1e-6)
      }
    }
  }

  /// What training computes with the tables of channels on a grid, the integers compute bit for bit.
  @Test(arguments: [3, 4, 8]) func trainingAndIntegersAgree(bits: Int) throws {
    let data = try Fixture.data(64)
    let pruned = try Pruning(sparsity: 0.5)(Self.network(), Fixture.context()).model
    let shared = try Self.share(pruned, only: ["conv2d_1", "dense"]).model
    let model = try Quantization(bits: bits)(
      shared, Fixture.context(epochs: 2, learningRate: 0.01, data: data)
    ).model.feeding(.u8, operation: "test")
    #expect(try Self.table(model, "dense/kernel") != Self.table(shared, "dense/kernel"))
    let training = try TrainingForm(model)
    let bound = training.variables.map { variable in
      (
        variable.name,
        variable.initial.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      )
    }
    let program = try Program(
      training.graph, batch: 64, mode: .training,
      weights: WeightStore(
        training.graph.parameters,
        bound: Dictionary(uniqueKeysWithValues: bound).compactMapValues { $0 }))
    let images = try Fixture.data(64, seed: 5).inputs
    try images.withBytes { source in
      let base = try #require(source.baseAddress)
      program.inputs[0].pointer.copyMemory(from: base, byteCount: source.count)
    }
    withExtendedLifetime(training) { program.run() }
    try program.check()
    let session = try InferenceSession(model, pool: Fixture.pool())
    #expect(session.graph.nodes.count { $0.operation is IntegerLayer } == 4)
    let expected = try session.run([images])[0].array(Float.self)
    #expect((0..<expected.count).map { program.outputs[0].floats[$0] } == expected)
  }

  /// A table may have its zero anywhere; pruning, which wants it first, does not lengthen it.
  @Test func zeroMovesToTheFront() throws {
    let indices = (0..<768).map { UInt8($0 / 3) }
    let values = (0..<3 * 256).map { Float($0 % 256 - 200) }
    let parameter = try Parameter(
      "w",
      .codebook(
        indices: PackedCodes(indices, bits: 8),
        centroids: CentroidTable(values, size: 256, axis: 1), grid: nil),
      shape: Shape([256, 3]), isMasked: true)
    let books = try #require(try parameter.codebooks())
    let moved = try parameter.replacing(books.payload(isMasked: true))
    #expect(try moved.decoded().array(Float.self) == parameter.decoded().array(Float.self))
    guard case .codebook(_, let table, _) = moved.payload else { throw WaneError("test", "lost") }
    #expect(table.size == 256 && table.zero == 0)
  }

  /// A kernel on a grid of a scale a channel stays on one.
  @Test func integersStayIntegers() throws {
    let model = try Quantization(bits: 4)(
      Self.network(), Fixture.context(calibration: Fixture.data())
    ).model
    let shared = try Self.share(model, clusters: 3, epochs: 1, only: ["dense"]).model
    let kernel = try #require(shared.parameters["dense/kernel"])
    #expect(kernel.encodingDescription == "codebook of 3 per channel int4 per channel")
    for channel in try Self.channels(shared, "dense/kernel") { #expect(Set(channel).count <= 3) }
    // Fewer values than asked for stay as they are.
    let again = try Self.share(shared, clusters: 8, only: ["dense"]).model
    #expect(try Fixture.values(again, "dense/kernel") == Fixture.values(shared, "dense/kernel"))
  }

  @Test func stagesOfAPipelineAreVerified() throws {
    let model = try Self.share(Self.network(), only: ["dense"]).model
    let before = try Invariants(model)
    try before.verify(model, kept: [:], after: "nothing")
    let whole = try #require(model.parameters["dense/kernel"])
    var broken = model
    var values = try whole.decoded().array(Float.self)
    let units = try #require(whole.shape.dimensions.last)
    for index in stride(from: 0, to: values.count, by: units) { values[index] = Float(index) }
    try broken.set(whole.replacing(.dense(Tensor(values, whole.shape))))
    #expect(
      Fixture.message { try before.verify(broken, kept: [:], after: "it") }
        .contains("values where 4 were shared"))
  }

  @Test func tablesThatDoNotFitAreRefused() throws {
    let shape = try Shape([3, 2])
    func message(_ table: CentroidTable, _ grid: WeightGrid? = nil, isMasked: Bool = false)
      -> String
    {
      Fixture.message {
        let codes = try PackedCodes([0, 1, 1, 0, 1, 1], bits: 1)
        _ = try Parameter(
          "w", .codebook(indices: codes, centroids: table, grid: grid), shape: shape,
          isMasked: isMasked)
      }
    }
    #expect(message(try CentroidTable([1, 2, 3, 4], size: 2, axis: 1)) == "no error")
    #expect(
      message(try CentroidTable([1, 2, 3, 4], size: 2, axis: 0))
        .contains("2 tables do not fit shape"))
    #expect(
      message(try CentroidTable([1, 2], size: 1, axis: 1)).contains("code 1 is beyond the 1"))
    #expect(
      message(try CentroidTable([0, 2, 3, 0], size: 2, axis: 1), isMasked: true)
        .contains("no entry is zero in all of its tables"))
    #expect(
      message(
        try CentroidTable([1, 2, 3, 4], size: 2, axis: 1),
        try WeightGrid(bits: 4, scales: [1, 1, 1], axis: 0)
      ).contains("one for each of its tables"))
    #expect(
      Fixture.message { _ = try CentroidTable([1, 2, 3], size: 2, axis: 0) }
        .contains("3 values are no tables of 2"))
  }
}
