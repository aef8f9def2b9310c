import CKernels
import WaneTensor

/// Cross entropy between logits and labels, one number a row.
///
/// Operands: logits `[N, ..., C]`, and labels: classes `[N, ...]` of type i32, or distributions
/// `[N, ..., C]`. Results: the loss `[N, ...]`; its gradient with respect to the logits, made only when
/// used; and the number of rows whose largest logit is at the label.
public struct CrossEntropy: Operation {
  public static let name = "cross_entropy"

  /// Creates a cross entropy.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let rows = inputs[0]
    try require(rows, .f32)
    guard rows.isBatched, !rows.dimensions.isEmpty else {
      throw WaneError(Self.name, "takes rows of logits, got \(rows)")
    }
    let places = Array(rows.dimensions.dropLast())
    guard inputs[1] == .batched(places, .i32) || inputs[1] == rows else {
      throw WaneError(
        Self.name, "labels \(inputs[1]) do not fit logits \(rows): give classes or one-hot rows")
    }
    return [.batched(places), rows, .fixed([])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    // The gradient is softmax(logits) - labels, the former times the sum of the labels.
    try scaledGradient(&context) { context, g in
      let softmax = try context.add(Softmax(), [context.inputs[0]])
      let part = try context.add(SoftmaxGradient(), [g, softmax])
      let labels = context.inputs[1]
      let type = context.graph.type(of: labels)
      guard type.dtype == .f32 else { return part }
      let last = type.dimensions.count - 1
      let sum = try context.add(Reduce(.sum, axes: [last], keepingAxes: true), [labels])
      return try context.add(Binary(.multiply), [part, sum])
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let logits = try context.input(0).floats
    let labels = try context.input(1)
    let loss = context.output(0).floats
    let gradient = context.isUsed(1) ? context.output(1).floats : nil
    let hits = context.isUsed(2) ? context.output(2).floats : nil
    let (rows, columns) = (context.output(0).count, context.inputTypes[0].channels)
    if context.inputTypes[1].dtype == .i32 {
      return { [labels = labels.ints] run in
        let count = wane_cross_entropy_index_f32(
          logits, labels, loss, gradient, 1, rows, columns)
        if count < 0 { run.failure.pointee = RunFailure.labelOutOfRange.rawValue }
        hits?.pointee = Float(max(count, 0))
      }
    }
    return { [labels = labels.floats] _ in
      let count = wane_cross_entropy_dense_f32(logits, labels, loss, gradient, 1, rows, columns)
      hits?.pointee = Float(max(count, 0))
    }
  }
}

/// The squared difference, averaged over the elements of a sample, `predicted, target -> loss [N]`, or of
/// each row of it, `[N, ...]`.
///
/// The second result is the gradient with respect to `predicted`, made only when used.
public struct SquaredError: Operation {
  public static let name = "squared_error"
  /// Whether there is a loss for each row.
  let isByRow: Bool

  /// Creates a squared error of samples, or of the rows along the last axis.
  public init(isByRow: Bool = false) { self.isByRow = isByRow }

  public init(_ attributes: Attributes) throws { isByRow = try attributes.bool("by_row") }

  public var attributes: [String: Attribute] { ["by_row": .bool(isByRow)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "predictions \(inputs[0]) and targets \(inputs[1]) differ")
    }
    return [inputs[0].losses(byRow: isByRow), inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    // The gradient is 2 / C (predicted - target).
    let type = context.graph.type(of: context.inputs[0])
    let count = isByRow ? type.channels : type.sampleCount
    return try scaledGradient(&context) { context, g in
      try context.add(Rescale(scale: 2 / Float(max(count, 1))), [g])
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let target = try context.input(1).floats
    let loss = context.output(0).floats
    let gradient = context.isUsed(1) ? context.output(1).floats : nil
    let (rows, columns) = context.lossRows(byRow: isByRow)
    return { _ in wane_squared_error_f32(x, target, loss, gradient, 1, rows, columns) }
  }
}

extension ValueType {
  /// The losses of predictions: one a sample, or one a row.
  func losses(byRow: Bool) -> ValueType { .batched(byRow ? Array(dimensions.dropLast()) : []) }
}

extension LoweringContext {
  /// How many losses there are, and how many elements of the predictions each is of.
  func lossRows(byRow: Bool) -> (rows: Int, columns: Int) {
    let type = inputTypes[0]
    let columns = byRow ? type.channels : type.sampleCount
    return (byRow ? output(0).count : batch, columns)
  }
}

/// What a student's logits lack of a teacher's (Hinton, Vinyals and Dean, 2015).
///
///     T^2 * KL(softmax(teacher / T) || softmax(student / T))
///
/// Operands: student logits and teacher logits `[N, ..., C]`. Results: the loss `[N, ...]`, and its
/// gradient with respect to the student, made only when used. The teacher gets no gradient.
public struct DistillationLoss: Operation {
  public static let name = "distillation"
  /// The temperature T, greater than 0.
  public let temperature: Float

