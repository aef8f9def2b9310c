import WaneGraph
import WaneTensor

extension TrainingRun {
  /// Puts everything in that this run needs to go on bit for bit.
  ///
  /// That is the variables, what the optimizer remembers, and the number of the step. The order of samples and all random numbers follow from the
  /// seed and that number.
  ///
  /// - Throws: when memory cannot be had.
  public func save(to state: inout TrainingState) throws {
    for (name, text) in conditions { state.values["run/\(name)"] = .text(text) }
    state.values["run/step"] = .integer(step)
    state.values["run/learning_rate_factor"] = .number(Double(learningRateFactor))
    for variable in training.form.variables {
      state.values["variable/\(variable.name)"] = .tensor(try store.value(variable.name))
    }
    for (name, pointer) in store.memories {
      state.values["optimizer/\(name)"] = .tensor(
        try Tensor(Array(UnsafeBufferPointer(start: pointer, count: store.count))))
    }
  }

  /// Goes on where the state says.
  ///
  /// - Throws: when the state is of another model, data set or set of options; nothing has changed
  ///   then.
  public func restore(_ state: TrainingState) throws {
    for (name, text) in conditions {
      let was = try state.text("run/\(name)")
      guard was == text else {
        throw WaneError("resume", "\(name) was \(was) in the checkpoint, and is \(text) now")
      }
    }
    let step = try state.integer("run/step")
    guard step >= 0, step <= Int(Int32.max) * 1024 else {
      throw WaneError("resume", "the checkpoint's step is \(step)")
    }
    let factor = try state.number("run/learning_rate_factor")
    let variables = try training.form.variables.map { variable in
      (
        variable.name,
        try state.tensor("variable/\(variable.name)", .f32, variable.initial.shape.dimensions)
      )
    }
    let memories = try store.memories.map { name, pointer in
      (pointer, try state.tensor("optimizer/\(name)", .f32, [store.count]))
    }
    for (name, value) in variables { store.write(value, to: name) }
    for (pointer, value) in memories {
      value.with(Float.self) { source in
        if let base = source.baseAddress { pointer.update(from: base, count: source.count) }
      }
    }
    self.step = step
    learningRateFactor = Float(factor)
  }

  /// What must be the same for a run to go on as if it had not stopped.
  private var conditions: [(name: String, text: String)] {
    var hash = Hash()
    for node in model.nodes {
      hash.add("\(type(of: node.operation).name) \(node.layer) \(node.outputs)")
    }
    for parameter in model.parameters { hash.add("\(parameter.name) \(parameter.shape)") }
    let loss = options.loss.map { "\($0.kind)" } ?? "the usual"
    return [
      ("the model", "#\(String(hash.value, radix: 16))"),
      ("the data set", "\(data.count) samples of \(Shape.text(data.sampleDimensions))"),
      ("optimizer", "\(options.optimizer.rule)"),
      ("learning_rate", "\(options.optimizer.learningRate)"),
      ("weight_decay", "\(options.optimizer.weightDecay)"),
      ("clipping", "\(options.optimizer.clipping)"),
      ("ema_momentum", options.optimizer.averageMomentum.map { "\($0)" } ?? "none"),
      ("learning_rate_schedule", "\(options.schedule.course)"),
      ("warmup_steps", "\(options.schedule.warmup) \(options.schedule.unit)"),
      ("loss", loss), ("batch_size", "\(options.batchSize)"), ("seed", "\(options.seed)"),
      ("shuffle", "\(options.shuffles)"),
      ("precision", options.precision.rawValue),
    ]
  }
}

/// A hash that is the same in every process (Fowler, Noll and Vo, 1991: FNV-1a).
private struct Hash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ text: String) {
    for byte in text.utf8 {
      value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
  }
}
