import CKernels
import WaneTensor

/// Batch normalization (Ioffe and Szegedy, 2015) over the last axis.
///
///     y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
///
/// Operands: `x`, and `gamma`, `beta`, moving mean, moving variance, each `[C]`. In this form the moving
/// statistics are used; the training pass replaces it by `BatchStatistics` and `BatchNormTraining`.
public struct BatchNorm: Operation {
  public static let name = "batch_norm"
  /// Keeps the root away from zero.
  public let epsilon: Float
  /// How much of the moving statistics stays at each step.
  public let momentum: Float

  /// Creates a batch normalization.
  public init(epsilon: Float, momentum: Float) {
    self.epsilon = epsilon
    self.momentum = momentum
  }

  public init(_ attributes: Attributes) throws {
    epsilon = try attributes.float("epsilon")
    momentum = try attributes.float("momentum")
  }

  public var attributes: [String: Attribute] {
    ["epsilon": .float(epsilon), "momentum": .float(momentum)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 5...5)
    return try inferNormalized(Self.name, inputs)
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int { outputs[0].sampleCount }

  /// With statistics that stay as they are, `y` is linear in `x`: the gradient of `x` is a
  /// normalization of `dy` without mean and offset.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil, nil, nil, nil] }
    let (x, gamma, mean, variance) = (
      context.inputs[0], context.inputs[1], context.inputs[3], context.inputs[4]
    )
    var gradients = [Value?](repeating: nil, count: 5)
    if context.needs(0) {
      let zeros = try context.add(Rescale(scale: 0), [variance])
      gradients[0] = try context.add(self, [gradient, gamma, zeros, zeros, variance])
    }
    if context.needs(1) || context.needs(2) {
      let sums = try context.add(
        all: BatchNormSums(epsilon: epsilon), [x, gradient, mean, variance])
      gradients[1] = sums[0]
      gradients[2] = sums[1]
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try lowerNormalize(&context, epsilon: epsilon)
  }
}

/// Mean and variance of each channel over the whole batch: `x -> mean [C], variance [C]`, or over the
/// steps that count, `x [N, T, ..., C], mask [N, T] -> mean [C], variance [C], rows [1]`.
public struct BatchStatistics: Operation {
  public static let name = "batch_statistics"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...2)
    try require(inputs[0], .f32)
    let statistics = ValueType.fixed([inputs[0].channels])
    guard inputs.count > 1 else { return [statistics, statistics] }
    try inputs[0].checkMask(inputs[1], Self.name)
    return [statistics, statistics, .fixed([1])]
  }

  public var spansShards: Bool { true }

  /// `BatchNormTraining` accounts for how the statistics depend on `x`; this is for what else is
  /// made of them, such as its gradient.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let x = context.inputs[0]
    let extents = context.graph.type(of: x).dimensions
    let positions = Float(max(extents.dropLast().reduce(1, *), 1))
    let (ofMean, ofVariance) = (context.outputGradients[0], context.outputGradients[1])
    let mean = context.outputs[0]
    let masked = context.inputs.count > 1 ? (context.inputs[1], context.outputs[2]) : nil
    return try context.formula { formula in
      let weights = try masked.map { try formula.shares($0, rows: $1, of: extents) }
      func share(_ g: Value, _ factor: Float) throws -> Value {
        if let weights {
          let part = try formula.add(BroadcastTo(extents), formula.affine(g, factor), x)
          return try formula.product(part, weights)
        }
        let part = try formula.add(DivideByBatch(), formula.affine(g, factor / positions))
        return try formula.add(BroadcastTo(extents), part, x)
      }
      var gradient = try ofMean.map { try share($0, 1) }
      if let ofVariance {
        let part = try formula.product(formula.difference(x, mean), share(ofVariance, 2))
        gradient = try gradient.map { try formula.sum($0, part) } ?? part
      }
      return masked == nil ? [gradient] : [gradient, nil]
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let channels = context.inputTypes[0].channels
    let rows = try context.input(0).count / max(channels, 1)
    let mean = context.output(0).floats
    guard context.isUsed(1) else { throw WaneError(Self.name, "the variance is not used") }
    let variance = context.output(1).floats
    let runs = try context.inputTypes.count > 1 ? RowRuns(context.input(1), of: rows) : nil
    let counted = runs != nil && context.isUsed(2) ? context.output(2).floats : nil
    if runs != nil { context.reserveScratch(8 * channels) }
    /// Moments of the rows at hand; how many there are.
    func moments(
      _ mean: UnsafeMutablePointer<Float>, _ squares: UnsafeMutablePointer<Float>,
      _ scratch: UnsafeMutableRawPointer
    ) -> Int {
      guard let runs else {
        wane_batch_norm_moments_f32(x, mean, squares, rows, channels)
        return rows
      }
      let part = scratch.assumingMemoryBound(to: Float.self)
      var total = 0
      wane_fill_f32(0, mean, channels)
      wane_fill_f32(0, squares, channels)
      runs.forEach { run, counts in
        guard counts else { return }
        wane_batch_norm_moments_f32(
          x + run.lowerBound * channels, part, part + channels, run.count, channels)
        wane_batch_norm_combine_f32(
          mean, squares, total, part, part + channels, run.count, channels)
        total += run.count
      }
      return total
    }
    guard let member = context.team, member.team.count > 1 else {
      return { run in
        let total = moments(mean, variance, run.scratch)
        wane_scale_f32(variance, 1 / Float(max(total, 1)), variance, channels)
        counted?.pointee = Float(total)
      }
    }
    // Every worker leaves the moments of its shard in memory of its own and then combines all of
    // them in the same order, so that all have the same result.
    let team = member.team
    let own = try Storage(byteCount: (2 * channels + 1) * 4, for: Self.name)
    let local = own.pointer.assumingMemoryBound(to: Float.self)
    let parts = team.join(context.nodeKey, worker: member.worker, local)
    return { run in
      let local = own.pointer.assumingMemoryBound(to: Float.self)
      local[2 * channels] = Float(moments(local, local + channels, run.scratch))
      team.wait()
      var total = 0
      wane_fill_f32(0, mean, channels)
      wane_fill_f32(0, variance, channels)
      for other in 0..<team.count {
        guard let part = parts[other] else { continue }
        let count = Int(part[2 * channels])
        wane_batch_norm_combine_f32(
          mean, variance, total, part, part + channels, count, channels)
        total += count
      }
      wane_scale_f32(variance, 1 / Float(max(total, 1)), variance, channels)
      counted?.pointee = Float(total)
      // Nobody may start the next step's moments while a neighbour still reads these.
      team.wait()
    }
  }
}

