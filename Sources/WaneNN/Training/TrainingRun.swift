import CKernels
import WaneGraph
import WaneTensor

/// The training of a model, step by step.
///
/// The run can be left at any step: `model()` gives the model as it is then. The batch of a step is
/// cut into one shard a worker; for a seed and a number of workers, a run repeats bit for bit.
public final class TrainingRun {
  /// What a step, or several together, came to.
  public struct Measure: Sendable {
    /// The sum of losses over samples.
    public var lossSum: Double = 0
    /// The number of hits; meaningful when the loss counts them.
    public var hits: Double = 0
    /// The number of samples.
    public var samples = 0
    /// Whether hits were counted.
    public var countsHits = false
    /// What each output came to, where a model has several.
    public var outputs: [OutputMeasure] = []

    /// The mean loss.
    public var loss: Double { samples == 0 ? 0 : lossSum / Double(samples) }
    /// The fraction of hits; nil when they are not counted.
    public var accuracy: Double? {
      countsHits && samples > 0 ? hits / Double(samples) : nil
    }

    /// Nothing yet.
    public init() {}

    /// Adds what other steps came to.
    public mutating func add(_ other: Measure) {
      lossSum += other.lossSum
      hits += other.hits
      samples += other.samples
      countsHits = countsHits || other.countsHits
      if outputs.isEmpty {
        outputs = other.outputs
      } else {
        for (index, output) in other.outputs.enumerated() where outputs.indices.contains(index) {
          outputs[index].lossSum += output.lossSum
          outputs[index].hits = outputs[index].hits.map { $0 + (output.hits ?? 0) }
        }
      }
    }

    /// The loss and the fraction of hits of each output, by name: `digit_loss`, `digit_accuracy`.
    public var outputMeasures: [(name: String, value: Double)] {
      guard samples > 0 else { return [] }
      return outputs.flatMap { output -> [(name: String, value: Double)] in
        [("\(output.name)_loss", output.lossSum / Double(samples))]
          + (output.hits.map { [("\(output.name)_accuracy", $0 / Double(samples))] } ?? [])
      }
    }
  }

  /// What steps came to at one of several outputs.
  public struct OutputMeasure: Sendable {
    /// The name of the output.
    public let name: String
    /// The sum of its losses over samples, before they are weighed against those of other outputs.
    public var lossSum: Double
    /// The number of hits; nil when the loss does not count any.
    public var hits: Double?
  }

  /// Steps done so far.
  public internal(set) var step = 0
  /// What the step size of the schedule is multiplied by; 1 at first.
  public var learningRateFactor: Float = 1
  /// Steps of an epoch; 0 where a stream does not tell.
  public let stepsPerEpoch: Int
  /// Epochs completed; of a stream, those that whoever runs it says.
  public var epoch: Int {
    get { streamEpoch ?? (stepsPerEpoch == 0 ? 0 : step / stepsPerEpoch) }
    set { streamEpoch = newValue }
  }
  /// What the run trains on.
  public let data: Dataset
  /// How it trains.
  public let options: TrainingOptions

  let model: Graph
  /// What batches are brought of, in place of the data set.
  let stream: SampleStream?
  private var streamEpoch: Int?
  var streamWaited = 0.0
  /// What the inputs of a step are taken from, row by row.
  var feed: StepFeed
  /// What each step learns of each sample.
  let targets: [Tensor]
  /// Reads what the next steps need of samples that are stored.
  let ahead: ReadAhead<[Tensor?]>
  let training: TrainingGraph
  private let pool: WorkerPool
  let store: VariableStore
  private let variables: VariableUpdate
  private let weights: WeightStore
  private var crews: [Int: [TrainingShard]] = [:]
  /// For how many sizes of batches programs are kept.
  private static let mostCrews = 8
  /// The orders of the samples in the epochs that steps are prepared for.
  var orders: [(epoch: Int, order: [Int32])] = []
  let plannedSteps: Int
  /// How many parts the gradient of the last step has.
  private var shards = 0
  /// What must be the same where a checkpoint of the run goes on.
  lazy var conditions = findConditions()

