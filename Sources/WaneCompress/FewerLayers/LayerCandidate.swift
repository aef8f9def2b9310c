import WaneGraph
import WaneTensor

/// A layer, or a branch of layers, that a model could do without, and what takes its place.
struct LayerCandidate {
  /// What takes its place.
  enum Replacement {
    /// Its operand, which has the same shape.
    case identity
    /// The other operand of the sum it ends in.
    case shortcut(operand: Int)
    /// A convolution of single places, which takes the steps of the one that goes.
    case projection(steps: [Int], crop: [Int])
    /// The next dense layer reads its operand.
    case direct(next: Int)
  }

  /// What it is called.
  let path: String
  /// The paths of the layers that go.
  let layers: [String]
  /// What it reads, or what stays of a sum.
  let operand: Value
  /// What it makes, with what follows element by element.
  let result: Value
  /// The value that is made in another way.
  let replaced: Value
  let replacement: Replacement

  /// What is done, in a few words.
  var action: String {
    switch replacement {
    case .identity: "removed"
    case .shortcut: "removed, its shortcut stays"
    case .projection: "replaced by a projection"
    case .direct: "removed, the next layer is fitted to its operand"
    }
  }

  /// Whether operand and result have one shape, so that they can be compared number by number.
  var isOfOneShape: Bool {
    switch replacement {
    case .identity, .shortcut: true
    case .projection, .direct: false
    }
  }
}

/// What a model could do without.
struct LayerCandidates {
  private(set) var candidates: [LayerCandidate] = []
  /// Layers that have to stay, and why.
  private(set) var skipped: [Report.Skipped] = []

  private let model: Graph
  private let users: [[Int]]
  private let layers: [WeightedLayer]

  /// Looks for layers among some paths.
  init(_ model: Graph, selected: Set<String>) throws {
    self.model = model
    users = model.users()
    layers = model.weightedLayers()
    let branches = model.nodes.indices.compactMap { branch($0, selected) }
    candidates = branches
    let gone = Set(branches.flatMap(\.layers))
    for layer in layers where selected.contains(layer.path) && !gone.contains(layer.path) {
      switch try whole(layer) {
      case .success(let found): candidates.append(contentsOf: found)
      case .failure(let obstacle): skipped.append(.init(layer.label, obstacle.reason))
      }
    }
  }

  /// The operand of a sum that could go: the one behind more work that nothing else needs.
  private func branch(_ index: Int, _ selected: Set<String>) -> LayerCandidate? {
    let node = model.nodes[index]
    guard node.operation is Add, node.inputs[0] != node.inputs[1],
      node.inputs.allSatisfy({ model.parameter($0) == nil })
    else { return nil }
    let exclusive = node.inputs.indices.map { side in
      nodesOnly(behind: node.inputs[side], of: index)
    }
    let work = exclusive.map { nodes in nodes.reduce(0) { $0 + model.work(of: model.nodes[$1]) } }
    let side = work[1] > work[0] ? 1 : 0
    let gone = layers.filter { layer in layer.nodes.allSatisfy(exclusive[side].contains) }
      .map(\.path)
    guard !gone.isEmpty, gone.allSatisfy(selected.contains) else { return nil }
    return LayerCandidate(
      path: node.layer, layers: gone, operand: node.inputs[1 - side], result: Value(node: index),
      replaced: Value(node: index), replacement: .shortcut(operand: 1 - side))
  }

  /// The nodes that nothing needs when a value is not used at a node.
  private func nodesOnly(behind value: Value, of user: Int) -> Set<Int> {
    var found = Set<Int>()
    for index in (0...value.node).reversed() {
      // The other side of the sum may need what this side does.
      let isBehind = index == value.node || users[index].contains(where: found.contains)
      let isNeeded =
        users[index].contains { next in
          !found.contains(next) && !(next == user && index == value.node)
        } || model.outputs.contains { $0.node == index }
      if isBehind, !isNeeded, !(model.nodes[index].operation is Input) { found.insert(index) }
    }
    return found
  }

