import WaneGraph
import WaneNN
import WaneTensor

/// What is done besides rounding to the nearest, and what is measured of it.
extension Quantization {
  /// The model as it is before rounding, and the layers that can be rounded.
  func treated(_ model: Graph) throws -> (model: Graph, layers: [WeightedLayer]) {
    let folded = try model.pruned().foldingBatchNorm()
    let everything = try Quantization(
      bits: 8, weights: weights, activations: activations, observer: observer, selection: selection)
    return (folded, try everything.plan(folded, named: model).layers.map(\.layer))
  }

  /// The same pass with other bits for layers.
  func assigning(bits table: [(layers: String, bits: Int)]) throws -> Quantization {
    var result = try Quantization(
      bits: table, weights: weights, activations: activations, observer: observer,
      selection: selection)
    result.refinement = refinement
    result.grids = grids
    result.normalization = normalization
    return result
  }

  /// A kernel on the grid that it gets, rounded to the nearest.
  func rounded(_ kernel: Parameter, of layer: WeightedLayer, bits: Int) throws -> Parameter {
    try kernel.quantized(bits: bits, weights, layer)
  }

  /// Rounds weights anew and corrects biases, where that is asked for.
  func refined(
    _ rounded: Graph, _ float: Graph, _ layers: [WeightedLayer], _ samples: Dataset,
    _ context: CompressionContext, _ report: inout Report
  ) throws -> Graph {
    var rounded = rounded
    if refinement.rounding == .adaptive {
      let adaptive = AdaptiveRounding(verb: Self.verb, samples: samples, context: context)
      let result = try adaptive.apply(to: rounded, like: float, layers)
      rounded = result.model
      report.skipped += result.nearest
    }
    guard refinement.correctsBias else { return rounded }
    return try BiasCorrection(verb: Self.verb, samples: samples, context: context)
      .apply(to: rounded, like: float, layers.map(\.kernel))
  }

  /// Puts into the report how far weights and outputs of each layer are from those before rounding.
  func measure(
    _ result: Graph, _ float: Graph, _ layers: [WeightedLayer], _ samples: Dataset,
    _ context: CompressionContext, _ report: inout Report
  ) throws {
    let fidelity = try LayerFidelity(
      layers.map(\.kernel), in: float, and: result, on: samples, Self.verb, context)
    for (index, layer) in layers.enumerated() where report.layers.indices.contains(index) {
      guard let before = float.parameters[layer.kernel], let after = result.parameters[layer.kernel]
      else { continue }
      var weights = Fidelity()
      weights.add(try before.decoded(), try after.decoded())
      report.layers[index].measures = [
        ("sqnr", fidelity.outputs[index].decibels), ("cosine", fidelity.outputs[index].cosine),
        ("weight_sqnr", weights.decibels), ("weight_cosine", weights.cosine),
      ]
    }
  }
}
