import WaneGraph
import WaneTensor

/// A layer whose weights another one could read.
struct TieableLayer {
  let path: String
  /// Its operations, in order.
  let kinds: [String]
  /// Its parameters, in the order they are read.
  let names: [String]
  /// Their shapes.
  let shapes: [Shape]
  /// Why it keeps its weights for itself.
  let obstacle: String?
  /// The weights of its kernels, one after the other.
  private let kernels: [Float]

  /// The layers with kernels, in the order of the model.
  static func all(in model: Graph) throws -> [TieableLayer] {
    var uses: [String: Int] = [:]
    for node in model.nodes {
      for input in node.inputs {
        if let name = model.parameter(input)?.name { uses[name, default: 0] += 1 }
      }
    }
    var nodes: [String: [Int]] = [:]
    var paths: [String] = []
    for layer in model.weightedLayers() {
      if nodes[layer.path] == nil { paths.append(layer.path) }
      for node in layer.nodes where nodes[layer.path]?.contains(node) != true {
        nodes[layer.path, default: []].append(node)
      }
    }
    return try paths.map { try TieableLayer($0, nodes[$0] ?? [], uses, model) }
  }

  private init(_ path: String, _ nodes: [Int], _ uses: [String: Int], _ model: Graph) throws {
    let parameters = nodes.flatMap { node in
      model.nodes[node].inputs.compactMap { model.parameter($0) }
    }
    self.path = path
    kinds = nodes.map { type(of: model.nodes[$0].operation).name }
    names = parameters.map(\.name)
    shapes = parameters.map(\.shape)
    kernels = try parameters.filter { $0.shape.rank > 1 }.flatMap {
      try $0.decoded().array(Float.self)
    }
    if parameters.contains(where: { uses[$0.name] != 1 }) {
      obstacle = "its weights are shared already"
    } else if parameters.contains(where: { !$0.isPlain }) {
      obstacle = "its weights are pruned, shared or on a grid; tie comes before these"
    } else if Set(parameters.map(\.isTrainable)).count > 1 {
      obstacle = "some of its weights are frozen"
    } else {
      obstacle = kernels.allSatisfy(\.isFinite) ? nil : "has weights that are not finite"
    }
  }

  /// Why it cannot read the weights of another layer; nil when it can.
  func difference(from other: TieableLayer) -> String? {
    if kinds != other.kinds { return "they are of kinds \(kinds[0]) and \(other.kinds[0])" }
    guard shapes != other.shapes else { return nil }
    func text(_ layer: TieableLayer) -> String {
      layer.shapes.map { "\($0)" }.joined(separator: " ")
    }
    return "their weights have shapes \(text(self)) and \(text(other))"
  }

  /// The cosine of the angle between the kernels; 1 when both are zero.
  func similarity(to other: TieableLayer) -> Double {
    var (product, own, others) = (0.0, 0.0, 0.0)
    for (a, b) in zip(kernels, other.kernels) {
      product += Double(a) * Double(b)
      own += Double(a) * Double(a)
      others += Double(b) * Double(b)
    }
    guard own > 0, others > 0 else { return own == others ? 1 : 0 }
    return min(max(product / (own * others).squareRoot(), -1), 1)
  }
}

extension Parameter {
  /// Whether its values are floats without a constraint.
  fileprivate var isPlain: Bool {
    if case .dense = payload { !isMasked } else { false }
  }
}