  /// A layer by itself, in the ways that suit it.
  private func whole(_ layer: WeightedLayer) throws -> Result<[LayerCandidate], NotExact> {
    guard layer.nodes.count == 1, let index = layer.nodes.first else {
      return .failure(NotExact(reason: "is used in several places"))
    }
    let node = model.nodes[index]
    guard node.operation is Conv2D || node.operation is Dense else {
      return .failure(NotExact(reason: "a layer of kind '\(layer.kind)' is not left out"))
    }
    let (inner, result) = follow(Value(node: index))
    guard !givesResult(result) else {
      return .failure(NotExact(reason: "gives the model's result"))
    }
    func candidate(_ replaced: Value, _ replacement: LayerCandidate.Replacement) -> LayerCandidate {
      LayerCandidate(
        path: layer.path, layers: [layer.path], operand: node.inputs[0], result: result,
        replaced: replaced, replacement: replacement)
    }
    var found: [LayerCandidate] = []
    if model.type(of: node.inputs[0]) == model.type(of: result) {
      found.append(candidate(result, .identity))
    }
    if let projection = projection(node, inner) {
      found.append(candidate(inner, projection))
    }
    if let next = nextDense(result, node) { found.append(candidate(result, .direct(next: next))) }
    return found.isEmpty
      ? .failure(NotExact(reason: "nothing cheaper takes its place")) : .success(found)
  }

  /// Whether a value is what the model gives, maybe as probabilities.
  private func givesResult(_ value: Value) -> Bool {
    model.outputs.contains(value)
      || users[value.node].contains { user in
        let operation = model.nodes[user].operation
        return (operation is Softmax || operation is LogSoftmax)
          && model.outputs.contains { $0.node == user }
      }
  }

  /// The values after a layer: before its first activation, and after all that goes element by element.
  private func follow(_ start: Value) -> (inner: Value, result: Value) {
    var (value, inner) = (start, start)
    var isLinear = true
    while users[value.node].count == 1, !model.outputs.contains(value),
      let next = users[value.node].first
    {
      let node = model.nodes[next]
      guard node.inputs[0] == value,
        node.operation is BatchNorm || node.operation is Activation || node.operation is PReLU
          || node.operation is Dropout || node.operation is SpatialDropout
      else { break }
      value = Value(node: next)
      isLinear = isLinear && node.operation is BatchNorm
      if isLinear { inner = value }
    }
    return (inner, value)
  }

  /// A convolution of single places, where it is less work.
  private func projection(_ node: Node, _ inner: Value) -> LayerCandidate.Replacement? {
    guard let convolution = node.operation as? Conv2D, !convolution.isReLUFused else { return nil }
    let image = model.type(of: node.inputs[0]).dimensions
    let output = node.outputs[0].dimensions
    guard convolution.window.padding != .causal,
      output.reduce(image[2], *) < model.work(of: node)
    else { return nil }
    // The middle of each window, where that is inside the image for all of them.
    let crop = (0..<2).map { axis in
      let window = convolution.window
      let middle = (window.size[axis] - 1) * window.dilation[axis] / 2
      let start = max(middle - window.extent(image[axis], axis: axis).before, 0)
      let reach = (output[axis] - 1) * window.strides[axis] + 1
      return start + reach <= image[axis] ? start : 0
    }
    return .projection(steps: convolution.window.strides, crop: crop)
  }

  /// The dense layer that alone reads a result, where reading the operand is less work.
  private func nextDense(_ result: Value, _ node: Node) -> Int? {
    guard node.operation is Dense, users[result.node].count == 1,
      let next = users[result.node].first,
      model.nodes[next].operation is Dense, model.nodes[next].inputs[0] == result,
      layers.contains(where: { $0.nodes == [next] })
    else { return nil }
    let inputs = model.type(of: node.inputs[0]).sampleCount
    let direct = inputs * model.nodes[next].outputs[0].channels
    let now = model.work(of: node) + model.work(of: model.nodes[next])
    return direct < now && model.type(of: node.inputs[0]).channels <= LayerFit.largestSize
      ? next : nil
  }
}
