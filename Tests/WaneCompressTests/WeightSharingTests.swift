import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

@Suite struct WeightSharingTests {
  static func normals(_ count: Int, seed: Int) -> [Float] {
    var random = Fixture.Random(seed)
    return (0..<count).map { _ in random.normal() }
  }

  /// Squared distances to the nearest of some points, the slow way.
  static func cost(_ values: [Float], _ points: [Float]) -> Double {
    values.reduce(0) { sum, value in
      sum + (points.map { Double(value - $0) * Double(value - $0) }.min() ?? 0)
    }
  }

  /// The least cost there is, by trying all cuts of the sorted values (dynamic programming).
  static func leastCost(_ unsorted: [Float], _ clusters: Int) -> Double {
    let values = unsorted.sorted().map { Double($0) }
    func cost(_ range: Range<Int>) -> Double {
      let mean = values[range].reduce(0, +) / Double(range.count)
      return values[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    var best = (0...values.count).map { $0 == 0 ? 0 : cost(0..<$0) }
    for _ in 1..<clusters {
      best = (0...values.count).map { end in
        (0..<max(end, 1)).map { best[$0] + ($0 < end ? cost($0..<end) : 0) }.min() ?? 0
      }
    }
    return best[values.count]
  }

  @Test(arguments: [2, 3, 5, 8], 1...4)
  func clustersAreNearTheBestThereAre(clusters: Int, seed: Int) {
    let values = Self.normals(60, seed: seed)
    let found = Clustering(
      SortedValues(values), count: clusters, initial: .kMeansPlusPlus, seed: UInt64(seed))
    let cost = Self.cost(values, found.centroids)
    #expect(abs(found.cost - cost) < 1e-4 * (1 + cost))
    #expect(cost <= 1.1 * Self.leastCost(values, clusters) + 1e-9)
  }

  @Test(arguments: CentroidInitializer.allCases)
  func clustersAreStable(initial: CentroidInitializer) {
    let values = Self.normals(2000, seed: 7)
    let found = Clustering(SortedValues(values), count: 16, initial: initial, seed: 1)
    #expect(found.centroids.count == 16)
    #expect(found.centroids == found.centroids.sorted())
    // Each centroid is the mean of the values nearest to it: Lloyd's condition.
    var sums = [Double](repeating: 0, count: 16)
    var counts = [Double](repeating: 0, count: 16)
    for value in values {
      let nearest = (0..<16).min {
        abs(value - found.centroids[$0]) < abs(value - found.centroids[$1])
      }
      sums[nearest ?? 0] += Double(value)
      counts[nearest ?? 0] += 1
    }
    for index in 0..<16 {
      #expect(counts[index] > 0)
      #expect(abs(sums[index] / counts[index] - Double(found.centroids[index])) < 1e-5)
    }
  }

  @Test func fewValuesAreKeptExactly() {
    let values: [Float] = [3, 1, 2, 1, 3, 3]
    let found = Clustering(SortedValues(values), count: 4, initial: .linear, seed: 0)
    #expect(found.centroids == [1, 2, 3])
    #expect(found.cost == 0)
  }

  @Test func extremeValuesDoNotTrap() {
    let tiny = Float.leastNonzeroMagnitude
    for values: [Float] in [
      [], [0], [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, 1, 2],
      [tiny, 2 * tiny, 3 * tiny, 0, 1e38], Array(repeating: 1, count: 9),
    ] {
      for initial in CentroidInitializer.allCases {
        let found = Clustering(SortedValues(values), count: 3, initial: initial, seed: 2)
        #expect(found.centroids.count <= 3)
        #expect(found.centroids.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test(arguments: CentroidInitializer.allCases)
  func weightsTakeTheNearestSharedValue(initial: CentroidInitializer) throws {
    let model = try Fixture.trained()
    let (shared, report) = try WeightSharing(clusters: 8, initial: initial)(
      model, Fixture.context())
    for name in ["conv2d/kernel", "conv2d_1/kernel", "dense/kernel"] {
      guard case .codebook(let indices, let table, nil)? = shared.parameters[name]?.payload else {
        Issue.record("no codebook")
        continue
      }
      #expect(indices.bits == 3)
      #expect(table.size == 8 && table.axis == nil)
      let (old, new) = (try Fixture.values(model, name), try Fixture.values(shared, name))
      for (a, b) in zip(old, new) {
        let nearest = table.values.map { abs($0 - a) }.min() ?? 0
        #expect(abs(abs(b - a) - nearest) <= 1e-6)
      }
    }
    #expect(shared.parameters["dense/bias"]?.encodingDescription == "f32")
    #expect(report.layers.first { $0.layer == "dense" }?["values"]?.after == 8)
    #expect(model.parameters["dense/kernel"]?.encodingDescription == "f32")
  }

  @Test func prunedKernelsShareZero() throws {
    let sparse = try Pruning(sparsity: 0.6)(Fixture.trained(), Fixture.context()).model
    let context = try Fixture.context(epochs: 2, data: Fixture.data())
    let shared = try WeightSharing(clusters: 16)(sparse, context).model
    for name in ["conv2d_1/kernel", "dense/kernel"] {
      let parameter = try #require(shared.parameters[name])
      guard case .codebook(let indices, let table, _) = parameter.payload else {
        Issue.record("no codebook")
        continue
      }
      #expect(parameter.isMasked)
      #expect(indices.bits == 4)
      #expect(table.size == 16)
      #expect(table.values[0] == 0)
      let (old, new) = (try Fixture.values(sparse, name), try Fixture.values(shared, name))
      #expect(zip(old, new).allSatisfy { ($0 == 0) == ($1 == 0) })
    }
  }

  @Test func trainingMovesSharedValuesTogether() throws {
    let model = try Fixture.trained(epochs: 1)
    let once = try WeightSharing(clusters: 4)(model, Fixture.context()).model
    let trained = try WeightSharing(clusters: 4)(
      model, Fixture.context(epochs: 3, data: Fixture.data())
    ).model
    func indices(_ model: Graph) throws -> [UInt8] {
      try model.parameters["dense/kernel"]?.codebooks()?.books[0].indices ?? []
    }
    #expect(try indices(once) == indices(trained))
    #expect(try Fixture.values(once, "dense/kernel") != Fixture.values(trained, "dense/kernel"))
    #expect(try Fixture.accuracy(trained) >= Fixture.accuracy(once))
  }

  @Test func integersStayIntegers() throws {
    let model = try Quantization(bits: 4)(
      Fixture.trained(), Fixture.context(calibration: Fixture.data())
    ).model
    let shared = try WeightSharing(clusters: 6)(
      model, Fixture.context(epochs: 1, data: Fixture.data())
    ).model
    let parameter = try #require(shared.parameters["dense/kernel"])
    #expect(parameter.encodingDescription.hasSuffix("int4 per tensor"))
    #expect(try parameter.distinctCount() <= 6)
    // A codebook of no more values than asked for stays as it is.
    let again = try WeightSharing(clusters: 8)(shared, Fixture.context()).model
    #expect(try Fixture.values(again, "dense/kernel") == Fixture.values(shared, "dense/kernel"))
  }

  @Test func smallKernelsAreSkipped() throws {
    let (_, report) = try WeightSharing(clusters: 256)(Fixture.trained(), Fixture.context())
    #expect(
      report.skipped.contains(
        .init("conv2d_1", "a codebook would take more bytes than the weights")))
  }

  @Test func repeatsForASeed() throws {
    let model = try Fixture.trained()
    func run() throws -> [Float] {
      try Fixture.values(
        WeightSharing(clusters: 8)(model, Fixture.context(epochs: 1, data: Fixture.data())).model,
        "dense/kernel")
    }
    #expect(try run() == run())
  }

  @Test func wrongOptionsAreErrors() throws {
    for clusters in [-1, 0, 1, 257] {
      #expect(
        Fixture.message { _ = try WeightSharing(clusters: clusters) }
          == "compress: clusters must be in 2..256, got \(clusters)")
    }
    #expect(
      Fixture.message {
        _ = try WeightSharing(clusters: 4)(Fixture.cnn(), Fixture.context(epochs: 1))
      } == "compress: fine-tuning for 1.0 epochs needs the option 'data'")
  }
}
