import WaneGraph
import WaneTensor

/// What passes have established about the parameters of a model, to be checked after later ones.
struct Invariants {
  /// What holds for one parameter.
  private struct Constraint {
    /// Ones where the value is pinned to zero.
    var zeros: Parameter?
    /// How many values there may be, in each position of an axis if there is one.
    var values: (count: Int, axis: Int?)?
    /// Bits of the grid.
    var bits: Int?
  }

  private var constraints: [String: Constraint] = [:]
  /// The bits of what the layers with these kernels read, where they read integers.
  private var inputBits: [String: Int] = [:]

  /// Takes note of what holds for a model.
  init(_ model: Graph) throws {
    for parameter in model.parameters {
      var constraint = Constraint(bits: parameter.grid?.bits)
      if parameter.isMasked {
        let zeros = try parameter.decoded().with(Float.self) { $0.map { Float($0 == 0 ? 1 : 0) } }
        constraint.zeros = try Parameter(parameter.name, Tensor(zeros, parameter.shape))
      }
      if case .codebook(_, let centroids, _) = parameter.payload {
        constraint.values = (centroids.size, centroids.axis)
      }
      constraints[parameter.name] = constraint
    }
    for layer in model.weightedLayers() {
      inputBits[layer.kernel] = RoundingPoints.bits(of: layer, in: model)
    }
  }

  /// Checks that all of it holds for a model that came of that one.
  ///
  /// - Parameters:
  ///   - model: the model that came of it.
  ///   - kept: what is left of parameters that were cut.
  ///   - stage: the stage that made it, for messages.
  /// - Throws: when a zero came alive, there are more shared values than there were, a value left its
  ///   grid, or a layer that read integers reads floats.
  func verify(_ model: Graph, kept: KeptPositions, after stage: String) throws {
    for parameter in model.parameters {
      guard let constraint = constraints[parameter.name] else { continue }
      func fail(_ what: String) -> WaneError {
        WaneError("pipeline", "\(stage) broke a constraint of '\(parameter.name)': \(what)")
      }
      let values = try parameter.decoded().array(Float.self)
      if let zeros = try constraint.zeros?.keeping(kept[parameter.name] ?? []) {
        guard parameter.isMasked else { throw fail("its zeros are no longer pinned") }
        guard zeros.shape == parameter.shape else { throw fail("its shape changed") }
        let pinned = try zeros.decoded().array(Float.self)
        let alive = zip(pinned, values).reduce(0) { $0 + ($1.0 == 1 && $1.1 != 0 ? 1 : 0) }
        guard alive == 0 else { throw fail("\(alive) pinned zeros are zero no more") }
      }
      if let limit = constraint.values {
        let parts = Codebooks.split(values, parameter.shape, limit.axis)
        let count = parts.reduce(0) { max($0, Set($1).count) }
        guard count <= limit.count else {
          throw fail("it has \(count) values where \(limit.count) were shared")
        }
      }
      if let bits = constraint.bits {
        // Two values and a zero that was pinned are ternary.
        let limit = parameter.isMasked ? max(bits, 2) : bits
        guard let grid = parameter.grid, grid.bits <= limit else {
          throw fail("it left its grid of \(bits) bits")
        }
        guard grid.holds(parameter, values) else { throw fail("values lie off its grid") }
      }
    }
    for layer in model.weightedLayers() {
      guard let bits = inputBits[layer.kernel] else { continue }
      guard let now = RoundingPoints.bits(of: layer, in: model), now <= bits else {
        throw WaneError(
          "pipeline",
          "\(stage) broke a constraint of '\(layer.path)': it read integers of \(bits) bits")
      }
    }
  }
}

extension WeightGrid {
  /// Whether all values of a parameter are points of the grid.
  fileprivate func holds(_ parameter: Parameter, _ values: [Float]) -> Bool {
    // Codes cannot say anything else; shared values are floats and could.
    guard case .codebook(_, let centroids, _) = parameter.payload else { return true }
    return (try? centroids.rounded(to: self)) == centroids
  }
}
