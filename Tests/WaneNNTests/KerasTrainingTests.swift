import CKernels
import Testing
import WaneTensor

@testable import WaneGraph
@testable import WaneNN

/// Losses, metrics, optimizers and whole training steps, against Keras.
@Suite struct KerasTrainingTests {
  @Test(arguments: FixtureFile.cases("losses")) func lossesAgree(_ item: FixtureCase) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    let options = try #require(item.options)
    let prediction = try #require(item.prediction).tensor()
    let rows = Array(prediction.shape.dimensions.dropFirst())
    let target = try #require(item.target)
    let isSparse = options.target == "sparse"

    var graph = Graph()
    var inputs: [Tensor] = []
    func input(_ tensor: Tensor) throws -> Value {
      inputs.append(tensor)
      return try graph.add(
        one: Input(
          index: inputs.count,
          type: .batched(Array(tensor.shape.dimensions.dropFirst()), tensor.dtype)), [])
    }
    // From probabilities that are a softmax, the loss is taken of the logits behind it; from others, of
    // their logarithms.
    let behind = try item.logits?.tensor()
    let x = try input(behind ?? prediction)
    let isLogits = options.from_logits ?? true
    let softmax = behind == nil ? x : try graph.add(one: Softmax(), [x])
    let goal = try input(isSparse ? target.classes() : target.tensor())
    let loss: Value
    switch try #require(item.loss) {
    case "cross_entropy":
      let logits = try graph.logits(of: softmax, areProbabilities: !isLogits)
      loss = try graph.add(
        one: BatchMean(), [graph.add(CrossEntropy(), [logits, goal])[0]])
    case "mse":
      loss = try graph.add(one: BatchMean(), [graph.add(SquaredError(), [x, goal])[0]])
    case "kl":
      let temperature = Float(try #require(options.temperature))
      let each = try graph.add(DistillationLoss(temperature: temperature), [x, goal])[0]
      let scale = options.scaled == true ? 1 : 1 / (temperature * temperature)
      loss = try graph.add(
        one: Rescale(scale: scale), [graph.add(one: BatchMean(), [each])])
    case "distillation":
      let labels = try input(#require(item.labels).classes())
      let alpha = Float(try #require(options.alpha))
      let soft = try graph.add(
        DistillationLoss(temperature: Float(#require(options.temperature))), [x, goal])[0]
      let hard = try graph.add(CrossEntropy(), [x, labels])[0]
      let left = try graph.add(one: Rescale(scale: alpha), [graph.add(one: BatchMean(), [soft])])
      let right = try graph.add(
        one: Rescale(scale: 1 - alpha), [graph.add(one: BatchMean(), [hard])])
      loss = try graph.add(one: Add(), [left, right])
    default: throw WaneError("fixture", "there is no loss '\(item.loss ?? "")'")
    }
    let gradient = try #require(try graph.gradients(of: loss, withRespectTo: [x])[0])
    graph.outputs = [loss, gradient]
    let program = try Program(
      graph, batch: prediction.shape[0], mode: .training, weights: WeightStore(graph.parameters))
    for (buffer, tensor) in zip(program.inputs, inputs) {
      tensor.withBytes {
        if let base = $0.baseAddress { buffer.pointer.copyMemory(from: base, byteCount: $0.count) }
      }
    }
    program.run()
    try program.check()
    let value = Double(program.outputs[0].floats[0])
    let expected = try #require(item.value)
    #expect(abs(value - expected) <= 1e-5 * max(1, abs(expected)), "\(value), not \(expected)")
    guard item.value_only != true else { return }
    let buffer = program.outputs[1]
    let actual = try Tensor(
      Array(UnsafeBufferPointer(start: buffer.floats, count: buffer.count)),
      Shape([buffer.shape[0]] + rows))
    try expectClose(
      actual, behind == nil ? item.prediction_gradient : item.logits_gradient, "gradient")
  }

  @Test(arguments: FixtureFile.cases("metrics")) func metricsAgree(_ item: FixtureCase) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    let prediction = try #require(item.prediction).tensor()
    let target = try #require(item.target)
    // A model that hands through what it is given.
    let model = try ModelBuilder.sequential([
      InputLayer(Array(prediction.shape.dimensions.dropFirst())), ActivationLayer(.linear),
    ])
    let labels = try item.options?.target == "sparse" ? target.classes() : target.tensor()
    let evaluation = try Evaluation(
      model, on: Dataset(inputs: prediction, labels: labels), loss: .crossEntropy,
      pool: WorkerPool(count: 1))
    let accuracy = try #require(evaluation.accuracy)
    #expect(abs(accuracy - (try #require(item.value))) < 1e-6)
  }

  @Test(arguments: FixtureFile.cases("optimizers")) func optimizersAgree(_ item: FixtureCase) throws
  {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    guard case .list(let gradients)? = item.gradients else {
      throw WaneError("fixture", "has no gradients")
    }
    let optimizer = try #require(item.options).optimizer(#require(item.optimizer)).validated()
    var weights = try #require(item.initial).data.map { Float($0) }
    let count = weights.count
    let starts = optimizer.rule.slots
    var slots = [Float](repeating: 0, count: max(1, starts.count * count))
    for (slot, start) in starts.enumerated() {
      for index in 0..<count { slots[slot * count + index] = start }
    }
    for (index, gradient) in gradients.enumerated() {
      let values = gradient.data.map { Float($0) }
      // In two pieces, as two workers would.
      for range in [0..<count / 2, count / 2..<count] {
        values.withUnsafeBufferPointer { values in
          var part: UnsafePointer<Float>? = values.baseAddress
          withUnsafePointer(to: &part) { part in
            var gradient = wane_gradient(partials: part, count: 1, scale: 1, limit: 0, mask: nil)
            weights.withUnsafeMutableBufferPointer { weights in
              slots.withUnsafeMutableBufferPointer { slots in
                guard let w = weights.baseAddress, let slots = slots.baseAddress else { return }
                optimizer.update(
                  w, state: starts.indices.map { slots + $0 * count }, gradient: &gradient,
                  step: index + 1, rate: optimizer.learningRate, range: range)
              }
            }
          }
        }
      }
      let expected = try #require(item.trajectory)[index]
      try expectClose(Tensor(weights, Shape(expected.shape)), expected, "step \(index + 1)")
    }
  }

  @Test(arguments: FixtureFile.cases("networks"), [1, 2, 3])
  func networksAgree(_ item: FixtureCase, _ workers: Int) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    var symbols: [String: SymbolicValue] = [:]
    var inputs: [SymbolicValue] = []
    for node in try #require(item.nodes) {
      let symbol = try SymbolicValue(
        node.options.layer(node.layer, name: node.name),
        node.inputs.map { try #require(symbols[$0]) }, identity: LayerIdentity())
      if node.layer == "input" { inputs.append(symbol) }
      symbols[node.name] = symbol
    }
    var model = try ModelBuilder.functional(
      inputs: inputs, outputs: [#require(item.output_node.flatMap { symbols[$0] })])
    let initial = try #require(item.initial_parameters)
    for (name, value) in initial {
      try model.set(#require(model.parameters[name], "\(name)").replacing(.dense(value.tensor())))
    }
    #expect(model.parameters.count == initial.count)

    let pool = try WorkerPool(count: workers)
    let isOfWords = item.nodes?.first?.options.dtype == "i32"
    let input = try #require(item.input)
    let images = try isOfWords ? input.classes() : input.tensor()
    try expectClose(InferenceSession(model, pool: pool).run([images])[0], item.output, "output")

    let data = try Dataset(inputs: images, labels: #require(item.target).classes())
    let options = TrainingOptions(
      loss: .crossEntropy,
      optimizer: try #require(item.optimizer_options).optimizer(#require(item.optimizer)),
      batchSize: data.count, shuffles: false)
    let run = try TrainingRun(model, data: data, options: options, epochs: 3, pool: pool)
    for (index, expected) in try #require(item.losses).enumerated() {
      let loss = try run.runStep().loss
      #expect(abs(loss - expected) <= 2e-5, "step \(index + 1): \(loss) instead of \(expected)")
      if index == 0, case .named(let gradients)? = item.gradients {
        for (name, gradient) in gradients {
          try expectClose(run.gradient(name), gradient, within: 2e-5, "gradient of \(name)")
        }
      }
    }
    let trained = try run.trainedModel()
    for (name, value) in try #require(item.final_parameters) {
      try expectClose(trained.parameters[name]?.decoded(), value, within: 3e-5, "final \(name)")
    }
    try expectClose(
      InferenceSession(trained, pool: pool).run([images])[0], item.final_output, within: 3e-5,
      "final output")
  }
}
