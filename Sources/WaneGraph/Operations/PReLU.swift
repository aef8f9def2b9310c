import CKernels
import WaneTensor

/// A rectifier whose slope below zero is learned (He et al., 2015): `x` above zero, `alpha x` below.
///
/// Operands: `x`, and `alpha` with an extent for each axis of a sample; leading ones stand for axes that
/// share their slopes.
public struct PReLU: Operation {
  public static let name = "prelu"

  /// Creates a rectifier.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    for input in inputs { try require(input, .f32) }
    let sample = inputs[0].dimensions
    let slopes = inputs[1].dimensions
    let shared = slopes.prefix { $0 == 1 }.count
    guard inputs[0].isBatched, !inputs[1].isBatched, !sample.isEmpty, slopes.count == sample.count,
      slopes[shared...] == sample[shared...]
    else {
      throw WaneError(Self.name, "slopes \(inputs[1]) do not fit \(inputs[0])")
    }
    return [inputs[0]]
  }

  public var overwrites: Int? { 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let results = try context.add(all: PReLUGradient(), [gradient] + context.inputs)
    return results.map { $0 }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let alpha = try context.input(1)
    let y = context.output()
    let columns = alpha.count
    let rows = y.count / max(columns, 1)
    return { [alpha = alpha.floats, y = y.floats] _ in wane_prelu_f32(x, alpha, y, rows, columns) }
  }
}

/// The gradients of a learned rectifier: `dy, x, alpha -> dx, dalpha`, the latter summed over the
/// samples at hand.
public struct PReLUGradient: Operation {
  public static let name = "prelu_gradient"

  init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    return Array(inputs[1...])
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    try context.secondGradients(
      dy: context.inputs[0], operands: Array(context.inputs[1...]), results: [0, 1]
    ) { formula, operands in
      let zero = try formula.add(Constant(0))
      let isPositive = try formula.add(Compare(.greater), operands[0], zero)
      let below = try formula.product(operands[0], operands[1])
      return try formula.add(Where(), isPositive, operands[0], below)
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1)
    let alpha = try context.input(2)
    let dx = context.output(0).floats
    let columns = alpha.count
    let rows = x.count / max(columns, 1)
    // The sums are made in any case.
    let dalpha = context.isUsed(1) ? context.output(1).floats : nil
    if dalpha == nil { context.reserveScratch(4 * columns) }
    return { [x = x.floats, alpha = alpha.floats] run in
      let sums = dalpha ?? run.scratch.assumingMemoryBound(to: Float.self)
      wane_prelu_grad_f32(x, alpha, dy, dx, sums, rows, columns)
    }
  }
}