  /// Creates a distillation loss.
  ///
  /// - Throws: when the temperature is not a positive number.
  public init(temperature: Float) throws {
    guard temperature > 0, temperature.isFinite else {
      throw WaneError("distillation", "temperature must be greater than 0, got \(temperature)")
    }
    self.temperature = temperature
  }

  public init(_ attributes: Attributes) throws {
    try self.init(temperature: attributes.float("temperature"))
  }

  public var attributes: [String: Attribute] { ["temperature": .float(temperature)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard !inputs[0].dimensions.isEmpty else {
      throw WaneError(Self.name, "takes rows of logits, got \(inputs[0])")
    }
    guard inputs[0].isBatched, inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "student logits \(inputs[0]) and teacher \(inputs[1]) differ")
    }
    return [inputs[0].losses(byRow: true), inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    // The gradient is T (softmax(student / T) - softmax(teacher / T)).
    try scaledGradient(&context) { [temperature] context, g in
      let scaled = try context.add(Rescale(scale: 1 / temperature), [context.inputs[0]])
      let softmax = try context.add(Softmax(), [scaled])
      return try context.add(SoftmaxGradient(), [g, softmax])
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let student = try context.input(0).floats
    let teacher = try context.input(1).floats
    let loss = context.output(0).floats
    let gradient = context.isUsed(1) ? context.output(1).floats : nil
    let (rows, columns) = context.lossRows(byRow: true)
    return { [temperature] _ in
      wane_distillation_f32(student, teacher, temperature, loss, gradient, 1, rows, columns)
    }
  }
}

/// The logarithm of a row of probabilities, normalised and kept away from zero by 1e-7 as Keras does,
/// so that losses on logits apply to networks whose last layer gives probabilities.
public struct LogProbabilities: Operation {
  public static let name = "log_probabilities"
  /// The least probability that is told from zero.
  static let floor: Float = 1e-7

  /// Creates the operation.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(LogProbabilitiesGradient(), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let columns = context.inputTypes[0].channels
    let rows = context.output().count / max(columns, 1)
    let floor = Self.floor
    return { _ in
      for row in 0..<rows {
        let (x, y) = (x + row * columns, y + row * columns)
        let sum = Float(wane_sum_f32(x, columns))
        wane_scale_f32(x, 1 / max(sum, floor), y, columns)
        wane_clamp_f32(y, floor, 1 - floor, y, columns)
      }
      wane_log_f32(y, y, rows * columns)
    }
  }
}

/// The gradient of `LogProbabilities`: `dy, x -> dx`.
public struct LogProbabilitiesGradient: Operation {
  public static let name = "log_probabilities_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    try context.secondGradients(
      dy: context.inputs[0], operands: [context.inputs[1]], results: [0]
    ) { formula, operands in
      let floor = LogProbabilities.floor
      let last = formula.dimensions(operands[0]).count - 1
      let sum = try formula.total(.sum, operands[0], [last])
      let shares = try formula.quotient(operands[0], formula.add(Clip(low: floor), sum))
      let inside = try formula.add(Clip(low: floor, high: 1 - floor), shares)
      return try formula.function(.log, inside)
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1).floats
    let dx = context.output().floats
    let columns = context.inputTypes[0].channels
    let rows = context.output().count / max(columns, 1)
    let floor = LogProbabilities.floor
    return { _ in
      for row in 0..<rows {
        let (dy, x, dx) = (dy + row * columns, x + row * columns, dx + row * columns)
        let sum = max(Float(wane_sum_f32(x, columns)), floor)
        // y = log(x / sum): dx_j = dy_j / x_j - sum_i(dy_i) / sum over the elements not clamped.
        var total: Float = 0
        for column in 0..<columns {
          let share = x[column] / sum
          let isInside = share > floor && share < 1 - floor
          dx[column] = isInside ? dy[column] / x[column] : 0
          if isInside { total += dy[column] }
        }
        for column in 0..<columns { dx[column] -= total / sum }
      }
    }
  }
}

/// The gradient of a loss that makes its own: each sample's, times what the loss weighs there.
///
/// `second` adds what follows from the gradient of that own gradient, for second derivatives.
private func scaledGradient(
  _ context: inout GradientContext,
  second: (inout GradientContext, _ gradient: Value) throws -> Value
) throws -> [Value?] {
  var gradient: Value?
  if let weight = context.outputGradients[0] {
    gradient = try context.add(ScaleRows(), [context.outputs[1], weight])
  }
  if let own = context.outputGradients[1] {
    let part = try second(&context, own)
    gradient = try gradient.map { try context.add(Add(), [$0, part]) } ?? part
  }
  return [gradient, nil]
}
