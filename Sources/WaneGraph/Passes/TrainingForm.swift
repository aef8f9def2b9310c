import WaneTensor

/// A graph as training sees it: constrained parameters made from free variables, batch
/// normalization on the statistics of the batch.
public struct TrainingForm: Sendable {
  /// A free variable of training.
  public struct Variable: Sendable {
    /// The name under which the graph reads it.
    public let name: String
    /// The parameter it determines, or helps to determine.
    public let parameter: String
    /// What it is to that parameter.
    public let role: Role
    /// Where it starts.
    public let initial: Tensor
    /// Whether the optimizer moves it.
    public let isTrainable: Bool

    /// Creates a variable.
    public init(name: String, parameter: String, role: Role, initial: Tensor, isTrainable: Bool) {
      self.name = name
      self.parameter = parameter
      self.role = role
      self.initial = initial
      self.isTrainable = isTrainable
    }
  }

  /// What a variable is to its parameter.
  public enum Role: Sendable {
    /// The weights themselves, before masking and rounding.
    case weights
    /// The shared values of a codebook.
    case centroids
    /// What the scales of an integer grid are multiplied by.
    case scales
    /// Zeros where the weights are pinned to zero, ones elsewhere.
    case mask
    /// What a regularizer is multiplied by.
    case rate
  }

  /// How the graph makes a parameter.
  public struct Expression: Sendable {
    /// The values the network sees.
    public let value: Value
    /// The weights before rounding, pinned zeros being zero; the same as `value` without a grid of
    /// their own.
    public let weights: Value
    /// What the scales of the grid of the weights are multiplied by.
    public let factors: Value?
  }

  /// The graph; its outputs are those of the model.
  public var graph: Graph
  /// The variables it reads, in order.
  public private(set) var variables: [Variable] = []
  /// For parameters that follow the data (moving statistics): the value each has after a step.
  public private(set) var updates: [(parameter: String, value: Value)] = []
  /// How the parameters are made that the graph reads.
  public private(set) var expressions: [String: Expression] = [:]
  private let original: ParameterTable

  /// Brings a model into training form.
  ///
  /// - Parameters:
  ///   - model: a graph as it is built or read.
  ///   - masking: names of parameters that get a mask though they have none yet, so that pruning
  ///     can proceed during training.
  ///   - learnsScales: whether the scales of integer grids of weights move.
  ///   - isFrozen: parameters for which this is true do not move, and their batch normalizations
  ///     keep their statistics.
  /// - Throws: when a parameter's encoding cannot be trained.
  public init(
    _ model: Graph, masking: Set<String> = [], learnsScales: Bool = true,
    isFrozen: (Parameter) -> Bool = { _ in false }
  ) throws {
    original = model.parameters
    let source = try model.pruned().exactForm().sinkingBelowMaxPool().fusingReLU()
    var variables: [Variable] = []
    var averages: [String: Value] = [:]
    var followers: [String] = []
    var known: [String: Expression] = [:]
    graph = try source.rewritten { _, node, inputs, graph in
      // No parameter: the factor of a range that moves.
      if let read = node.operation as? ParameterRead, source.parameters[read.name] == nil {
        variables.append(
          Variable(
            name: read.name, parameter: read.name, role: .scales, initial: try TrainingForm.ones(1),
            isTrainable: true))
        return nil
      }
      if let read = node.operation as? ParameterRead, let parameter = source.parameters[read.name] {
        if let expression = known[read.name] { return [expression.value] }
        let isTrainable = parameter.isTrainable && !isFrozen(parameter)
        let expression = try TrainingForm.expand(
          parameter, isTrainable: isTrainable, isMasked: masking.contains(parameter.name),
          learnsScales: learnsScales, layer: node.layer, &graph, &variables)
        known[read.name] = expression
        return [expression.value]
      }
      if let exact = node.operation as? ExactLayer, let kernel = source.parameter(node.inputs[1]),
        let moved = known[kernel.name]?.factors
      {
        return try graph.add(exact.withFactors(), inputs + [moved], layer: node.layer)
      }
      if let norm = node.operation as? BatchNorm, let mean = source.parameter(node.inputs[3]),
        let variance = source.parameter(node.inputs[4]), !isFrozen(mean)
      {
        let (x, mask) = graph.unmasked(inputs[0])
        let operands = [x] + (mask.map { [$0] } ?? [])
        let results = try graph.add(BatchStatistics(), operands, layer: node.layer)
        let statistics = Array(results[..<2])
        for (parameter, (read, new)) in zip(
          [mean, variance], zip(inputs[3...], statistics))
        {
          // A layer that stands in several places moves its statistics once at each.
          if averages[parameter.name] == nil { followers.append(parameter.name) }
          averages[parameter.name] = try graph.add(
            one: MovingAverage(momentum: norm.momentum),
            [averages[parameter.name] ?? read, new], layer: node.layer)
        }
        return try graph.add(
          BatchNormTraining(epsilon: norm.epsilon),
          [x] + inputs[1..<3] + statistics + operands[1...] + results[2...], layer: node.layer)
      }
      return nil
    }
    self.variables = variables
    expressions = known
    updates = followers.compactMap { name in averages[name].map { (parameter: name, value: $0) } }
  }

