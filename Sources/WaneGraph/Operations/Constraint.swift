import CKernels
import WaneTensor

// How constrained parameters look to training: the free variables, and operations that make of them
// the weights the network sees. Gradients flow back to the variables by the ordinary rules, so a
// constraint holds at every step and nothing has to be repaired afterwards.

/// Weights whose pinned zeros stay zero: `w, mask -> w * mask`.
///
/// The mask gets no gradient.
public struct ApplyMask: Operation {
  public static let name = "apply_mask"

  /// Multiplies by a mask of zeros and ones.
  public init() {}

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "mask \(inputs[1]) does not fit \(inputs[0])")
    }
    return [inputs[0]]
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(ApplyMask(), [gradient, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let mask = try context.input(1).floats
    let y = context.output().floats
    let count = context.output().count
    return { _ in wane_mul_f32(x, mask, y, count) }
  }
}

/// Weights that share a few values: `centroids [K] -> w`, `w[i] = centroids[indices[i]]`.
///
/// The gradient of a centroid is the sum over its members (Han, Mao and Dally, "Deep Compression",
/// 2016).
public struct CodebookLookup: Operation {
  public static let name = "codebook_lookup"
  let indices: Tensor
  let pinned: Int?
  /// Whether the pinned centroid counts as zero: in gradients of gradients, where it has no part.
  let omitsPinned: Bool

  /// Looks up `indices` (u8) of any shape.
  ///
  /// - Parameters:
  ///   - indices: which centroid stands at each place.
  ///   - pinned: the index of a centroid that does not move: the zero of a masked parameter.
  public init(_ indices: Tensor, pinned: Int?) {
    self.init(indices, pinned: pinned, omitsPinned: false)
  }

