import WaneGraph
import WaneTensor

/// Scales of weights that leave room for biases.
///
/// On integers a bias is a whole number of steps of its sum, `scale_x scale_w`, and has to stay below
/// 2^30 of them (docs/integer-arithmetic.md). A unit with tiny weights and a bias, such as one behind
/// a normalization whose factor is nearly zero, would lose it; its scale is raised, which takes from its
/// weights what is nothing beside the bias.
struct BiasRoom {
  /// Steps that a bias may take; training can move it on from there.
  private static let steps: Float = 67_108_864
  /// By the names of kernels, the least scale of each unit.
  private var leastScales: [String: [Float]] = [:]

  /// Finds the biases of layers whose operand is on a grid of bytes or less.
  ///
  /// - Parameters:
  ///   - model: the model with rounded activations.
  ///   - kernels: the names of kernels.
  /// - Throws: a `.memory` error.
  init(_ model: Graph, _ kernels: Set<String>) throws {
    for node in model.nodes where node.operation is Conv2D || node.operation is Dense {
      guard node.inputs.count > 2, let kernel = model.parameter(node.inputs[1])?.name,
        kernels.contains(kernel), let bias = model.parameter(node.inputs[2]),
        let grid = RoundingPoints.grid(of: node, in: model), grid.bits <= 8
      else { continue }
      let scales = try bias.decoded().array(Float.self).map { abs($0) / grid.scale / Self.steps }
      // A kernel in several places has one scale for all.
      leastScales[kernel] = leastScales[kernel].map { zip($0, scales).map(max) } ?? scales
    }
  }

  /// A kernel with scales that are large enough.
  ///
  /// - Parameter kernel: the kernel on its grid.
  /// - Returns: itself when all are; it is rounded again otherwise.
  /// - Throws: a `.memory` error.
  func raising(_ kernel: Parameter) throws -> Parameter {
    guard case .integer(_, let grid) = kernel.payload, grid.groupSize == nil,
      let least = leastScales[kernel.name], !least.isEmpty
    else { return kernel }
    let needed = grid.axis == nil ? [least.reduce(0) { max($0, $1) }] : least
    guard needed.count == grid.scales.count, needed.allSatisfy(\.isFinite),
      zip(grid.scales, needed).contains(where: { $0 < $1 })
    else { return kernel }
    let raised = try grid.with(scales: zip(grid.scales, needed).map(max))
    return try kernel.replacing(
      .integer(codes: raised.codes(for: kernel.decoded()), grid: raised))
  }
}
