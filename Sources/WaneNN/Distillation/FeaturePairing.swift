import WaneGraph
import WaneTensor

/// Which layers of a student and a teacher belong together.
///
/// Both are cut into stages. A stage ends with the last layer with a kernel that has a size of
/// images; layers without images are a stage each, the answer excepted. A student's stage belongs to the
/// teacher's stage of its size; when there is none, to the one at its relative depth. No pair lies before
/// an earlier one.
struct FeaturePairing {
  /// A layer that ends a stage.
  struct Stage: Equatable {
    let layer: String
    let dimensions: [Int]
    /// Height and width, nothing for values that are not images.
    var size: [Int] { Array(dimensions.dropLast()) }
  }

  /// The stages of a model.
  static func stages(of model: Graph) -> [Stage] {
    let answers = Set(model.outputs.map { model.nodes[$0.node].layer })
    var stages: [Stage] = []
    for node in model.nodes where node.isWeighted && !answers.contains(node.layer) {
      guard let value = model.result(of: node.layer) else { continue }
      let stage = Stage(layer: node.layer, dimensions: model.type(of: value).dimensions)
      guard !stage.dimensions.isEmpty, !stages.contains(stage) else { continue }
      if let last = stages.last, last.size == stage.size, !stage.size.isEmpty {
        stages.removeLast()
      }
      stages.append(stage)
    }
    return stages
  }

  /// The pairs of a student and its teacher.
  ///
  /// - Throws: when one of them has no layer to compare.
  static func pairs(_ student: Graph, _ teacher: Graph) throws -> [Lesson.Pair] {
    let (mine, theirs) = (stages(of: student), stages(of: teacher))
    guard !mine.isEmpty, !theirs.isEmpty else {
      throw WaneError(
        "distill",
        "the \(mine.isEmpty ? "student" : "teacher") has no layer before its answer to compare")
    }
    var result: [Lesson.Pair] = []
    var first = 0
    for (index, stage) in mine.enumerated() {
      let depth =
        mine.count > 1 ? Double(index) / Double(mine.count - 1) : 1
      let rest = theirs.indices.dropFirst(first)
      let alike = rest.filter { theirs[$0].size == stage.size }
      let kin = rest.filter { theirs[$0].size.isEmpty == stage.size.isEmpty }
      // The layer at the same depth, among those that are most alike.
      let candidates = !alike.isEmpty ? Array(alike) : Array(kin)
      let partner = candidates.min { a, b in
        distance(a, depth, of: theirs.count) < distance(b, depth, of: theirs.count)
      }
      guard let partner else { continue }
      result.append(.init(student: stage.layer, teacher: theirs[partner].layer))
      first = partner
    }
    if result.isEmpty, let mine = mine.last, let theirs = theirs.last {
      result.append(.init(student: mine.layer, teacher: theirs.layer))
    }
    return result
  }

  private static func distance(_ index: Int, _ depth: Double, of count: Int) -> Double {
    abs((count > 1 ? Double(index) / Double(count - 1) : 1) - depth)
  }
}

extension Node {
  /// Whether it has a kernel.
  fileprivate var isWeighted: Bool {
    operation is Conv2D || operation is Conv2DTranspose || operation is Dense
      || operation is any RecurrentOperation
  }
}

extension Graph {
  /// What a layer gives: the value that its last operation makes; nil where there is no such layer.
  func result(of layer: String) -> Value? {
    nodes.lastIndex { $0.layer == layer && !($0.operation is ParameterRead) }
      .map { Value(node: $0) }
  }

  /// The same.
  ///
  /// - Throws: when there is no such layer, with the names of those that there are.
  func result(of layer: String, in owner: String) throws -> Value {
    if let value = result(of: layer) { return value }
    var names: [String] = []
    for node in nodes where !node.layer.isEmpty && names.last != node.layer {
      if !names.contains(node.layer) { names.append(node.layer) }
    }
    throw WaneError(
      "distill",
      "the \(owner) has no layer '\(layer)', only \(names.map { "'\($0)'" }.joined(separator: ", "))"
    )
  }
}