/// Batch normalization with the statistics of the batch at hand:
/// `x, gamma, beta, mean, variance -> y`; where they are of some steps only, their mask and the number of
/// rows follow.
public struct BatchNormTraining: Operation {
  public static let name = "batch_norm_training"
  let epsilon: Float

  init(epsilon: Float) { self.epsilon = epsilon }

  public init(_ attributes: Attributes) throws { epsilon = try attributes.float("epsilon") }

  public var attributes: [String: Attribute] { ["epsilon": .float(epsilon)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 5...7)
    guard inputs.count > 5 else { return try inferNormalized(Self.name, inputs) }
    try checkMasked(inputs, from: 5)
    return try inferNormalized(Self.name, Array(inputs[..<5]))
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let none = context.inputs.map { _ in Value?.none }
    guard let gradient = context.outputGradients[0] else { return none }
    let (x, gamma, mean, variance) = (
      context.inputs[0], context.inputs[1], context.inputs[3], context.inputs[4]
    )
    let sums = try context.add(
      all: BatchNormSums(epsilon: epsilon), [x, gradient, mean, variance])
    let dx = try context.add(
      BatchNormInputGradient(epsilon: epsilon),
      [gradient, x, gamma, mean, variance, sums[0], sums[1]] + context.inputs[5...])
    return [dx, sums[0], sums[1]] + none[3...]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try lowerNormalize(&context, epsilon: epsilon)
  }
}

/// `x, dy, mean, variance -> dgamma, dbeta`, summed over the samples at hand.
public struct BatchNormSums: Operation {
  public static let name = "batch_norm_sums"
  let epsilon: Float

  init(epsilon: Float) { self.epsilon = epsilon }

  public init(_ attributes: Attributes) throws { epsilon = try attributes.float("epsilon") }

