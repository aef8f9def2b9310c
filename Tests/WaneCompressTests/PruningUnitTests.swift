import Testing
import WaneGraph
import WaneNN
import WaneTensor

@testable import WaneCompress

/// Units against code that walks over the matrix, on random shapes and shares.
@Suite struct PruningUnitTests {
  /// A model of a kernel with random weights, some of them zero, and one behind it.
  private static func model(_ shape: [Int], transposed: Bool, _ random: inout Fixture.Random) throws
    -> Graph
  {
    var graph = Graph()
    let count = shape.reduce(1, *)
    let values = (0..<count).map { _ in random.below(8) == 0 ? 0 : random.unit() }
    let kernel = try Parameter("layer/kernel", Tensor(values, Shape(shape)))
    let y: Value
    if shape.count == 2 {
      let x = try graph.add(one: Input(index: 0, type: .batched([shape[0]])), [], layer: "input")
      let w = try graph.add(parameter: kernel, layer: "layer")
      y = try graph.add(one: Dense(), [x, w], layer: "layer")
    } else {
      let channels = transposed ? shape[3] : shape[2]
      let x = try graph.add(
        one: Input(index: 0, type: .batched([9, 9, channels])), [], layer: "input")
      let w = try graph.add(parameter: kernel, layer: "layer")
      let window = try Window2D("test", size: Array(shape[..<2]), strides: [1, 1])
      let operation: any Operation = transposed ? Conv2DTranspose(window) : Conv2D(window)
      y = try graph.add(one: operation, [x, w], layer: "layer")
    }
    let last = try Parameter("out/kernel", Tensor(zeros: Shape([graph.type(of: y).channels, 2])))
    graph.outputs = [
      try graph.add(one: Dense(), [y, graph.add(parameter: last, layer: "out")], layer: "out")
    ]
    return graph
  }

  /// The matrix of a kernel: row and column of each weight.
  private static func places(_ shape: [Int], transposed: Bool) -> [(row: Int, column: Int)] {
    var places: [(Int, Int)] = []
    if shape.count == 2 {
      for row in 0..<shape[0] { for column in 0..<shape[1] { places.append((row, column)) } }
      return places
    }
    for tap in 0..<shape[0] * shape[1] {
      for a in 0..<shape[2] {
        for b in 0..<shape[3] {
          places.append(transposed ? (tap * shape[3] + b, a) : (tap * shape[2] + a, b))
        }
      }
    }
    return places
  }

  private static func unit(_ random: inout Fixture.Random) -> PruningUnit {
    switch random.below(5) {
    case 0: .weight
    case 1: .row
    case 2: .column
    case 3:
      .block(rows: 1 + random.below(5), columns: 1 + random.below(5))
    default: .block(rows: 4, columns: 1)
    }
  }

