import CKernels
import WaneTensor

/// Rounds what an `ExactLayer` counted in steps of a grid: `y = scale * clamp(round(x))`.
///
/// Only training graphs and compiled graphs have it.
public struct RoundToGrid: Operation {
  public static let name = "round_to_grid"
  /// The grid.
  let grid: ActivationGrid

  init(_ grid: ActivationGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { grid = try ActivationGrid(attributes) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    return inputs
  }

  /// Straight through (Bengio et al., 2013), nothing where the value was clamped.
  ///
  /// The step by which the layer before divided is left out here and there.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(RoundToGridGradient(grid), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output()
    let steps = try context.kernelSteps(grid, count: y.count)
    let (count, scale) = (y.count, grid.scale)
    return { [y = y.floats] _ in
      withUnsafePointer(to: steps) { wane_fake_quantize_f32($0, x, y) }
      wane_affine_f32(y, scale, 0, y, count)
    }
  }
}

/// The gradient of `RoundToGrid`: `dy, x -> dx`.
public struct RoundToGridGradient: Operation {
  public static let name = "round_to_grid_gradient"
  let grid: ActivationGrid

  init(_ grid: ActivationGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { grid = try ActivationGrid(attributes) }

  public var attributes: [String: Attribute] { grid.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [inputs[0]]
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let x = try context.input(1).floats
    let dx = context.output()
    let steps = try context.kernelSteps(grid, count: dx.count)
    return { [dx = dx.floats] _ in
      withUnsafePointer(to: steps) { wane_fake_quantize_grad_f32($0, x, dy, dx) }
    }
  }
}

extension LoweringContext {
  /// The codes of a grid, one apart.
  fileprivate func kernelSteps(_ grid: ActivationGrid, count: Int) throws -> wane_grid {
    wane_grid(
      scale: try constants([Float(1)], "step"), zero: try constants([Int32(grid.zero)], "zero"),
      low: 0, high: Int32(grid.highest), outer: 1, channels: 1, inner: count)
  }
}