  public var attributes: [String: Attribute] { ["epsilon": .float(epsilon)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 4...4)
    return [.fixed([inputs[0].channels]), .fixed([inputs[0].channels])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    try context.gradients(context.inputs) { [epsilon] formula, operands in
      let centred = try formula.difference(operands[0], operands[2])
      let scale = try formula.function(.rsqrt, formula.affine(operands[3], 1, epsilon))
      let weighted = try formula.product(operands[1], formula.product(centred, scale))
      let axes = Array(0..<formula.dimensions(centred).count - 1)
      return try [weighted, operands[1]].map {
        try formula.add(Reduce(.sum, axes: axes, overBatch: true), $0)
      }
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let dy = try context.input(1).floats
    let mean = try context.input(2).floats
    let variance = try context.input(3).floats
    let channels = context.inputTypes[0].channels
    let rows = try context.input(0).count / max(channels, 1)
    let dgamma = context.output(0).floats
    // Somebody reads both: the input gradient does.
    let isBetaUsed = context.isUsed(1)
    let dbeta = context.output(1).floats
    context.reserveScratch(8 * channels)
    return { [epsilon] run in
      let inverse = run.scratch.assumingMemoryBound(to: Float.self)
      reciprocalRoots(variance, epsilon, inverse, channels)
      wane_batch_norm_grad_sums_f32(
        x, dy, mean, inverse, dgamma, isBetaUsed ? dbeta : inverse + channels, rows, channels)
    }
  }
}

/// The gradient with respect to `x`, given the sums of the whole batch; where the statistics are of some
/// steps only, their mask and the number of rows follow.
public struct BatchNormInputGradient: Operation {
  public static let name = "batch_norm_input_gradient"
  let epsilon: Float

  init(epsilon: Float) { self.epsilon = epsilon }

  public init(_ attributes: Attributes) throws { epsilon = try attributes.float("epsilon") }

  public var attributes: [String: Attribute] { ["epsilon": .float(epsilon)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 7...9)
    if inputs.count > 7 { try checkMasked(inputs, from: 7) }
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  /// Statistics and sums are made of `dy` and `x` once more, so what follows from them is in the
  /// gradients of these two.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let (dy, x, gamma) = (context.inputs[0], context.inputs[1], context.inputs[2])
    let masked = context.inputs.count > 7 ? (context.inputs[7], context.inputs[8]) : nil
    let gradients = try context.secondGradients(
      dy: dy, operands: [x, gamma], results: [0]
    ) { [epsilon] formula, operands in
      let extents = formula.dimensions(x)
      let weights = try masked.map { try formula.shares($0, rows: $1, of: extents) }
      func average(_ value: Value) throws -> Value {
        let axes = Array(0..<extents.count - 1)
        guard let weights else { return try formula.total(.mean, value, axes, overBatch: true) }
        return try formula.total(.sum, formula.product(value, weights), axes, overBatch: true)
      }
      let mean = try average(operands[0])
      let rows = try formula.difference(
        operands[0], formula.graph.reshape(mean, [formula.graph.type(of: x).channels]))
      let square = try average(formula.function(.square, rows))
      let variance = try formula.graph.reshape(square, [formula.graph.type(of: x).channels])
      let scale = try formula.function(.rsqrt, formula.affine(variance, 1, epsilon))
      return try formula.product(rows, formula.product(scale, operands[1]))
    }
    return gradients + context.inputs[3...].map { _ in nil }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let pointers = try (0..<7).map { try context.input($0).floats }
    let dx = context.output().floats
    let channels = context.inputTypes[0].channels
    let rows = context.output().count / max(channels, 1)
    guard context.inputTypes.count > 7 else {
      let count = rows / max(context.batch, 1) * context.totalBatch
      context.reserveScratch(4 * channels)
      return { [epsilon] run in
        let inverse = run.scratch.assumingMemoryBound(to: Float.self)
        reciprocalRoots(pointers[4], epsilon, inverse, channels)
        wane_batch_norm_grad_f32(
          pointers[1], pointers[0], pointers[3], inverse, pointers[2], pointers[5], pointers[6],
          count, dx, rows, channels)
      }
    }
    let runs = try RowRuns(context.input(7), of: rows)
    let counted = try context.input(8).floats
    context.reserveScratch(8 * channels)
    return { [epsilon] run in
      let inverse = run.scratch.assumingMemoryBound(to: Float.self)
      reciprocalRoots(pointers[4], epsilon, inverse, channels)
      let zeros = inverse + channels
      wane_fill_f32(0, zeros, channels)
      // Rows that do not count move no statistics.
      runs.forEach { rows, counts in
        let start = rows.lowerBound * channels
        wane_batch_norm_grad_f32(
          pointers[1] + start, pointers[0] + start, pointers[3], inverse, pointers[2],
          counts ? UnsafePointer(pointers[5]) : UnsafePointer(zeros),
          counts ? UnsafePointer(pointers[6]) : UnsafePointer(zeros), Int(counted[0]), dx + start,
          rows.count, channels)
      }
    }
  }
}

/// `old * momentum + new * (1 - momentum)`: moving statistics.
public struct MovingAverage: Operation {
  public static let name = "moving_average"
  let momentum: Float

  init(momentum: Float) { self.momentum = momentum }

  public init(_ attributes: Attributes) throws { momentum = try attributes.float("momentum") }

  public var attributes: [String: Attribute] { ["momentum": .float(momentum)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let old = try context.input(0).floats
    let new = try context.input(1).floats
    let y = context.output().floats
    let count = context.output().count
    return { [momentum] _ in
      wane_scale_f32(old, momentum, y, count)
      wane_axpy_f32(1 - momentum, new, y, count)
    }
  }
}

/// Rows of steps that count, and of those that do not, one run after the other.
private struct RowRuns {
  let mask: UnsafeMutablePointer<Float>
  let steps: Int
  let rowsPerStep: Int

  init(_ mask: Buffer, of rows: Int) throws {
    self.mask = mask.floats
    steps = mask.count
    rowsPerStep = rows / max(steps, 1)
  }

  func forEach(_ body: (_ rows: Range<Int>, _ counts: Bool) -> Void) {
    var start = 0
    while start < steps {
      let counts = mask[start] != 0
      var end = start + 1
      while end < steps, (mask[end] != 0) == counts { end += 1 }
      body(start * rowsPerStep..<end * rowsPerStep, counts)
      start = end
    }
  }
}

extension Formula {
  /// The share of each row in a mean over the steps that count, to be multiplied with values of some
  /// extents.
  fileprivate mutating func shares(_ mask: Value, rows: Value, of extents: [Int]) throws -> Value {
    let ones = [Int](repeating: 1, count: max(extents.count - 1, 0))
    let column = try graph.reshape(mask, [extents[0]] + ones)
    return try quotient(column, add(Clip(low: 1), rows))
  }
}

extension ValueType {
  fileprivate func checkMask(_ mask: ValueType, _ operation: String) throws {
    guard isBatched, dimensions.count > 1, mask == .batched([dimensions[0]]) else {
      throw WaneError(operation, "mask \(mask) does not fit \(self)")
    }
  }
}

extension Operation {
  /// Checks the mask and the number of rows among operands.
  fileprivate func checkMasked(_ inputs: [ValueType], from index: Int) throws {
    try operands(inputs, index + 2...index + 2)
    try inputs[0].checkMask(inputs[index], Self.name)
    guard inputs[index + 1] == .fixed([1]) else {
      throw WaneError(Self.name, "takes the number of rows, got \(inputs[index + 1])")
    }
  }
}

private func inferNormalized(_ operation: String, _ inputs: [ValueType]) throws -> [ValueType] {
  let channels = inputs[0].channels
  guard inputs[0].dtype == .f32, inputs[0].isBatched, !inputs[0].dimensions.isEmpty,
    inputs[1...].allSatisfy({ $0 == .fixed([channels]) })
  else {
    throw WaneError(operation, "\(inputs[0]) does not fit statistics of \(inputs[1])")
  }
  return [inputs[0]]
}

private func reciprocalRoots(
  _ variance: UnsafePointer<Float>, _ epsilon: Float, _ result: UnsafeMutablePointer<Float>,
  _ channels: Int
) {
  for channel in 0..<channels { result[channel] = 1 / (variance[channel] + epsilon).squareRoot() }
}

private func lowerNormalize(_ context: inout LoweringContext, epsilon: Float) throws -> Kernel {
  let pointers = try (0..<5).map { try context.input($0).floats }
  let y = context.output().floats
  let channels = context.inputTypes[0].channels
  let rows = context.output().count / max(channels, 1)
  context.reserveScratch(4 * channels)
  return { run in
    let scale = run.scratch.assumingMemoryBound(to: Float.self)
    reciprocalRoots(pointers[4], epsilon, scale, channels)
    wane_mul_f32(scale, pointers[1], scale, channels)
    wane_batch_norm_apply_f32(pointers[0], pointers[3], scale, pointers[2], y, rows, channels)
  }
}