  /// Prepares a run.
  ///
  /// - Parameters:
  ///   - model: where training starts.
  ///   - data: what is learned.
  ///   - options: how.
  ///   - epochs: how long it is meant to last, for schedules.
  ///   - pool: the threads that share a batch.
  ///   - stream: what batches will be brought of, which are like the data set.
  ///   - poll: called now and then while a teacher is asked; throws to stop.
  /// - Throws: when the data do not fit the model, or an option is out of range.
  public init(
    _ model: Graph, data: Dataset, options: TrainingOptions, epochs: Double, pool: WorkerPool,
    stream: SampleStream? = nil, poll: () throws -> Void = {}
  ) throws {
    guard options.batchSize > 0 else {
      throw WaneError("train", "batch_size must be positive, got \(options.batchSize)")
    }
    guard data.count > 0 else { throw WaneError("train", "the data set is empty") }
    guard stream == nil || data.weights == nil else {
      throw WaneError("train", "samples of a stream have no weights")
    }
    guard epochs.isFinite, epochs >= 0, epochs < 1e9 else {
      throw WaneError("train", "epochs must be at least 0, got \(epochs)")
    }
    _ = try options.optimizer.validated()
    var (data, options) = try data.arranged(for: model, "train").prepared(for: model, options)
    // Nobody knows the samples of a stream beforehand.
    if stream != nil { options.teacher?.keepsAnswers = false }
    options.teacher = try options.teacher?.measured(
      on: data, student: model, pool: pool, poll: poll)
    self.model = model
    self.stream = stream
    self.data = data
    self.options = options
    self.pool = pool
    training = try TrainingGraph(model, data: data, options: options)
    var targets = data.allLabels
    if let teacher = options.teacher, teacher.asksTeachers, !teacher.embedsTeachers {
      targets += try teacher.answers(
        for: data, student: model,
        kinds: options.answerKinds(of: model, labels: data.allLabels.map(\.dtype)), pool: pool,
        poll: poll)
    }
    if let weights = data.weights { targets.append(weights) }
    feed = try data.feed(targets: targets)
    self.targets = targets
    ahead = ReadAhead(depth: max(2, pool.count))
    store = try VariableStore(
      training.variables, trained: Set(training.trained.map(\.name)),
      slots: options.optimizer.rule.slots, isAveraged: options.optimizer.averageMomentum != nil,
      workers: pool.count)
    variables = VariableUpdate(options.optimizer, store: store, pool: pool)
    weights = WeightStore(training.graph.parameters, bound: store.pointers)
    let samples = stream.map { $0.limit ?? 0 } ?? data.count
    let batch = max(min(options.batchSize, samples), 1)
    stepsPerEpoch = samples / batch + (samples % batch == 0 ? 0 : 1)
    let schedule = options.schedule
    guard samples > 0 || !(schedule.followsRun || schedule.unit == .epochs) else {
      throw WaneError(
        "train",
        "the schedule follows the length of an epoch, which the stream does not tell: give it a limit"
      )
    }
    plannedSteps = Int((epochs * Double(stepsPerEpoch)).rounded())
  }

  /// The steps the run was meant to last.
  public var totalSteps: Int { plannedSteps }

  /// Runs the next step: a batch forward, its loss, backward, update.
  ///
  /// - Throws: when the loss or the gradient is no longer a number; the variables are then those of
  ///   the step before.
  @discardableResult
  public func runStep() throws -> Measure { try runStep(at: prepareStep()) }

  /// Seconds that steps have waited for samples to be read.
  public var secondsWaited: Double { ahead.waited + streamWaited }