  @Test(arguments: 1...60)
  func theShareOfUnitsIsExact(seed: Int) throws {
    var random = Fixture.Random(seed)
    let transposed = random.below(3) == 0
    let shape =
      random.below(2) == 0 && !transposed
      ? [1 + random.below(20), 1 + random.below(20)]
      : [1 + random.below(3), 1 + random.below(3), 1 + random.below(6), 1 + random.below(6)]
    let model = try Self.model(shape, transposed: transposed, &random)
    let unit = Self.unit(&random)
    let sparsity = [0, 0.1, 0.5, 0.9, 0.999, 1][random.below(6)]
    let pruned = try Pruning(
      sparsity: sparsity, unit: unit, selection: Selection(only: ["layer"]))(
        model, Fixture.context()
      ).model
    let (old, new) = (
      try Fixture.values(model, "layer/kernel"), try Fixture.values(pruned, "layer/kernel")
    )
    let places = Self.places(shape, transposed: transposed)
    func key(_ index: Int) -> [Int] {
      let (row, column) = places[index]
      return switch unit {
      case .weight, .pattern: [row, column]
      case .row: [row]
      case .column: [column]
      case .block(let rows, let columns): [row / rows, column / columns]
      }
    }
    var sums: [[Int]: (sum: Double, count: Int, isGone: Bool)] = [:]
    for index in old.indices {
      var entry = sums[key(index)] ?? (0, 0, true)
      entry.sum += Double(abs(old[index]))
      entry.count += 1
      entry.isGone = entry.isGone && new[index] == 0
      sums[key(index)] = entry
      // What stays is as it was.
      #expect(new[index] == 0 || new[index] == old[index])
    }
    let zero = sums.values.filter { $0.sum == 0 }.count
    let wanted = Int((sparsity * Double(sums.count)).rounded())
    let limit = sparsity == 1 ? sums.count : sums.count - 1
    #expect(sums.values.filter(\.isGone).count == max(min(wanted, limit), zero))
    // Whole units go, the weakest first.
    let gone = sums.values.filter(\.isGone).map { $0.sum / Double($0.count) }.max() ?? 0
    let kept = sums.values.filter { !$0.isGone }.map { $0.sum / Double($0.count) }.min()
    if let kept { #expect(gone <= kept * (1 + 1e-6)) }
    for index in old.indices where sums[key(index)]?.isGone == false {
      #expect(new[index] == old[index])
    }
    #expect(pruned.parameters["layer/kernel"]?.isMasked == true || min(wanted, limit) <= zero)
  }

  @Test(arguments: 1...40)
  func aPatternLeavesTheLargestOfEachGroup(seed: Int) throws {
    var random = Fixture.Random(seed)
    let transposed = random.below(3) == 0
    let shape =
      random.below(2) == 0 && !transposed
      ? [1 + random.below(30), 1 + random.below(9)]
      : [1 + random.below(3), 1 + random.below(3), 1 + random.below(9), 1 + random.below(6)]
    let size = 2 + random.below(7)
    let keeping = 1 + random.below(size - 1)
    let model = try Self.model(shape, transposed: transposed, &random)
    let pruned = try Pruning(
      .byPattern, unit: .pattern(keeping: keeping, of: size),
      selection: Selection(only: ["layer"]))(model, Fixture.context()).model
    let (old, new) = (
      try Fixture.values(model, "layer/kernel"), try Fixture.values(pruned, "layer/kernel")
    )
    var groups: [[Int]: [Int]] = [:]
    for (index, (row, column)) in Self.places(shape, transposed: transposed).enumerated() {
      groups[[column, row / size], default: []].append(index)
    }
    for members in groups.values {
      let alive = members.filter { old[$0] != 0 }
      let kept = members.filter { new[$0] != 0 }
      #expect(kept.count == min(keeping, alive.count))
      let smallest = kept.map { abs(old[$0]) }.min() ?? .infinity
      for index in alive where new[index] == 0 { #expect(abs(old[index]) <= smallest) }
    }
  }

  @Test func unitsArePrunedWhileTraining() throws {
    let context = try Fixture.context(epochs: 3, data: Fixture.data())
    let units: [PruningUnit] = [.row, .column, .block(rows: 4, columns: 2)]
    for unit in units {
      let schedules: [PruningSchedule] = [
        .cubic, .iterative(rounds: 2, rewind: .epochs(1)), .rigl(fraction: 0.5, interval: 3),
      ]
      for schedule in schedules {
        let result = try Pruning(sparsity: 0.5, unit: unit, scope: .layer, schedule: schedule)(
          Fixture.trained(), context)
        for row in result.report.layers {
          let layer = try #require(
            result.model.weightedLayers().first { $0.label == row.layer })
          let count = UnitPartition(
            unit, try #require(KernelMatrix(layer, in: result.model))
          ).count
          let wanted = (0.5 * Double(count)).rounded()
          #expect(row["zero_\(unit.plural)"]?.after == wanted, "\(unit) \(schedule.name) \(row)")
        }
      }
    }
    let pattern = try Pruning(
      .byPattern, unit: .pattern(keeping: 2, of: 4), schedule: .cubic)(Fixture.trained(), context)
    let dense = try Fixture.values(pattern.model, "dense/kernel")
    for column in 0..<12 {
      for start in stride(from: 0, to: 32, by: 4) {
        let kept = (start..<start + 4).filter { dense[$0 * 12 + column] != 0 }.count
        #expect(kept == 2)
      }
    }
  }

  /// Without its column an output of the model would say nothing; so nothing takes one away.
  @Test func outputsKeepTheirColumns() throws {
    let reason = "its columns are outputs of the model"
    for scope in [PruningScope.global, .layer] {
      let result = try Pruning(sparsity: 0.9, unit: .column, scope: scope)(
        Fixture.trained(), Fixture.context())
      #expect(result.report.skipped == [.init("dense_1", reason)])
      #expect(result.report.layers.map(\.layer) == ["conv2d", "conv2d_1", "dense"])
      #expect(try Fixture.zeros(result.model, "dense_1/kernel") == 0)
      #expect(try Fixture.zeros(result.model, "dense/kernel") >= 32 * 6)
    }
    // Other units take weights of all columns.
    for unit in [PruningUnit.weight, .row, .block(rows: 4, columns: 4)] {
      let report = try Pruning(sparsity: 0.5, unit: unit)(
        Fixture.trained(), Fixture.context()
      ).report
      #expect(report.skipped.isEmpty)
    }
    // Through what has no weights, and from each of several outputs.
    let x = try InputLayer([4, 4, 3])
    let layers: [any Layer] = try [
      x, Conv2DLayer(filters: 4, window: Fixture.window(3, .same), name: "inner"),
      Conv2DLayer(filters: 5, window: Fixture.window(3, .same), name: "outer"),
      BatchNormLayer(), ActivationLayer(.relu), FlattenLayer(),
    ]
    var model = try ModelBuilder.sequential(layers, seed: 1)
    func skipped() throws -> [String] {
      try Pruning(sparsity: 0.5, unit: .column)(model, Fixture.context()).report.skipped.map(
        \.layer)
    }
    #expect(try skipped() == ["outer"])
    let inner = try #require(
      model.nodes.firstIndex { $0.layer == "inner" && $0.operation is Conv2D })
    model.outputs.append(Value(node: inner))
    #expect(try skipped() == ["inner", "outer"])
  }

  @Test func wrongUnitsAreErrors() throws {
    func message(_ unit: PruningUnit, _ sparsity: PruningSparsity = .uniform(0.5)) -> String {
      Fixture.message { _ = try Pruning(sparsity, unit: unit) }
    }
    #expect(
      message(.block(rows: 0, columns: 4))
        == "prune: block must have 1 to 1048576 rows and columns, got 0x4")
    #expect(
      message(.pattern(keeping: 4, of: 4), .byPattern)
        == "prune: unit n:m must keep 1 or more of more than that, got 4:4")
    #expect(
      message(.pattern(keeping: 2, of: 4))
        == "prune: unit '2:4' says how much goes: leave the option 'sparsity' out")
    #expect(message(.row, .byPattern) == "prune: unit 'row' needs the option 'sparsity'")
    #expect(
      Fixture.message {
        _ = try Pruning(
          .byPattern, unit: .pattern(keeping: 2, of: 4),
          schedule: .rigl(fraction: 0.3, interval: nil))
      } == "prune: schedule 'rigl' does not keep the pattern 2:4")
  }
}
