import WaneGraph
import WaneNN
import WaneTensor

/// What the gradients of some steps say about each weight.
struct GradientStatistics {
  /// What is added up.
  enum Kind: Sendable {
    /// `|w g|`.
    case firstOrder
    /// `w^2 g^2 / 2`.
    case secondOrder
    /// `-w g`.
    case movement
  }

  let kind: Kind
  /// The sums by kernel.
  private(set) var sums: [String: [Float]] = [:]

  init(_ kind: Kind) { self.kind = kind }

  /// Adds the last step of a run.
  mutating func add(_ run: TrainingRun, _ kernel: String) throws {
    guard let gradient = try run.gradient(kernel), let weights = try run.weights(kernel) else {
      return
    }
    var sum = sums.removeValue(forKey: kernel) ?? [Float](repeating: 0, count: weights.count)
    gradient.with(Float.self) { gradient in
      weights.with(Float.self) { weights in
        for index in sum.indices {
          let product = gradient[index] * weights[index]
          switch kind {
          case .firstOrder: sum[index] += abs(product)
          case .secondOrder: sum[index] += product * product / 2
          case .movement: sum[index] -= product
          }
        }
      }
    }
    sums[kernel] = sum
  }

  /// Forgets what was added up.
  mutating func reset() { sums = [:] }
}

extension GradientStatistics {
  /// Batches looked at when nothing is being trained.
  private static let batches = 32
  /// Samples looked at one by one.
  private static let samples = 512

  /// Looks at a model as it is, for some batches: of one sample for second order, whose square of a
  /// mean would not be the mean of squares.
  ///
  /// Batch normalizations use their moving statistics, and nothing is dropped.
  ///
  /// - Throws: when the data do not fit the model, or the user interrupts.
  init(
    _ kind: Kind, of kernels: [Parameter], in model: Graph, data: Dataset,
    _ context: CompressionContext, verb: String
  ) throws {
    self.init(kind)
    var probe = try model.pruned().withoutDropout().withFixedNormalization()
    for var parameter in probe.parameters where parameter.isTrainable {
      parameter.isTrainable = false
      try probe.set(parameter)
    }
    // With respect to the weights themselves, whatever shares, rounds or pins them.
    for kernel in kernels {
      try probe.set(
        Parameter(kernel.name, .dense(kernel.decoded()), shape: kernel.shape, isMasked: false))
    }
    let isSingle = kind == .secondOrder
    // The smallest step there is: the run is only for its gradients.
    var options = TrainingOptions(
      optimizer: .sgd(learningRate: .leastNormalMagnitude),
      batchSize: isSingle ? 1 : context.fineTuning.batchSize, seed: context.fineTuning.seed,
      teacher: context.fineTuning.teacher)
    options.objective = context.fineTuning.objective
    let run = try TrainingRun(probe, data: data, options: options, epochs: 1, pool: context.pool)
    let count = min(isSingle ? Self.samples : Self.batches, run.stepsPerEpoch)
    for batch in 0..<count {
      try context.poll()
      try run.runStep()
      for kernel in kernels { try add(run, kernel.name) }
      context.progress.reportIfWanted(
        Progress(title: "\(verb) gradients", completed: batch + 1, total: count))
    }
    context.progress.finishStage()
  }
}

extension Graph {
  /// The same with batch normalizations as a scale and an offset, which no batch changes.
  fileprivate func withFixedNormalization() throws -> Graph {
    try rewritten { index, node, inputs, graph in
      guard let norm = node.operation as? BatchNorm else { return nil }
      let statistics = try node.inputs[1...].map { try parameter($0)?.decoded().array(Float.self) }
      guard statistics.count == 4, let gamma = statistics[0], let beta = statistics[1],
        let mean = statistics[2], let variance = statistics[3]
      else { return nil }
      let scale = zip(gamma, variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
      let offset = scale.indices.map { beta[$0] - mean[$0] * scale[$0] }
      func constant(_ what: String, _ values: [Float]) throws -> Value {
        let name = "\(node.layer)/\(what)#\(index)"
        return try graph.add(
          parameter: Parameter(name, Tensor(values), isTrainable: false), layer: node.layer)
      }
      let scaled = try graph.add(
        one: Binary(.multiply), [inputs[0], constant("scale", scale)], layer: node.layer)
      return try graph.add(
        Binary(.add), [scaled, constant("offset", offset)], layer: node.layer)
    }
  }
}
