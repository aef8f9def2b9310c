import CKernels
import WaneTensor

/// Labels as the numbers a loss is taken against: `scale * label + offset`.
///
/// The operand has classes `[N, ...]` of type i32, which become one-hot rows (or, with one column, the
/// numbers themselves), or numbers of the targets' extents.
public struct SoftTargets: Operation {
  public static let name = "soft_targets"
  /// The extents of a sample's targets.
  public let dimensions: [Int]
  /// What labels are multiplied by.
  public let scale: Float
  /// What is added then.
  public let offset: Float

  /// Creates the operation.
  public init(dimensions: [Int], scale: Float = 1, offset: Float = 0) {
    self.dimensions = dimensions
    self.scale = scale
    self.offset = offset
  }

  public init(_ attributes: Attributes) throws {
    dimensions = try attributes.ints("dimensions")
    scale = try attributes.float("scale")
    offset = try attributes.float("offset")
  }

  public var attributes: [String: Attribute] {
    ["dimensions": .ints(dimensions), "scale": .float(scale), "offset": .float(offset)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let fits =
      inputs[0] == .batched(Array(dimensions.dropLast()), .i32) || inputs[0] == .batched(dimensions)
    guard fits else {
      throw WaneError(
        Self.name, "labels \(inputs[0]) do not fit targets \(ValueType.batched(dimensions))")
    }
    return [.batched(dimensions)]
  }

  /// Labels have no gradient.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [nil] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let labels = try context.input(0)
    let y = context.output().floats
    let count = context.output().count
    let (scale, offset) = (scale, offset)
    if context.inputTypes[0].dtype == .f32 {
      return { [x = labels.floats] _ in wane_affine_f32(x, scale, offset, y, count) }
    }
    let (rows, columns) = (labels.count, context.outputColumns)
    return { [labels = labels.ints] run in
      guard columns > 1 else {
        for row in 0..<rows { y[row] = scale * Float(labels[row]) + offset }
        return
      }
      wane_fill_f32(offset, y, count)
      for row in 0..<rows {
        let label = Int(labels[row])
        if label >= 0, label < columns {
          y[row * columns + label] += scale
        } else {
          run.failure.pointee = RunFailure.labelOutOfRange.rawValue
        }
      }
    }
  }
}

extension LoweringContext {
  fileprivate var outputColumns: Int { node.outputs[0].channels }
}

/// The weight of each sample's class, or of each step's: labels, classes `[N, ...]` or rows whose largest
/// element is at the class `[N, ..., C]`, become `weights[class]`; 1 for a class beyond the list.
public struct ClassWeights: Operation {
  public static let name = "class_weights"
  /// The weight of each class.
  public let weights: [Float]

  /// Creates the operation.
  ///
  /// - Throws: when a weight is negative or not finite.
  public init(_ weights: [Float]) throws {
    for weight in weights where !(weight >= 0 && weight.isFinite) {
      throw WaneError("class_weight", "weights must be at least 0, got \(weight)")
    }
    self.weights = weights
  }

  public init(_ attributes: Attributes) throws {
    try self.init(attributes.floats("weights"))
  }

  public var attributes: [String: Attribute] { ["weights": .floats(weights)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0].isBatched, inputs[0].dtype == .f32 || inputs[0].dtype == .i32 else {
      throw WaneError(Self.name, "takes classes or rows, got \(inputs[0])")
    }
    let places = inputs[0].dtype == .i32 ? inputs[0].dimensions : inputs[0].dimensions.dropLast()
    return [.batched(Array(places))]
  }

  /// Labels have no gradient.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [nil] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let labels = try context.input(0)
    let y = context.output().floats
    let (rows, columns) = (context.output().count, context.inputTypes[0].channels)
    let table = try context.constants(weights.isEmpty ? [1] : weights, "weights")
    let count = weights.count
    if context.inputTypes[0].dtype == .i32 {
      return { [labels = labels.ints] _ in
        for row in 0..<rows {
          let label = Int(labels[row])
          y[row] = label >= 0 && label < count ? table[label] : 1
        }
      }
    }
    return { [x = labels.floats] _ in
      for row in 0..<rows {
        var label: Int32 = 0
        if columns > 1 {
          wane_row_max_f32(x + row * columns, nil, &label, 1, columns)
        } else if columns == 1 {
          // A class by its number; what is no number has none.
          label = Int32(exactly: x[row].rounded()) ?? -1
        }
        y[row] = label >= 0 && label < count ? table[Int(label)] : 1
      }
    }
  }
}

/// Each loss times its weight, or that of its sample: `loss [N, ...], weights [N, ...] -> [N, ...]`.
public struct WeighSamples: Operation {
  public static let name = "weigh_samples"

  /// Creates the operation.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[0].dtype == .f32, inputs[1].isPrefix(of: inputs[0]) else {
      throw WaneError(Self.name, "weights \(inputs[1]) do not fit losses \(inputs[0])")
    }
    return [inputs[0]]
  }

  /// Weights have no gradient.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(WeighSamples(), [gradient, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try context.scalingRows()
  }
}

/// The logits of probabilities, which are kept within 1e-7 of 0 and 1 as Keras does:
/// `log(p / (1 - p))`.
public struct Logits: Operation {
  public static let name = "logits"

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
    return [try context.add(LogitsGradient(), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let count = context.output().count
    let floor = LogProbabilities.floor
    return { _ in
      for index in 0..<count {
        let p = min(max(x[index], floor), 1 - floor)
        y[index] = p / (1 - p)
      }
      wane_log_f32(y, y, count)
    }
  }
}

/// The gradient of `Logits`: `dy, p -> dp`.
public struct LogitsGradient: Operation {
  public static let name = "logits_gradient"

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
      let p = try formula.add(Clip(low: floor, high: 1 - floor), operands[0])
      let rest = try formula.affine(p, -1, 1)
      return try formula.difference(formula.function(.log, p), formula.function(.log, rest))
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1).floats
    let dx = context.output().floats
    let count = context.output().count
    let floor = LogProbabilities.floor
    return { _ in
      for index in 0..<count {
        let p = x[index]
        dx[index] = p > floor && p < 1 - floor ? dy[index] / (p * (1 - p)) : 0
      }
    }
  }
}