  /// Runs the next step on samples that are not those of the run's data set, which have to be like
  /// them.
  ///
  /// - Throws: when they are not, and as `runStep()`.
  public func runStep(on batch: Dataset) throws -> Measure {
    let isNamed = !batch.inputNames.isEmpty || !batch.labelNames.isEmpty
    let batch =
      isNamed ? try batch.arranged(for: model, "train") : try batch.withLabels(of: model)
    guard batch.isLike(data) else {
      throw WaneError(
        "train",
        "samples \(text(batch.columns)) and labels \(labels(batch)) are not like those of "
          + "the first step, \(text(data.columns)) and \(labels(data))")
    }
    guard batch.count > 0 else { throw WaneError("train", "the batch is empty") }
    guard options.teacher == nil, data.weights == nil else {
      throw WaneError("train", "a teacher or weights are missing for the batch")
    }
    try checkClasses(batch)
    let positions = (0..<Int32(clamping: batch.count)).map { $0 }[...]
    let draw = FeedDraw(seed: options.seed, epoch: UInt64(epoch))
    feed = try batch.feed(
      targets: batch.allLabels,
      read: batch.isStored ? batch.reading(positions, draw)(Cancellation()) : nil)
    return try runStep(at: positions)
  }

  func runStep(at positions: ArraySlice<Int32>) throws -> Measure {
    let crew = try crew(for: positions.count)
    let (seed, number, epoch) = (options.seed, UInt64(step), UInt64(epoch))
    try pool.run { worker in
      guard crew.indices.contains(worker) else { return }
      crew[worker].run(feed, positions, epoch: epoch, seed: seed, step: number)
    }
    // All are asked, so that none keeps its failure for the next step.
    let checks = crew.map { shard in Result { try shard.check() } }
    for check in checks { try check.get() }
    var measure = Measure()
    measure.samples = positions.count
    let isSingle = training.outputs.count == 1
    measure.countsHits = isSingle && training.outputs[0].hits != nil
    for shard in crew {
      measure.lossSum += shard.loss * Double(positions.count)
      if isSingle { measure.hits += shard.hits[0] }
    }
    if !isSingle { measure.outputs = outputMeasures(crew, samples: positions.count) }
    guard measure.loss.isFinite, crew.allSatisfy(\.isFinite) else {
      throw try nonFinite(crew, positions, loss: measure.loss)
    }
    step += 1
    shards = crew.count
    try update(crew)
    return measure
  }

  /// What a step came to at each output.
  private func outputMeasures(_ crew: [TrainingShard], samples: Int) -> [OutputMeasure] {
    training.outputs.enumerated().map { index, output in
      OutputMeasure(
        name: output.name,
        lossSum: crew.reduce(0) { $0 + $1.losses[index] } * Double(samples),
        hits: output.hits == nil ? nil : crew.reduce(0) { $0 + $1.hits[index] })
    }
  }

  /// The step size of a step, counted from 0.
  public func learningRate(at step: Int) -> Float {
    learningRateFactor
      * options.schedule.rate(
        options.optimizer.learningRate, step: step, stepsPerEpoch: stepsPerEpoch,
        totalSteps: plannedSteps)
  }

  /// Moves the variables along the gradients that the shards left.
  private func update(_ crew: [TrainingShard]) throws {
    shards = try variables.update(
      shards: crew.count, step: step, rate: learningRate(at: step - 1))
    for (index, update) in training.form.updates.enumerated() {
      let value = crew[0].output(training.firstUpdate + index)
      store.pointers[update.parameter]?.copyMemory(
        from: value.pointer, byteCount: value.count * 4)
    }
  }

  /// Trains on until `epochs` epochs of this run are over.
  ///
  /// - Parameters:
  ///   - epochs: counted from the start of the run.
  ///   - poll: called before every step; throws to stop.
  ///   - onStep: called after every step.
  /// - Returns: what the steps came to.
  /// - Throws: when `epochs` is out of range, or what `poll` and `onStep` throw.
  @discardableResult
  public func train(
    epochs: Double, poll: () throws -> Void = {},
    onStep: (_ run: TrainingRun, _ measure: Measure) throws -> Void = { _, _ in }
  ) throws -> Measure {
    guard epochs.isFinite, epochs >= 0, epochs < 1e9 else {
      throw WaneError("train", "epochs must be at least 0, got \(epochs)")
    }
    var total = Measure()
    let end = Int((epochs * Double(stepsPerEpoch)).rounded())
    while step < end {
      try poll()
      let measure = try runStep()
      total.add(measure)
      try onStep(self, measure)
    }
    return total
  }