  private static func expand(
    _ parameter: Parameter, isTrainable: Bool, isMasked: Bool, learnsScales: Bool,
    layer: String, _ graph: inout Graph, _ variables: inout [Variable]
  ) throws -> Expression {
    func variable(_ suffix: String, _ role: Role, _ initial: Tensor) throws -> Value {
      let name = parameter.name + suffix
      variables.append(
        Variable(
          name: name, parameter: parameter.name, role: role, initial: initial,
          isTrainable: isTrainable && role != .mask && (role != .scales || learnsScales)))
      let read = ParameterRead(name: name, dimensions: initial.shape.dimensions)
      return try graph.add(one: read, [], layer: layer)
    }
    func masked(_ weights: Value) throws -> Value {
      guard parameter.isMasked || isMasked else { return weights }
      let count = parameter.shape.count
      let initial =
        try parameter.isMasked
        ? parameter.mask() : ones(count).reshaped(parameter.shape)
      let mask = try variable("#mask", .mask, initial)
      return try graph.add(one: ApplyMask(), [weights, mask], layer: layer)
    }
    switch parameter.payload {
    case .dense(let tensor):
      let weights = try masked(variable("", .weights, tensor))
      return Expression(value: weights, weights: weights, factors: nil)
    case .integer(_, let stored):
      let grid = try stored.havingZero(parameter.isMasked || isMasked)
      let free = try variable("", .weights, parameter.decoded())
      let factors = try variable("#scales", .scales, ones(grid.scales.count))
      let weights = try masked(free)
      let value = try graph.add(one: QuantizeWeights(grid), [weights, factors], layer: layer)
      return Expression(value: value, weights: weights, factors: factors)
    case .codebook(let indices, let centroids, let grid):
      var values = try variable(
        "#centroids", .centroids, Tensor(centroids.values, Shape(centroids.dimensions)))
      var factors: Value?
      if let grid {
        let moved = try variable("#scales", .scales, ones(grid.scales.count))
        factors = moved
        values = try graph.add(
          one: QuantizeWeights(grid.ofTables()), [values, moved], layer: layer)
      }
      let lookup = CodebookLookup(
        try Tensor(indices.unpacked(), parameter.shape), axis: centroids.axis,
        pinned: parameter.isMasked ? centroids.zero : nil)
      let value = try graph.add(one: lookup, [values], layer: layer)
      return Expression(value: value, weights: value, factors: factors)
    }
  }

  private static func ones(_ count: Int) throws -> Tensor {
    try Tensor([Float](repeating: 1, count: count))
  }

  /// The parameter that variables with the given values determine, in its own encoding.
  ///
  /// - Parameters:
  ///   - name: the parameter.
  ///   - values: the variables' values by name.
  /// - Returns: the parameter with those values.
  /// - Throws: when a variable is missing or memory cannot be had.
  public func parameter(_ name: String, values: [String: Tensor]) throws -> Parameter {
    guard let parameter = original[name] else {
      throw WaneError("train", "there is no parameter '\(name)'")
    }
    func value(_ suffix: String) throws -> Tensor {
      guard let tensor = values[name + suffix] else {
        throw WaneError("train", "variable '\(name)\(suffix)' is missing")
      }
      return tensor
    }
    let mask = values[name + "#mask"]
    let isMasked = parameter.isMasked || mask != nil
    switch parameter.payload {
    case .dense:
      return try parameter.replacing(.dense(value("").masked(by: mask)), isMasked: isMasked)
    case .integer(_, let stored):
      let grid = try stored.havingZero(isMasked)
      let scales = QuantizeWeights.scales(
        grid.scales, factors: try value("#scales").array(Float.self))
      let trained = try grid.with(scales: scales)
      return try parameter.replacing(
        .integer(codes: trained.codes(for: value("").masked(by: mask)), grid: trained),
        isMasked: isMasked)
    case .codebook(let indices, let old, let grid):
      var moved = try value("#centroids").array(Float.self)
      if parameter.isMasked, let zero = old.zero {
        for index in stride(from: zero, to: moved.count, by: old.size) { moved[index] = 0 }
      }
      let centroids = try old.with(moved)
      guard let grid else {
        return try parameter.replacing(
          .codebook(indices: indices, centroids: centroids, grid: nil))
      }
      let scales = QuantizeWeights.scales(
        grid.scales, factors: try value("#scales").array(Float.self))
      let trained = try grid.with(scales: scales)
      return try parameter.replacing(
        .codebook(indices: indices, centroids: centroids.rounded(to: trained), grid: trained))
    }
  }
}

extension TrainingForm {
  /// Where a variable of this form stands for a model that went on from it.
  ///
  /// Factors of scales are of those that this form started with, and the model has others by now.
  ///
  /// - Parameters:
  ///   - variable: the variable that the form of the model has.
  ///   - model: the model.
  /// - Returns: the value.
  /// - Throws: when the model has another grid, or memory cannot be had.
  public func value(of variable: Variable, in model: Graph) throws -> Tensor {
    guard variable.role == .scales, let base = original[variable.parameter]?.grid,
      let grid = model.parameters[variable.parameter]?.grid
    else { return variable.initial }
    guard try base.havingZero(!grid.isBinary).with(scales: grid.scales) == grid else {
      throw WaneError("train", "'\(variable.parameter)' is on another grid than at the first step")
    }
    return try Tensor(zip(grid.scales, base.scales).map { $0 / $1 })
  }
}

extension Parameter {
  /// Ones where the value is not zero, zeros where it is.
  public func mask() throws -> Tensor {
    var mask = try decoded().copied()
    try mask.withMutableElements(Float.self) { values in
      for index in values.indices { values[index] = values[index] == 0 ? 0 : 1 }
    }
    return mask
  }
}

extension Tensor {
  /// The same values with zeros where the mask has them; all of them without a mask.
  public func masked(by mask: Tensor?) throws -> Tensor {
    guard let mask else { return self }
    var result = self
    try result.withMutableElements(Float.self) { target in
      mask.with(Float.self) {
        for index in target.indices where $0[index] == 0 { target[index] = 0 }
      }
    }
    return result
  }
}