  fileprivate init(_ indices: Tensor, pinned: Int?, omitsPinned: Bool) {
    self.indices = indices
    self.pinned = pinned
    self.omitsPinned = omitsPinned
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return [.fixed(indices.shape.dimensions)]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let clusters = context.graph.type(of: context.inputs[0]).sampleCount
    let backward = CodebookGradient(indices, clusters: clusters, pinned: pinned)
    return [try context.add(backward, [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let centroids = try context.input(0).floats
    let w = context.output().floats
    let omitted = omitsPinned ? pinned : nil
    return { [indices] _ in
      indices.with(UInt8.self) { indices in
        for index in indices.indices {
          let cluster = Int(indices[index])
          w[index] = cluster == omitted ? 0 : centroids[cluster]
        }
      }
    }
  }
}

/// The gradient of a codebook: the sum over the members of each cluster.
public struct CodebookGradient: Operation {
  public static let name = "codebook_gradient"
  let indices: Tensor
  let clusters: Int
  let pinned: Int?

  init(_ indices: Tensor, clusters: Int, pinned: Int?) {
    self.indices = indices
    self.clusters = clusters
    self.pinned = pinned
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    return [.fixed([clusters])]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil] }
    return [try context.add(CodebookLookup(indices, pinned: pinned, omitsPinned: true), [g])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dw = try context.input(0).floats
    let result = context.output().floats
    return { [indices, clusters, pinned] _ in
      wane_fill_f32(0, result, clusters)
      indices.with(UInt8.self) { indices in
        for index in indices.indices { result[Int(indices[index])] += dw[index] }
      }
      if let pinned { result[pinned] = 0 }
    }
  }
}

/// Weights rounded to an integer grid whose scales are learned too:
/// `w, factors [channels or 1] -> scale * round(clamp(w / scale))`, `scale = base * factor`.
///
/// The gradient of the scales is that of learned step size quantization (Esser et al., LSQ, 2020).
/// Training moves factors that start at one, not the scales themselves, so that a step of the
/// optimizer changes a scale in proportion to its size.
public struct QuantizeWeights: Operation {
  public static let name = "quantize_weights"
  let bits: Int
  let axis: Int?
  let base: [Float]

  /// A factor does not fall below this, so that scales stay positive.
  static let lowestFactor: Float = 1 / 64

  /// Rounds to the points of `grid`.
  public init(_ grid: WeightGrid) { self.init(bits: grid.bits, axis: grid.axis, base: grid.scales) }

  fileprivate init(bits: Int, axis: Int?, base: [Float]) {
    self.bits = bits
    self.axis = axis
    self.base = base
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  /// The scales that factors stand for.
  static func scales(_ base: [Float], factors: [Float]) -> [Float] {
    zip(base, factors).map { $0 * max($1, lowestFactor) }
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[1] == .fixed([base.count]) else {
      throw WaneError(Self.name, "factors \(inputs[1]) do not fit \(base.count) scales")
    }
    return [inputs[0]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let backward = QuantizeWeightsGradient(bits: bits, axis: axis, base: base)
    let results = try context.add(
      all: backward, [gradient, context.inputs[0], context.inputs[1]])
    return [results[0], results[1]]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let w = try context.input(0).floats
    let factors = try context.input(1).floats
    let y = context.output().floats
    let scales = LearnedScales(base, bits, axis, context.inputTypes[0].dimensions)
    context.reserveScratch(scales.scratchBytes)
    return { run in
      scales.withGrid(factors, run.scratch) { wane_fake_quantize_f32($0, w, y) }
    }
  }
}

/// The gradient of `QuantizeWeights`: `dy, w, factors -> dw, dfactors`.
public struct QuantizeWeightsGradient: Operation {
  public static let name = "quantize_weights_gradient"
  let bits: Int
  let axis: Int?
  let base: [Float]

  fileprivate init(bits: Int, axis: Int?, base: [Float]) {
    self.bits = bits
    self.axis = axis
    self.base = base
  }

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
    let scales = LearnedScales(base, bits, axis, context.inputTypes[0].dimensions)
    context.reserveScratch(scales.scratchBytes)
    let dfactors = context.isUsed(1) ? context.output(1).floats : nil
    return { run in
      scales.withGrid(factors, run.scratch) { grid in
        wane_fake_quantize_grad_f32(grid, w, dy, dw)
        if let dfactors { scales.gradient(grid.pointee, dy, w, dfactors) }
      }
    }
  }
}

/// The grid that factors stand for at the moment, as the kernels want it.
private struct LearnedScales {
  let base: [Float]
  let grid: wane_grid
  let highest: Float
  let scratchBytes: Int

  init(_ base: [Float], _ bits: Int, _ axis: Int?, _ dimensions: [Int]) {
    let count = dimensions.reduce(1, *)
    let outer = axis.map { dimensions[..<$0].reduce(1, *) } ?? 1
    let limit = WeightGrid.highest(bits: bits)
    self.base = base
    highest = Float(limit)
    scratchBytes = 4 * base.count
    grid = wane_grid(
      scale: nil, zero: nil, low: Int32(-limit), high: Int32(limit), outer: outer,
      channels: base.count, inner: count / max(outer * base.count, 1))
  }

  func withGrid(
    _ factors: UnsafePointer<Float>, _ scratch: UnsafeMutableRawPointer,
    _ body: (UnsafePointer<wane_grid>) -> Void
  ) {
    let scales = scratch.assumingMemoryBound(to: Float.self)
    for channel in base.indices {
      scales[channel] = base[channel] * max(factors[channel], QuantizeWeights.lowestFactor)
    }
    var grid = grid
    grid.scale = UnsafePointer(scales)
    withUnsafePointer(to: grid, body)
  }

  /// d/ds of s * round(w / s) is round(w / s) - w / s inside the grid and the outermost code beyond
  /// it.
  ///
  /// LSQ scales it by 1 / sqrt(members * highest), which balances scales against weights.
  func gradient(
    _ grid: wane_grid, _ dy: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    _ result: UnsafeMutablePointer<Float>
  ) {
    let share = 1 / (Float(grid.outer * grid.inner) * highest).squareRoot()
    for channel in 0..<grid.channels { result[channel] = 0 }
    var index = 0
    for _ in 0..<grid.outer {
      for channel in 0..<grid.channels {
        let inverse = 1 / grid.scale[channel]
        var sum: Float = 0
        for _ in 0..<grid.inner {
          let position = w[index] * inverse
          let code = min(max(position.rounded(.toNearestOrEven), -highest), highest)
          sum += dy[index] * (abs(position) <= highest ? code - position : code)
          index += 1
        }
        result[channel] += sum * share * base[channel]
      }
    }
  }
}

private func notStored(_ operation: String) -> WaneError {
  WaneError(operation, "is made for training, and never stored")
}