  /// A program that runs the next batch whole on one worker, how to fill its inputs, and the number
  /// of samples; for profiles.
  func singleProgram() throws -> (program: Program, fill: () -> Void, samples: Int) {
    let positions = try prepareStep()
    let program = try Program(
      training.graph, batch: positions.count, mode: .training, weights: weights,
      precision: options.precision)
    let scratch = try Storage(byteCount: feed.scratchBytes, for: "profile")
    let draw = FeedDraw(seed: options.seed, epoch: UInt64(epoch))
    let fill = { [feed] in
      for (column, buffer) in program.inputs.enumerated() {
        feed.fill(column, buffer.pointer, positions, draw, scratch: scratch.pointer)
      }
    }
    return (program, fill, positions.count)
  }

  /// The model with the variables as they are now, or with their moving averages when the optimizer
  /// keeps them.
  public func trainedModel() throws -> Graph { try model(with: variableValues()) }

  /// The variables by name, or their moving averages when the optimizer keeps them.
  public func variableValues() throws -> [String: Tensor] {
    var values: [String: Tensor] = [:]
    for variable in training.form.variables {
      values[variable.name] = try store.value(variable.name, averaged: step > 0)
    }
    return values
  }

  /// The peers of the distillation as they are after the last step.
  ///
  /// - Throws: when memory cannot be had.
  public func trainedPeers() throws -> [Graph] {
    let values = try variableValues()
    return try (options.teacher?.peers ?? []).enumerated().map { index, peer in
      let path = Classroom.peerPath(index)
      var result = peer
      for parameter in peer.parameters {
        let name = "\(path)/\(parameter.name)"
        guard training.form.variables.contains(where: { $0.parameter == name }) else { continue }
        try result.set(
          training.form.parameter(name, values: values).renamed(parameter.name))
      }
      return result
    }
  }

  /// The model with variables of given values.
  ///
  /// - Throws: when one is missing.
  public func model(with values: [String: Tensor]) throws -> Graph {
    var result = model
    let determined = Set(training.form.variables.map(\.parameter))
    for parameter in model.parameters where determined.contains(parameter.name) {
      try result.set(training.form.parameter(parameter.name, values: values))
    }
    return try result.settingRanges(values)
  }

  /// The weights of a parameter as they are now, before masking and rounding; nil for a codebook.
  public func weights(_ parameter: String) throws -> Tensor? {
    training.form.variables.contains { $0.name == parameter } ? try store.value(parameter) : nil
  }

  /// The gradient of the last step with respect to a parameter's weights.
  public func gradient(_ parameter: String) throws -> Tensor? {
    try store.gradient(parameter, shards: shards)
  }

  /// The mask of a parameter that was given one.
  public func mask(_ parameter: String) throws -> Tensor? {
    let name = "\(parameter)#mask"
    return training.form.variables.contains { $0.name == name } ? try store.value(name) : nil
  }

  /// Goes on from the parameters of a model of the same form, which something else has moved.
  ///
  /// What the optimizer remembers stays.
  ///
  /// - Throws: when the model has another form, or the run moves ranges of activations.
  public func moveOn(from model: Graph) throws {
    guard options.grids.ranges == .fixed else {
      throw WaneError("train", "a run that moves ranges does not go on from another model")
    }
    let form = try TrainingForm(
      model, masking: options.masking, learnsScales: options.grids.learnsScales)
    let names = training.form.variables.map { "\($0.name) \($0.initial.shape)" }
    guard names == form.variables.map({ "\($0.name) \($0.initial.shape)" }) else {
      throw WaneError("train", "the model has changed its form since the first step")
    }
    for variable in form.variables {
      store.write(try training.form.value(of: variable, in: model), to: variable.name)
    }
  }

  /// Replaces the weights of a parameter as they are before masking and rounding; the shared values
  /// of one that has a codebook.
  public func setWeights(_ parameter: String, _ weights: Tensor) {
    let name = training.form.variables.contains { $0.name == parameter } ? "" : "#centroids"
    store.write(weights, to: parameter + name)
  }

