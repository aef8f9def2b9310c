import CKernels
import WaneTensor

/// Weights rounded to an integer grid whose scales are learned too:
/// `w, factors [scales] -> scale * round(clamp(w / scale))`, `scale = base * factor`.
///
/// A binary grid takes the sign alone: `scale` or `-scale` (Rastegari et al., XNOR-Net, 2016). The
/// gradient of the scales is that of learned step size quantization (Esser et al., LSQ, 2020).
/// Training moves factors that start at one, not the scales themselves, so that a step of the
/// optimizer changes a scale in proportion to its size.
public struct QuantizeWeights: Operation {
  public static let name = "quantize_weights"
  let grid: WeightGrid

  /// A factor does not fall below this, so that scales stay positive.
  static let lowestFactor: Float = 1 / 64

  /// Rounds to the points of `grid`, whose scales are those that factors of one stand for.
  public init(_ grid: WeightGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  /// The scales that factors stand for.
  static func scales(_ base: [Float], factors: [Float]) -> [Float] {
    zip(base, factors).map { $0 * max($1, lowestFactor) }
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[1] == .fixed([grid.scales.count]) else {
      throw WaneError(Self.name, "factors \(inputs[1]) do not fit \(grid.scales.count) scales")
    }
    guard grid.fits(inputs[0].dimensions) else {
      throw WaneError(Self.name, "\(grid.scales.count) scales do not fit weights \(inputs[0])")
    }
    return [inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let results = try context.add(
      all: QuantizeWeightsGradient(grid), [gradient, context.inputs[0], context.inputs[1]])
    return [results[0], results[1]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let w = try context.input(0).floats
    let factors = try context.input(1).floats
    let y = context.output().floats
    let scales = try LearnedScales(grid, context.inputTypes[0].dimensions, &context)
    return { run in
      let current = scales.current(factors, run.scratch)
      if scales.grid.isBinary {
        for part in scales.parts {
          part.forEach { index, scale in
            y[index] = w[index] < 0 ? -current[scale] : current[scale]
          }
        }
        return
      }
      scales.forEach(current) { grid, offset in
        wane_fake_quantize_f32(grid, w + offset, y + offset)
      }
    }
  }
}

/// The gradient of `QuantizeWeights`: `dy, w, factors -> dw, dfactors`.
public struct QuantizeWeightsGradient: Operation {
  public static let name = "quantize_weights_gradient"
  let grid: WeightGrid

  init(_ grid: WeightGrid) { self.grid = grid }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    return [inputs[0], inputs[2]]
  }

  /// The gradient of the scales is a rule for steps of learning, not a derivative that could have one.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    throw WaneError(
      QuantizeWeights.name, "learned scales have no second derivative: their gradient is a rule")
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let w = try context.input(1).floats
    let factors = try context.input(2).floats
    let dw = context.output(0).floats
    let scales = try LearnedScales(grid, context.inputTypes[0].dimensions, &context)
    let dfactors = context.isUsed(1) ? context.output(1).floats : nil
    let count = context.output(0).count
    return { run in
      let current = scales.current(factors, run.scratch)
      if scales.grid.isBinary {
        // Straight through everywhere: a weight beyond the scale must be able to come back.
        dw.update(from: dy, count: count)
      } else {
        scales.forEach(current) { grid, offset in
          wane_fake_quantize_grad_f32(grid, w + offset, dy + offset, dw + offset)
        }
      }
      if let dfactors { scales.gradient(current, dy, w, dfactors) }
    }
  }
}

/// The grid that factors stand for at the moment, as the kernels want it.
struct LearnedScales {
  let grid: WeightGrid
  let parts: [WeightGrid.Part]
  private let zeros: UnsafePointer<Int32>?
  /// What the gradient of each scale is multiplied by.
  private let shares: [Float]

  init(_ grid: WeightGrid, _ dimensions: [Int], _ context: inout LoweringContext) throws {
    self.grid = grid
    let parts = grid.parts(dimensions)
    self.parts = parts
    zeros = try grid.zeros.map { try context.constants($0.map { Int32($0) }, "zeros") }
    var members = [Int](repeating: 0, count: grid.scales.count)
    for part in parts {
      for channel in 0..<part.channels { members[part.scale + channel] += part.outer * part.inner }
    }
    shares = members.indices.map { scale in
      let range = grid.range(scale: scale)
      let farthest = max(abs(range.lowerBound), abs(range.upperBound))
      return 1 / (Float(members[scale]) * Float(farthest)).squareRoot()
    }
    context.reserveScratch(4 * grid.scales.count)
  }

  /// Writes the scales to scratch memory.
  func current(_ factors: UnsafePointer<Float>, _ scratch: UnsafeMutableRawPointer)
    -> UnsafePointer<Float>
  {
    let scales = scratch.assumingMemoryBound(to: Float.self)
    for index in grid.scales.indices {
      scales[index] = grid.scales[index] * max(factors[index], QuantizeWeights.lowestFactor)
    }
    return UnsafePointer(scales)
  }

  /// Calls `body` with the grid of each part.
  func forEach(
    _ scales: UnsafePointer<Float>,
    _ body: (_ grid: UnsafePointer<wane_grid>, _ offset: Int) -> Void
  ) {
    grid.forEachKernelGrid(parts, scales: scales, zeros: zeros, body)
  }

  /// d/ds of s * round(w / s) is round(w / s) - w / s inside the grid and the outermost code beyond
  /// it; of a binary grid it is the sign.
  ///
  /// LSQ scales it by 1 / sqrt(members * highest), which balances scales against weights.
  func gradient(
    _ scales: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    _ result: UnsafeMutablePointer<Float>
  ) {
    for index in grid.scales.indices { result[index] = 0 }
    for part in parts {
      var index = part.offset
      for _ in 0..<part.outer {
        for channel in 0..<part.channels {
          let scale = part.scale + channel
          let inverse = 1 / scales[scale]
          var (lowest, highest) = (-Float(grid.highest), Float(grid.highest))
          if let zeros {
            lowest = -Float(zeros[scale])
            highest = Float(grid.codeCount - 1) + lowest
          }
          var sum: Float = 0
          for _ in 0..<part.inner {
            if grid.isBinary {
              sum += w[index] < 0 ? -dy[index] : dy[index]
            } else {
              let position = w[index] * inverse
              let code = min(max(position.rounded(.toNearestOrEven), lowest), highest)
              let isInside = position >= lowest && position <= highest
              sum += dy[index] * (isInside ? code - position : code)
            }
            index += 1
          }
          result[scale] += sum * shares[scale] * grid.scales[scale]
        }
      }
    }
  }
}
