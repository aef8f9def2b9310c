import WaneGraph
import WaneTensor

/// Hands a student as many of a teacher's filters as it has room for.
///
/// Layers are matched by kind and order, first with first and last with last. `FilterAllotment` divides
/// the filters of each teacher layer into as many subsets as the student has filters: a filter of the
/// student becomes the mean of its subset. The next layer then takes the sum of the weights that read
/// the subset, so that what is handed over works together: exactly where the filters of a subset are
/// equal. Kernels of different size are aligned at their centres.
struct FilterTransfer {
  private typealias Channel = ChannelGraph.Channel

  private let teacher: Graph
  private let student: Graph
  private let taught: ChannelGraph
  private let learning: ChannelGraph
  private let choice: FilterAllotment
  /// The teacher's channels that each of the student's stands for.
  private var origin: [Channel: [Channel]] = [:]

  init(from teacher: Graph, to student: Graph, _ choice: FilterAllotment) throws {
    self.choice = choice
    // What normalizations do is part of the weights that are handed over.
    self.teacher = try teacher.pruned().foldingBatchNorm()
    self.student = student
    taught = ChannelGraph(self.teacher)
    learning = ChannelGraph(student)
    for (mine, theirs) in zip(student.inputs, self.teacher.inputs)
    where student.type(of: mine) == self.teacher.type(of: theirs) {
      for (channel, source) in zip(learning.layout(mine), taught.layout(theirs)) {
        origin[learning.root(channel)] = [taught.root(source)]
      }
    }
  }

  /// The student with the parameters handed over.
  mutating func run(_ report: inout Report) throws -> Graph {
    var result = student
    var partners: [String: WeightedLayer] = [:]
    for kind in [Conv2D.name, Dense.name] {
      let mine = student.weightedLayers().filter { $0.kind == kind }
      let theirs = teacher.weightedLayers().filter { $0.kind == kind }
      for (layer, partner) in FilterTransfer.match(mine, theirs) { partners[layer.path] = partner }
    }
    for layer in student.weightedLayers() {
      guard !layer.isFloatOnly else {
        report.skipped.append(
          .init(layer.label, "a layer of kind '\(layer.kind)' is not handed over"))
        continue
      }
      guard let partner = partners[layer.path] else {
        report.skipped.append(.init(layer.path, "the teacher has no such layer left"))
        continue
      }
      guard student.convolution(of: layer)?.groups ?? 1 == 1,
        teacher.convolution(of: partner)?.groups ?? 1 == 1
      else {
        report.skipped.append(.init(layer.path, "is a grouped convolution"))
        continue
      }
      if let kernel = student.parameters[layer.kernel],
        kernel.isMasked || kernel.grid != nil || kernel.isCodebook
      {
        report.skipped.append(.init(layer.path, "its weights are under a constraint"))
        continue
      }
      try hand(partner, to: layer, in: &result, &report)
    }
    return result
  }

  /// Pairs of layers: both ends meet, the others at even distances.
  private static func match(_ mine: [WeightedLayer], _ theirs: [WeightedLayer]) -> [(
    WeightedLayer, WeightedLayer
  )] {
    guard let last = theirs.last else { return [] }
    if mine.count > theirs.count {
      // The last one is the classifier more often than not; those that have no partner lie before it.
      return Array(zip(mine.dropLast(), theirs.dropLast())) + [(mine[mine.count - 1], last)]
    }
    return mine.enumerated().map { index, layer in
      guard mine.count > 1 else { return (layer, layer.kind == Dense.name ? last : theirs[0]) }
      let place = Double(index * (theirs.count - 1)) / Double(mine.count - 1)
      return (layer, theirs[Int(place.rounded())])
    }
  }

