import CKernels
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The bits that an entropy coder needs for weights on an integer grid:
/// `w, factors [channels or 1] -> bits`, a scalar; the slopes of its cells are a second result.
///
/// A weight between two codes counts for both, for each by its nearness:
///
///     c[k] = sum over i of max(0, 1 - |w[i] / scale - k|)      bits = -sum over k of c[k] log2(c[k] / n)
///
/// which is n times the entropy of the codes once all weights are on the grid, and continuous between.
/// The derivative with respect to a weight is the difference of the lengths of the two codes it lies
/// between, over the scale: frequent codes attract, and zero, the most frequent, the more the more
/// weights are there already. (The idea of an entropy in the loss: Oktay, Balle, Singh and Shrivastava,
/// "Scalable model compression by entropy penalized reparameterization", 2020; the counts in place of a
/// learned density make it one without parameters of its own.)
///
/// The gradient of the factors is multiplied by the same constant as in `QuantizeWeights`, so that what
/// the loss and what the size say of a scale add up in proportion.
public struct CodeEntropy: Operation {
  public static let name = "code_entropy"
  let grid: CodeGrid

  /// The entropy on the points of `grid`.
  public init(_ grid: WeightGrid) { self.grid = CodeGrid(grid) }

  public init(_ attributes: Attributes) throws {
    throw WaneError(Self.name, "is made for training, and never stored")
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try grid.check(inputs[0], inputs[1], Self.name)
    return [.fixed([]), .fixed([2 * grid.highest])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let results = try context.add(
      all: CodeEntropyGradient(grid: grid),
      [gradient, context.inputs[0], context.inputs[1], context.outputs[1]])
    return [results[0], results[1]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let w = try context.input(0).floats
    let factors = try context.input(1).floats
    let bits = context.output(0).floats
    let slopes = context.isUsed(1) ? context.output(1).floats : nil
    let dimensions = context.inputTypes[0].dimensions
    let symbols = 2 * grid.highest + 1
    context.reserveScratch(8 * symbols + 4 * grid.base.count)
    return { [grid] run in
      let counts = run.scratch.assumingMemoryBound(to: Double.self)
      counts.update(repeating: 0, count: symbols)
      let scales = (run.scratch + 8 * symbols).assumingMemoryBound(to: Float.self)
      grid.with(factors, scales, dimensions) { wane_code_counts_f32($0, w, counts) }
      var (total, used) = (0.0, 0.0)
      for symbol in 0..<symbols where counts[symbol] > 0 {
        total += counts[symbol]
        used += counts[symbol] * log2(counts[symbol])
      }
      bits[0] = total > 0 ? Float(total * log2(total) - used) : 0
      guard let slopes else { return }
      // A code that nothing is near to has no length; that of half a weight is as good as any.
      func length(_ symbol: Int) -> Double { -log2(max(counts[symbol], 0.5)) }
      for cell in 0..<symbols - 1 { slopes[cell] = Float(length(cell + 1) - length(cell)) }
    }
  }
}

/// The gradient of `CodeEntropy`: `dbits, w, factors, slopes -> dw, dfactors`.
public struct CodeEntropyGradient: Operation {
  public static let name = "code_entropy_gradient"
  let grid: CodeGrid

  init(grid: CodeGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws {
    throw WaneError(Self.name, "is made for training, and never stored")
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 4...4)
    return [inputs[1], inputs[2]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    throw WaneError(
      CodeEntropy.name, "has no second derivative: weights move all slopes, and steps by a rule")
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dbits = try context.input(0).floats
    let w = try context.input(1).floats
    let factors = try context.input(2).floats
    let slopes = try context.input(3).floats
    let dw = context.output(0).floats
    let dfactors = context.isUsed(1) ? context.output(1).floats : nil
    let count = context.output(0).count
    let dimensions = context.inputTypes[1].dimensions
    context.reserveScratch(4 * grid.base.count)
    return { [grid] run in
      let scales = run.scratch.assumingMemoryBound(to: Float.self)
      grid.with(factors, scales, dimensions) { pointer in
        wane_code_slopes_f32(pointer, w, slopes, dw)
        wane_scale_f32(dw, dbits[0], dw, count)
        guard let dfactors else { return }
        // d bits / d scale = -sum of slope * w / scale^2, and a factor changes its scale by base.
        grid.sums(pointer.pointee, dw, w, dfactors)
      }
    }
  }
}

/// The grid of learned scales that weights are measured on.
struct CodeGrid: Sendable {
  let base: [Float]
  let axis: Int?
  let highest: Int

  init(_ grid: WeightGrid) {
    base = grid.scales
    axis = grid.axis
    highest = grid.highest
  }

  func check(_ weights: ValueType, _ factors: ValueType, _ operation: String) throws {
    let channels = axis.map { weights.dimensions.indices.contains($0) ? weights.dimensions[$0] : 0 }
    guard highest > 0, channels ?? 1 == base.count else {
      throw WaneError(operation, "\(base.count) scales do not fit weights \(weights)")
    }
    guard factors == .fixed([base.count]) else {
      throw WaneError(operation, "factors \(factors) do not fit \(base.count) scales")
    }
  }

  /// Calls `body` with the grid that factors stand for at the moment.
  func with(
    _ factors: UnsafePointer<Float>, _ scales: UnsafeMutablePointer<Float>, _ dimensions: [Int],
    _ body: (UnsafePointer<wane_grid>) -> Void
  ) {
    for channel in base.indices {
      scales[channel] = base[channel] * max(factors[channel], QuantizeWeights.lowestFactor)
    }
    let count = dimensions.reduce(1, *)
    let outer = axis.map { dimensions[..<$0].reduce(1, *) } ?? 1
    var grid = wane_grid(
      scale: UnsafePointer(scales), zero: nil, low: Int32(-highest), high: Int32(highest),
      outer: outer, channels: base.count, inner: count / max(outer * base.count, 1))
    withUnsafePointer(to: &grid, body)
  }

  /// The gradient of the factors: `-share * base / scale * sum of dw * w` over each channel.
  func sums(
    _ grid: wane_grid, _ dw: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    _ result: UnsafeMutablePointer<Float>
  ) {
    let share = 1 / (Float(grid.outer * grid.inner) * Float(highest)).squareRoot()
    for channel in base.indices { result[channel] = 0 }
    var index = 0
    for _ in 0..<grid.outer {
      for channel in base.indices {
        var sum: Float = 0
        for _ in 0..<grid.inner {
          sum += dw[index] * w[index]
          index += 1
        }
        result[channel] -= share * base[channel] / grid.scale[channel] * sum
      }
    }
  }
}
