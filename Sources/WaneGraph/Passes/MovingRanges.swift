import WaneTensor

/// What of integer grids training moves, besides the weights on them.
public struct GridTraining: Hashable, Sendable {
  /// How the ranges of activations move.
  public enum Ranges: String, CaseIterable, Sendable {
    /// They stay.
    case fixed
    /// Their scales are learned (Esser et al., "Learned step size quantization", 2020).
    case lsq
    /// Their ends are learned, by the values beyond them alone (Choi et al., "PACT", 2018).
    case pact
  }

  /// How the ranges of activations move.
  public var ranges: Ranges
  /// Whether the scales of weights are learned.
  public var learnsScales: Bool

  /// Creates options; scales of weights are learned and ranges stay unless said otherwise.
  public init(ranges: Ranges = .fixed, learnsScales: Bool = true) {
    self.ranges = ranges
    self.learnsScales = learnsScales
  }
}

/// A range of activations that training moves.
struct MovingRange: Hashable, Sendable {
  /// The variable that the scale of its grid is multiplied by.
  let variable: String
  /// How it moves.
  let rule: GridTraining.Ranges
}

extension Graph {
  /// The same model with grids of activations that training moves.
  ///
  /// Images of bytes stay on the grid of bytes: there is nothing to round.
  ///
  /// - Parameter rule: how they move.
  /// - Returns: the model for `TrainingForm`; itself when they do not move.
  /// - Throws: when memory cannot be had.
  public func movingRanges(_ rule: GridTraining.Ranges) throws -> Graph {
    guard rule != .fixed else { return self }
    return try mappingRanges { variable, quantize, input in
      isOfBytes(input, quantize.grid)
        ? quantize : Quantize(quantize.grid, MovingRange(variable: variable, rule: rule))
    }
  }

  /// The same model with the grids that variables of training with the given values stand for.
  ///
  /// - Parameter values: the variables by name, those of ranges among them.
  /// - Returns: the model; itself when no ranges were moved.
  /// - Throws: when there is no such grid.
  public func settingRanges(_ values: [String: Tensor]) throws -> Graph {
    guard values.keys.contains(where: { parameters[$0] == nil && $0.hasPrefix(rangePrefix) })
    else { return self }
    return try mappingRanges { variable, quantize, _ in
      guard let factor = values[variable]?.array(Float.self).first else { return quantize }
      let grid = quantize.grid
      return Quantize(
        try ActivationGrid(
          scale: LearnedRange.scale(grid.scale, factor: factor), zero: grid.zero, bits: grid.bits))
    }
  }

  /// The model with other roundings, each with a variable by its place among them.
  private func mappingRanges(
    _ change: (_ variable: String, _ quantize: Quantize, _ input: Value) throws -> Quantize
  ) throws -> Graph {
    var count = 0
    return try rewritten { _, node, inputs, graph in
      guard let quantize = node.operation as? Quantize else { return nil }
      count += 1
      let changed = try change("\(rangePrefix)\(count)", quantize, node.inputs[0])
      return try graph.add(changed, inputs, layer: node.layer)
    }
  }

  /// What names of variables of ranges begin with; no parameter's name does.
  private var rangePrefix: String {
    var prefix = "#range"
    while parameters.contains(where: { $0.name.hasPrefix(prefix) }) { prefix += "#" }
    return prefix
  }
}
