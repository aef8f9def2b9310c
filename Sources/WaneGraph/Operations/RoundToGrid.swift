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

  /// The codes of the grid, one apart.
  private func steps() throws -> ActivationGrid {
    try ActivationGrid(scale: 1, zero: grid.zero, bits: grid.bits)
  }

  /// That of rounding to steps.
  ///
  /// The step by which the layer before divided is left out here and there.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(QuantizeGradient(steps()), [gradient, context.inputs[0]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output()
    let steps = try context.kernelGrid(steps(), count: y.count)
    let (count, scale) = (y.count, grid.scale)
    return { [y = y.floats] _ in
      withUnsafePointer(to: steps) { wane_fake_quantize_f32($0, x, y) }
      wane_affine_f32(y, scale, 0, y, count)
    }
  }
}
