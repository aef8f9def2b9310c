import CKernels
import WaneTensor

/// The sum of two values of the same type.
public struct Add: Operation {
  public static let name = "add"

  /// Creates a sum.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "shapes \(inputs[0]) and \(inputs[1]) differ")
    }
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    [context.outputGradients[0], context.outputGradients[0]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let a = try context.input(0).floats
    let b = try context.input(1).floats
    let y = context.output().floats
    let count = context.output().count
    return { _ in wane_add_f32(a, b, y, count) }
  }
}

/// The number one, or ones: where a backward graph starts.
public struct Ones: Operation {
  public static let name = "ones"
  let dimensions: [Int]

  init(dimensions: [Int]) { self.dimensions = dimensions }

  public init(_ attributes: Attributes) throws { dimensions = try attributes.ints("dimensions") }

  public var attributes: [String: Attribute] { ["dimensions": .ints(dimensions)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 0...0)
    return [.fixed(dimensions)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let y = context.output().floats
    let count = context.output().count
    return { _ in wane_fill_f32(1, y, count) }
  }
}

/// The mean over the batch of one number a sample.
public struct BatchMean: Operation {
  public static let name = "batch_mean"

  /// Creates a mean.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0] == .batched([]) else {
      throw WaneError(Self.name, "takes one number a sample, got \(inputs[0])")
    }
    return [.fixed([])]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(BatchMeanGradient(), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output().floats
    let total = Double(max(context.totalBatch, 1))
    return { [x = x.floats, count = x.count] _ in y[0] = Float(wane_sum_f32(x, count) / total) }
  }
}

/// The gradient of a mean over the batch: the same share for every sample.
public struct BatchMeanGradient: Operation {
  public static let name = "batch_mean_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[1]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let type = context.graph.type(of: g)
    let sum = try context.add(
      Reduce(.sum, axes: Array(type.dimensions.indices), overBatch: true), [g])
    return [try context.add(DivideByBatch(), [sum]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let dx = context.output().floats
    let count = context.output().count
    let total = Float(max(context.totalBatch, 1))
    return { _ in wane_fill_f32(dy[0] / total, dx, count) }
  }
}

/// Every row times its own factor: `x [N, ..., ...], factor [N, ...] -> y`.
public struct ScaleRows: Operation {
  public static let name = "scale_rows"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[0].isBatched, inputs[1].isPrefix(of: inputs[0]) else {
      throw WaneError(Self.name, "takes rows and one factor a row, got \(inputs[0]), \(inputs[1])")
    }
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let (x, factor) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) { gradients[0] = try context.add(ScaleRows(), [g, factor]) }
    if context.needs(1) {
      let axes = Array(
        context.graph.type(of: x).dimensions.indices.dropFirst(
          context.graph.type(of: factor).dimensions.count))
      let product = try context.add(Binary(.multiply), [g, x])
      gradients[1] = try context.add(Reduce(.sum, axes: axes), [product])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    try context.scalingRows()
  }
}

extension LoweringContext {
  /// Each row of the first operand times its number of the second.
  func scalingRows() throws -> Kernel {
    let x = try input(0).floats
    let rows = try input(1).count
    let factors = try input(1).floats
    let y = output().floats
    let count = output().count
    if rows == count { return { _ in wane_mul_f32(x, factors, y, count) } }
    let columns = count / max(rows, 1)
    return { _ in
      for row in 0..<rows {
        wane_scale_f32(x + row * columns, factors[row], y + row * columns, columns)
      }
    }
  }
}

extension ValueType {
  /// Whether there is one number for each place of the first axes of another value.
  func isPrefix(of other: ValueType) -> Bool {
    dtype == .f32 && isBatched && other.isBatched
      && other.dimensions.starts(with: dimensions)
  }
}