  /// Replaces the mask of a parameter that was given one.
  public func setMask(_ parameter: String, _ mask: Tensor) {
    store.write(mask, to: "\(parameter)#mask")
  }

  /// What the metrics of the options came to over the steps since they were last asked for.
  public func takeMetrics() throws -> [(name: String, value: Metric.Value)] {
    let shards = crews.sorted { $0.key < $1.key }.flatMap(\.value)
    return try training.outputs.enumerated().flatMap { index, output in
      guard let total = try output.metricSums() else {
        return [(name: String, value: Metric.Value)]()
      }
      for shard in shards {
        guard let metrics = shard.metrics[index] else { continue }
        total.add(metrics)
        metrics.reset()
      }
      let isSingle = training.outputs.count == 1
      return try total.values().map { name, value in
        (name: isSingle ? name : "\(output.name)_\(name)", value: value)
      }
    }
  }

  /// The layers whose products have been rounded to bf16, of the steps so far.
  public var layersInBF16: [String] {
    let steps = crews.values.flatMap { $0.flatMap(\.steps) }
    let layers = Set(steps.filter(\.roundsToBF16).map(\.layer))
    return model.nodes.reduce(into: []) { found, node in
      if layers.contains(node.layer), !found.contains(node.layer) { found.append(node.layer) }
    }
  }

  /// Says where numbers stopped being finite, running the step again.
  private func nonFinite(
    _ crew: [TrainingShard], _ positions: ArraySlice<Int32>, loss: Double
  ) throws -> WaneError {
    let value = loss.isNaN ? "nan" : "\(loss)"
    let what = loss.isFinite ? "the gradient is not finite" : "the loss is \(value)"
    func error(_ reason: String) -> WaneError {
      WaneError("train", "\(what) at step \(step + 1): \(reason)")
    }
    let blank: (inputsAreFinite: Bool, kernel: Program.Step?) = (true, nil)
    var found = [(inputsAreFinite: Bool, kernel: Program.Step?)](
      repeating: blank, count: crew.count)
    let (seed, number, epoch) = (options.seed, UInt64(step), UInt64(epoch))
    try found.withUnsafeMutableBufferPointer { found in
      nonisolated(unsafe) let found = found
      try pool.run { worker in
        guard crew.indices.contains(worker) else { return }
        found[worker] = crew[worker].firstNonFinite(
          feed, positions, epoch: epoch, seed: seed, step: number)
      }
    }
    guard found.allSatisfy(\.inputsAreFinite) else {
      return error("the data set has a number that is not finite")
    }
    for variable in training.form.variables {
      let value = try store.value(variable.name)
      let isFine = value.with(Float.self) { values in
        values.baseAddress.map { wane_all_finite_f32($0, values.count) != 0 } ?? true
      }
      if !isFine { return error("the parameter '\(variable.name)' is not finite") }
    }
    guard let first = found.compactMap(\.kernel).first else {
      return error("try a smaller learning_rate")
    }
    let place = first.layer.isEmpty ? "" : " of layer '\(first.layer)'"
    let kind = first.operation.contains("gradient") ? "gradient" : "output"
    return error(
      "the \(kind)\(place) (\(first.operation)) is the first that is not finite; "
        + "try a smaller learning_rate")
  }

  /// The shards that run a batch of that size, one a worker.
  private func crew(for batch: Int) throws -> [TrainingShard] {
    if let crew = crews[batch] { return crew }
    // A script may bring batches of any size. A run over a data set has two, so its metrics stay.
    if crews.count == TrainingRun.mostCrews { crews = [:] }
    let members = min(pool.count, batch)
    let team = try Team(count: members)
    let crew = try (0..<members).map { worker in
      try TrainingShard(
        training, samples: batch * worker / members..<batch * (worker + 1) / members, batch: batch,
        weights: weights, store: store, member: TeamMember(team, worker: worker), feed: feed,
        precision: options.precision, metrics: training.outputs.map { try $0.metricSums() })
    }
    crews[batch] = crew
    return crew
  }
}