  private mutating func hand(
    _ partner: WeightedLayer, to layer: WeightedLayer, in result: inout Graph,
    _ report: inout Report
  ) throws {
    guard let source = teacher.parameters[partner.kernel],
      let target = student.parameters[layer.kernel]
    else { return }
    let rank = target.shape.rank
    let inputs = correspondence(
      learning.roots(of: layer.kernel, axis: rank - 2),
      taught.roots(of: partner.kernel, axis: rank - 2))
    let window = (0..<rank - 2).map { axis in
      FilterTransfer.align(target.shape[axis], source.shape[axis])
    }
    let (old, own) = (try source.decoded(), try target.decoded())
    let outputs = try chooseOutputs(source, for: target) { outputs in
      try FilterTransfer.copy(old, into: own, window + [inputs], outputs)
    }
    guard inputs.contains(where: { !$0.isEmpty }) else {
      report.skipped.append(
        .init(layer.path, "what it reads does not correspond to what '\(partner.path)' reads"))
      return
    }
    let values = try FilterTransfer.copy(old, into: own, window + [inputs], outputs)
    try result.set(target.replacing(.dense(values), isMasked: target.isMasked))
    if let name = layer.bias, let bias = student.parameters[name],
      let old = partner.bias.flatMap({ teacher.parameters[$0] })
    {
      let values = try FilterTransfer.copy(old.decoded(), into: bias.decoded(), [], outputs)
      try result.set(bias.replacing(.dense(values)))
    }
    let taken = outputs.reduce(0) { $0 + ($1.isEmpty ? 0 : 1) }
    let unit = layer.kind == Conv2D.name ? "filters" : "units"
    report.layers.append(
      Report.Row(
        layer: layer.path, action: "took \(choice.took) \(unit) of '\(partner.path)'",
        numbers: [.init(unit, Double(source.shape[rank - 1]), Double(taken))]))
  }

  /// For each filter of the student those of the teacher that it becomes; none beyond the
  /// teacher's.
  ///
  /// `handing` gives the kernel that the student would have with a choice.
  private mutating func chooseOutputs(
    _ source: Parameter, for target: Parameter, handing: ([[Int]]) throws -> Tensor
  ) throws -> [[Int]] {
    let rank = target.shape.rank
    let theirs = taught.roots(of: source.name, axis: rank - 1)
    let mine = learning.roots(of: target.name, axis: rank - 1)
    // Where results are added, an earlier layer has already chosen for this one.
    let places = Dictionary(zip(theirs, theirs.indices)) { first, _ in first }
    let decided = mine.map { (origin[$0] ?? []).compactMap { places[$0] } }
    if decided.contains(where: { !$0.isEmpty }) { return decided }

    let isClassifier = mine.count == theirs.count
    let outputs =
      isClassifier && choice != .match
      ? theirs.indices.map { [$0] }
      : try choice.choose(mine.count, of: source, for: target, handing: handing)
    for (channel, chosen) in zip(mine, outputs) where !chosen.isEmpty {
      origin[channel] = chosen.map { theirs[$0] }
    }
    return outputs
  }

  /// For each position the student reads, those of the teacher that hold the same.
  ///
  /// Flattened images repeat their channels pixel by pixel; the pixels correspond when there are
  /// equally many.
  private func correspondence(_ mine: [Channel], _ theirs: [Channel]) -> [[Int]] {
    let places = Dictionary(grouping: theirs.indices) { theirs[$0] }
    let counts = mine.reduce(into: [Channel: Int]()) { $0[$1, default: 0] += 1 }
    var seen: [Channel: Int] = [:]
    return mine.map { channel in
      let pixel = seen[channel, default: 0]
      seen[channel] = pixel + 1
      return (origin[channel] ?? []).compactMap { source in
        guard let places = places[source], places.count == counts[channel] else { return nil }
        return places[pixel]
      }
    }
  }

  /// For each position of an axis the position of another that lies there when centres meet.
  private static func align(_ mine: Int, _ theirs: Int) -> [[Int]] {
    let shift = (theirs - mine) / 2
    return (0..<mine).map { (0..<theirs).contains($0 + shift) ? [$0 + shift] : [] }
  }

  /// Copies values from positions that correspond; elsewhere, what was there stays.
  ///
  /// Several positions of `axes` add up; of several outputs, those of the last axis, the mean is
  /// taken.
  private static func copy(
    _ source: Tensor, into target: Tensor, _ axes: [[[Int]]], _ outputs: [[Int]]
  ) throws -> Tensor {
    var result = target
    let extents = source.shape.dimensions
    try result.withMutableElements(Float.self) { target in
      source.with(Float.self) { source in
        var origins: [[Int]] = [[0]]
        for (axis, positions) in (axes + [outputs]).enumerated() {
          origins = origins.flatMap { bases in
            positions.map { positions in
              bases.flatMap { base in positions.map { base * extents[axis] + $0 } }
            }
          }
        }
        for (index, places) in origins.enumerated() where !places.isEmpty {
          let sum = places.reduce(Float(0)) { $0 + source[$1] }
          target[index] = sum / Float(outputs[index % outputs.count].count)
        }
      }
    }
    return result
  }
}
