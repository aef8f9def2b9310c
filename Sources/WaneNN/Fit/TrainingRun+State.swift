import WaneGraph
import WaneTensor

extension TrainingRun {
  /// Puts everything in that this run needs to go on bit for bit.
  ///
  /// That is the variables, what the optimizer remembers, and the number of the step. The order of
  /// samples and all random numbers follow from the seed and that number.
  ///
  /// - Throws: when memory cannot be had.
  public func save(to state: inout TrainingState) throws {
    for (name, text) in conditions { state.values["run/\(name)"] = .text(text) }
    state.values["run/step"] = .integer(step)
    state.values["run/learning_rate_factor"] = .number(Double(learningRateFactor))
    for variable in training.variables {
      state.values["variable/\(variable.name)"] = .tensor(try store.value(variable.name))
    }
    for (name, pointer) in store.memories {
      state.values["optimizer/\(name)"] = .tensor(
        try Tensor(Array(UnsafeBufferPointer(start: pointer, count: store.count))))
    }
  }

  /// Makes sure that the state is of a run like this one.
  ///
  /// - Throws: when the state is of another model, data set or set of options.
  public func check(_ state: TrainingState) throws {
    for (name, text) in conditions {
      let was = try state.text("run/\(name)")
      guard was == text else {
        throw WaneError("resume", "\(name) was \(was) in the checkpoint, and is \(text) now")
      }
    }
  }

  /// Goes on where the state says.
  ///
  /// - Throws: when the state is of another model, data set or set of options; nothing has changed
  ///   then.
  public func restore(_ state: TrainingState) throws {
    try check(state)
    let step = try state.integer("run/step")
    guard step >= 0, step <= Int(Int32.max) * 1024 else {
      throw WaneError("resume", "the checkpoint's step is \(step)")
    }
    let factor = try state.number("run/learning_rate_factor")
    let variables = try training.variables.map { variable in
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
}
