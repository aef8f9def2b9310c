/// A combination of verbs in the order in which they fit together, each more or less strong or left
/// out.
public struct Chain: Sendable, Hashable {
  /// What becomes of the values of weights.
  public enum Values: Sendable, Hashable {
    /// They stay floats.
    case floats
    /// So many of a layer are different.
    case shared(Int)
    /// They get so many bits, and activations eight.
    case integers(Int)
    /// They are trained for a file of so many bytes, on integers.
    case coded(Int)
  }

  /// What is turned to meet a limit.
  public enum Dial: Sendable, Hashable {
    case filters
    case energy
    case sparsity
    case clusters
    case bits
    /// The bytes of the file themselves: such training meets them.
    case coded
  }

  /// The share of filters taken out.
  public var filters = 0.0
  /// The share of the squared singular values kept; nil for layers as they are.
  public var energy: Double?
  /// The share of weights set to zero.
  public var sparsity = 0.0
  /// What becomes of values.
  public var values = Values.floats
  /// The weight of the original's answers against the labels; nil for labels alone.
  public var teacherShare: Double?
  /// What is turned to meet a limit on bytes.
  public var dial = Dial.sparsity

  /// Leaves the model as it is.
  public init() {}

  /// The settings of a dial, the weakest first.
  public static func values(of dial: Dial) -> [Double] {
    switch dial {
    case .filters: [0] + Knob.ratio.values
    case .energy: Knob.energy.values
    case .sparsity: [0] + Knob.sparsity.values
    case .clusters: Knob.clusters.values
    case .bits: Knob.bits.values
    case .coded: []
    }
  }

  /// The same chain with a dial turned.
  public func setting(_ dial: Dial, _ value: Double) -> Chain {
    var chain = self
    switch dial {
    case .filters: chain.filters = value
    case .energy: chain.energy = value
    case .sparsity: chain.sparsity = value
    case .clusters: chain.values = .shared(Int(value))
    case .bits: chain.values = .integers(Int(value))
    case .coded: chain.values = .coded(Int(value))
    }
    return chain
  }

  /// The same chain with training for a file of so many bytes, and with as many weights pruned before
  /// as cannot stay.
  ///
  /// A weight that is left takes about a byte, its place included, where one of the original takes
  /// four. Fewer filters take weights away at both ends of a layer.
  ///
  /// - Parameters:
  ///   - bytes: of the file.
  ///   - original: bytes of the original's file.
  /// - Returns: the chain.
  func coded(bytes: Double, of original: Double) -> Chain {
    var chain = setting(.coded, bytes.rounded(.down))
    let kept = 4 * bytes / max(original * (1 - filters) * (1 - filters), 1)
    chain.sparsity = max(0, (1000 * (1 - kept)).rounded(.down) / 1000)
    return chain
  }

  /// The chain as a recipe.
  ///
  /// Most of the training goes to pruning, which takes weights away little by little, and to what comes
  /// last, which has to make good what came before.
  ///
  /// - Parameters:
  ///   - epochs: of the whole; 0 for none.
  ///   - common: options of every stage.
  /// - Returns: a stage a verb; training alone when there is no verb.
  public func recipe(epochs: Double, _ common: [String: Recipe.Setting] = [:]) -> Recipe {
    var stages: [(stage: Recipe.Stage, share: Double)] = []
    if filters > 0 {
      let options: [String: Recipe.Setting] = [
        "method": .text("filters"), "ratio": .number(filters),
      ]
      stages.append((.init("compress", options), 2))
    }
    if let energy {
      let options: [String: Recipe.Setting] = [
        "method": .text("low_rank"), "energy": .number(energy),
      ]
      stages.append((.init("compress", options), 2))
    }
    if sparsity > 0 {
      var options: [String: Recipe.Setting] = ["sparsity": .number(sparsity)]
      // Little by little takes training.
      if epochs > 0 { options["schedule"] = .text("cubic") }
      stages.append((.init("prune", options), 4))
    }
    switch values {
    case .floats: break
    case .shared(let count):
      let options: [String: Recipe.Setting] = [
        "method": .text("share"), "clusters": .integer(count),
      ]
      stages.append((.init("compress", options), 3))
    case .integers(let bits): stages.append((.init("quantize", ["bits": .integer(bits)]), 3))
    case .coded(let bytes):
      // Training sees the rounding of activations, and the file has their grids.
      stages.append((.init("quantize", ["bits": .integer(8)]), 0))
      let options: [String: Recipe.Setting] = [
        "method": .text("entropy"), "target": .table(["bytes": Double(bytes)]),
      ]
      if epochs > 0 { stages.append((.init("compress", options), 3)) }
    }
    if stages.isEmpty { stages = [(.init("fit", [:]), 1)] }
    let whole = max(stages.reduce(0) { $0 + $1.share }, 1)
    return Recipe(
      stages.map { stage, share in
        var stage = stage
        stage.options["epochs"] = .number((1000 * epochs * share / whole).rounded() / 1000)
        stage.options.merge(common) { $1 }
        if let teacherShare {
          stage.options["teacher"] = .text("original")
          stage.options["alpha"] = .number(teacherShare)
        }
        return stage
      })
  }

  /// Chains that differ a little from this one.
  public var neighbours: [Chain] {
    var result: [Chain] = []
    func add(_ change: (inout Chain) -> Void) {
      var chain = self
      change(&chain)
      if chain != self { result.append(chain) }
    }
    switch values {
    case .floats: add { $0.values = .integers(8) }
    case .shared(let count):
      add { $0.values = .shared(min(256, count + max(1, count / 3))) }
      add { $0.values = .shared(max(2, count - max(1, count / 4))) }
    case .integers(let bits):
      add { $0.values = .integers(min(8, bits + 1)) }
      add { $0.values = .integers(max(2, bits - 1)) }
    case .coded:
      add { $0.sparsity = max(0, 1 - 1.4 * (1 - $0.sparsity)) }
      add { $0.sparsity = 1 - 0.7 * (1 - $0.sparsity) }
    }
    add { $0.filters = min(0.9, $0.filters + 0.15) }
    add { $0.filters = max(0, $0.filters - 0.15) }
    add { $0.teacherShare = $0.teacherShare == nil ? 0.5 : nil }
    add { $0.energy = $0.energy == nil ? 0.9 : nil }
    return result
  }
}
