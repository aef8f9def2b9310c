import CKernels
import WaneTensor

/// Rounds activations to a grid whose scale is learned: `x, factor [1] -> y`,
/// `y = s clamp(round(x / s), least, most)`, `s = base factor`.
///
/// The factor starts at one, so that a step of the optimizer changes a scale in proportion to its size.
/// Behind an `ExactLayer` that moves its output, `x` counts in steps: it is x / s. Of the activations
/// the gradient is straight through (Bengio et al., 2013). Of the scale it is by `lsq`
///
///     ds = g sum of dy (round(x / s) - x / s)  within the range, dy times the outermost code beyond it
///     g = 1 / sqrt(values of a sample * highest code)
///
/// and by `pact` the same without g and what lies within the range: that of the end of the range, which
/// values beyond it are clamped to.
public struct LearnedRange: Operation {
  public static let name = "learned_range"
  let grid: ActivationGrid
  let rule: GridTraining.Ranges
  /// Whether `x` counts in steps.
  let isCounted: Bool

  /// Rounds to a grid and multiples of it.
  init(_ grid: ActivationGrid, _ rule: GridTraining.Ranges, isCounted: Bool = false) {
    self.grid = grid
    self.rule = rule
    self.isCounted = isCounted
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  /// The scale that a factor stands for; it stays positive.
  static func scale(_ base: Float, factor: Float) -> Float {
    base * max(factor, QuantizeWeights.lowestFactor)
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, inputs[1] == .fixed([1]) else {
      throw WaneError(Self.name, "takes activations and one factor, got \(inputs[0]), \(inputs[1])")
    }
    return [inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let results = try context.add(
      all: LearnedRangeGradient(self), [gradient, context.inputs[0], context.inputs[1]])
    return [results[0], results[1]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let factor = try context.input(1).floats
    let y = context.output().floats
    let count = context.output().count
    let grids = try MovingGrid(self, count: count, &context)
    return { [base = grid.scale, isCounted] run in
      grids.withGrid(factor, run.scratch) { wane_fake_quantize_f32($0, x, y) }
      if isCounted { wane_affine_f32(y, LearnedRange.scale(base, factor: factor[0]), 0, y, count) }
    }
  }
}

/// The gradient of `LearnedRange`: `dy, x, factor -> dx, dfactor`.
public struct LearnedRangeGradient: Operation {
  public static let name = "learned_range_gradient"
  let range: LearnedRange

  fileprivate init(_ range: LearnedRange) { self.range = range }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    return [inputs[1], inputs[2]]
  }

  /// The gradient of the scale is a rule for steps of learning, not a derivative that could have one.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    throw WaneError(
      LearnedRange.name, "learned ranges have no second derivative: their gradient is a rule")
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1)
    let factor = try context.input(2).floats
    let dx = context.output(0).floats
    let count = x.count
    let grids = try MovingGrid(range, count: count, &context)
    let (grid, isLSQ) = (range.grid, range.rule == .lsq)
    let values = context.inputTypes[1].sampleCount
    let share = isLSQ ? 1 / (Float(max(values, 1)) * Float(grid.highest)).squareRoot() : 1
    let dfactor = context.isUsed(1) ? context.output(1).floats : nil
    return { [x = x.floats] run in
      grids.withGrid(factor, run.scratch) { pointer in
        wane_fake_quantize_grad_f32(pointer, x, dy, dx)
        dfactor?[0] =
          share * grid.scale
          * wane_range_scale_grad_f32(
            x, dy, count, pointer.pointee.scale[0], Int32(-grid.zero),
            Int32(grid.highest - grid.zero), isLSQ ? 1 : 0)
      }
    }
  }
}

/// The grid on which `LearnedRange` finds its operand, as the kernels want it; the scale is known when
/// they run.
private struct MovingGrid {
  private let base: Float
  private let isCounted: Bool
  private let steps: wane_grid

  init(_ range: LearnedRange, count: Int, _ context: inout LoweringContext) throws {
    base = range.grid.scale
    isCounted = range.isCounted
    steps = try context.kernelGrid(
      ActivationGrid(scale: 1, zero: range.grid.zero, bits: range.grid.bits), count: count)
    context.reserveScratch(MemoryLayout<Float>.size)
  }

  func withGrid(
    _ factor: UnsafePointer<Float>, _ scratch: UnsafeMutableRawPointer,
    _ body: (UnsafePointer<wane_grid>) -> Void
  ) {
    var grid = steps
    if !isCounted {
      let scale = scratch.assumingMemoryBound(to: Float.self)
      scale[0] = LearnedRange.scale(base, factor: factor[0])
      grid.scale = UnsafePointer(scale)
    }
    withUnsafePointer(to: grid, body)
  }
}
