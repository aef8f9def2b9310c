import WaneGraph
import WaneNN
import WaneTensor

/// Fits a convolution or dense layer to a value of another model by least squares on data.
struct LayerFit {
  let data: Dataset
  let context: CompressionContext
  let verb: String

  /// A layer that sees more numbers at once is not fitted: it would take minutes.
  static let largestSize = 4096
  /// Rows a number of the window; as many again make no difference.
  private static let rowsPerNumber = 3
  /// Rows at least.
  private static let leastRows = 4096

  /// What is fitted to what.
  struct Task {
    /// The node of the layer.
    let node: Int
    /// Its kernel and its bias.
    let (kernel, bias): (String, String)
    /// What it is fitted to.
    let target: Value
    /// Which channels of that it is to give; all when nil.
    var channels: [Int]?
    /// Whether weights stay near those they are where data say little.
    var staysNear = true
  }

  /// Replaces weights and bias of a layer by those that give a target best.
  ///
  /// - Parameters:
  ///   - task: the layer, and what it is to give.
  ///   - model: the model with the layer, float weights without constraints.
  ///   - original: the model with the target.
  /// - Returns: the model, and the share of the target's variance that is explained; nil when the layer
  ///   sees too many numbers at once.
  /// - Throws: when the data do not fit, or the user interrupts.
  func fit(_ task: Task, in model: Graph, to original: Graph) throws -> (Graph, explained: Double)?
  {
    let node = model.nodes[task.node]
    guard let whole = LayerWindows(node, in: model, places: 1), whole.size <= Self.largestSize,
      let kernel = model.parameters[task.kernel], let bias = model.parameters[task.bias]
    else { return nil }
    let filters = node.outputs[0].channels
    let available = node.outputs[0].dimensions.dropLast().reduce(1, *)
    let rows = max(Self.leastRows, Self.rowsPerNumber * whole.size)
    let samples = min(data.count, available == 1 ? rows : rows / 8)
    guard let windows = LayerWindows(node, in: model, places: max(1, rows / max(samples, 1))) else {
      return nil
    }
    let used = try data.slice(0..<samples)
    let source = try Probe(
      [node.inputs[0]], in: model, used, context, verb: verb)
    let target = try Probe(
      [task.target], in: original, used, context, verb: verb)
    let channels = task.channels ?? Array(0..<filters)
    var wanted: [[Float]] = []
    var first = 0
    try target.run(context) { outputs in
      wanted.append(windows.targets(outputs[0], channels: channels, first: first))
      first += outputs[0].shape[0]
    }
    var squares = LeastSquares(size: windows.size, targets: filters)
    var batch = 0
    first = 0
    try source.run(context) { outputs in
      try squares.add(windows.rows(outputs[0], first: first), wanted[batch])
      first += outputs[0].shape[0]
      batch += 1
    }
    let near = try task.staysNear ? kernel.decoded().array(Float.self).map(Double.init) : nil
    let map = try squares.map(near: near, ridge: 1e-3, poll: context.poll)
    var result = model
    try result.set(kernel.replacing(.dense(Tensor(map.weights.map { Float($0) }, kernel.shape))))
    try result.set(bias.replacing(.dense(Tensor(map.bias.map { Float($0) }, bias.shape))))
    return (result, squares.explained(by: map))
  }
}
