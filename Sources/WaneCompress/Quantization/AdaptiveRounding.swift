import WaneGraph
import WaneNN
import WaneTensor

/// Rounds the weights of layers up or down so that what the layers give stays, instead of each to the
/// nearest (`RoundingProblem`).
///
/// Layers are treated in order: each sees what the rounded layers before it give, and is to give what
/// it gave in the float model.
struct AdaptiveRounding {
  let verb: String
  let samples: Dataset
  let context: CompressionContext
  /// Steps for each layer.
  var iterations = 500
  /// Rows looked at in all; places of images are left out evenly beyond that.
  private static let mostRows = 8192
  /// Rows of a kernel beyond which the products of all pairs would not fit memory.
  static let mostHeight = 4608

  /// Rounds layers anew.
  ///
  /// - Parameters:
  ///   - rounded: the model with weights on grids, which stay.
  ///   - float: the model before rounding.
  ///   - layers: the layers, in order.
  /// - Returns: the model, and the layers that keep their nearest values with the reason.
  /// - Throws: when samples do not fit, or the user stops.
  func apply(to rounded: Graph, like float: Graph, _ layers: [WeightedLayer]) throws -> (
    model: Graph, nearest: [Report.Skipped]
  ) {
    var result = rounded
    var nearest: [Report.Skipped] = []
    for (index, layer) in layers.enumerated() {
      try context.poll()
      context.progress.reportIfWanted(
        Progress(
          title: "\(verb) rounding", completed: index, total: layers.count, details: layer.path))
      guard let free = float.parameters[layer.kernel], case .dense(let weights) = free.payload,
        let kernel = result.parameters[layer.kernel], case .integer(_, let grid) = kernel.payload
      else {
        nearest.append(
          .init(layer.label, "rounded to the nearest: its weights are shared or coarser"))
        continue
      }
      guard let node = layer.nodes.first,
        let value = result.outputs(ofLayersWith: [layer.kernel]).first?.first,
        let rows = KernelRows(
          float.nodes[node], operand: float.type(of: float.nodes[node].inputs[0]),
          kernel: kernel.shape)
      else {
        nearest.append(
          .init(layer.label, "rounded to the nearest: a layer of kind '\(layer.kind)'"))
        continue
      }
      guard rows.height <= Self.mostHeight else {
        nearest.append(
          .init(layer.label, "rounded to the nearest: \(rows.height) weights a unit are too many"))
        continue
      }
      let chosen = try choose(
        weights, grid, rows, isMasked: kernel.isMasked,
        operand: (result, result.nodes[value.node].inputs[0]),
        result: (float, Value(node: node)), bias: float.bias(of: float.nodes[node]))
      try result.set(kernel.replacing(.integer(codes: grid.codes(for: chosen), grid: grid)))
    }
    context.progress.finishStage()
    return (result, nearest)
  }

  private func choose(
    _ weights: Tensor, _ grid: WeightGrid, _ rows: KernelRows, isMasked: Bool,
    operand: (model: Graph, value: Value), result: (model: Graph, value: Value), bias: [Float]?
  ) throws -> Tensor {
    let (low, step) = grid.neighbours(of: weights, isMasked: isMasked)
    let values = weights.array(Float.self)
    let products = try products(rows, operand, result, bias)
    var chosen = values
    let columns = rows.groups * rows.width
    for (group, product) in products.enumerated() {
      let indices = (0..<rows.height).flatMap { row in
        (0..<rows.width).map { row * columns + group * rows.width + $0 }
      }
      let problem = RoundingProblem(
        gram: product.gram, target: product.target, low: indices.map { low[$0] },
        step: indices.map { step[$0] }, height: rows.height, width: rows.width)
      let parts = indices.map { index in
        step[index] > 0 ? min(max((values[index] - low[index]) / step[index], 0), 1) : 0
      }
      let choices = try problem.solve(from: parts, iterations: iterations, poll: context.poll)
      for (choice, index) in zip(choices, indices) {
        chosen[index] = low[index] + step[index] * choice
      }
    }
    return try Tensor(chosen, weights.shape)
  }

  /// X' X and X' y of each group.
  private func products(
    _ rows: KernelRows, _ operand: (model: Graph, value: Value),
    _ result: (model: Graph, value: Value), _ bias: [Float]?
  ) throws -> [(gram: [Float], target: [Float])] {
    let inputs = try ValueProbe(operand.model, [operand.value], on: samples, verb, context)
    let outputs = try ValueProbe(result.model, [result.value], on: samples, verb, context)
    var sums = (0..<rows.groups).map { _ in
      (
        gram: [Float](repeating: 0, count: rows.height * rows.height),
        target: [Float](repeating: 0, count: rows.height * rows.width)
      )
    }
    // An odd step, so that no column of an image is always left out.
    let wanted = max(1, Self.mostRows / max(samples.count, 1))
    let stride = rows.places <= wanted ? 1 : (rows.places + wanted - 1) / wanted | 1
    for (number, batch) in inputs.batches.enumerated() {
      try context.poll()
      let places = Array(Swift.stride(from: number % stride, to: rows.places, by: stride))
      guard !places.isEmpty else { continue }
      let (x, y) = (try inputs.run(batch)[0], try outputs.run(batch)[0])
      for group in 0..<rows.groups {
        let count = batch.count * places.count
        let matrix = try Tensor(
          rows.rows(x, group: group, at: places), Shape([count, rows.height]))
        var wanted = rows.columns(y, group: group, at: places)
        if let bias {
          for index in wanted.indices {
            wanted[index] -= bias[group * rows.width + index % rows.width]
          }
        }
        let turned = try matrix.permuted([1, 0])
        let target = try turned.matrixProduct(Tensor(wanted, Shape([count, rows.width])))
        add(try turned.matrixProduct(matrix), to: &sums[group].gram)
        add(target, to: &sums[group].target)
      }
    }
    return sums
  }

  private func add(_ tensor: Tensor, to sum: inout [Float]) {
    tensor.with(Float.self) { values in
      for index in values.indices { sum[index] += values[index] }
    }
  }
}

extension Graph {
  /// The bias that a node adds, if it adds one.
  fileprivate func bias(of node: Node) throws -> [Float]? {
    guard node.inputs.count > 2 else { return nil }
    return try parameter(node.inputs[2])?.decoded().array(Float.self)
  }
}
