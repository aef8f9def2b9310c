import CKernels
import WaneTensor

/// A convolution or dense layer on floats that lie on grids, computed in integers
/// (`docs/integer-arithmetic.md`).
///
/// Training has it where a compiled model runs on integers, so that what it simulates is what runs;
/// compiled graphs have it where `IntegerLayer` has no form for the layer. Operands, those in brackets
/// as the operation says: `x, kernel [, bias] [, grids] [, input factor] [, output factor] [, factors]`;
/// grids are the second result of `DynamicQuantize`, input and output factor what the scales of the grids
/// before and behind are multiplied by (`LearnedRange`), factors what those of the weights are
/// (`QuantizeWeights`).
///
/// The result counts in steps of the `output` grid when there is one, `RoundToGrid` comes next then.
/// Both pass gradients on as if values were not divided by the step and multiplied by it again.
public struct ExactLayer: Operation {
  public static let name = "exact_layer"
  /// What the layer computes.
  enum Form: Sendable, Equatable {
    case dense
    case convolution(Window2D, groups: Int)
  }

  let form: Form
  /// The grid of the operand; nil when each sample has one.
  let input: ActivationGrid?
  /// Bits of the operand's codes.
  let inputBits: Int
  let output: ActivationGrid?
  let weights: WeightGrid
  let hasBias: Bool
  /// Whether the grid of the operand is learned.
  let movesInput: Bool
  /// Whether the grid of the result is learned.
  let movesOutput: Bool
  /// Whether the scales of the weights are learned.
  let hasFactors: Bool

  /// The same operation with factors as its last operand.
  func withFactors() -> ExactLayer {
    ExactLayer(
      form: form, input: input, inputBits: inputBits, output: output, weights: weights,
      hasBias: hasBias, movesInput: movesInput, movesOutput: movesOutput, hasFactors: true)
  }

  init(
    form: Form, input: ActivationGrid?, inputBits: Int, output: ActivationGrid?,
    weights: WeightGrid, hasBias: Bool, movesInput: Bool = false, movesOutput: Bool = false,
    hasFactors: Bool = false
  ) {
    self.form = form
    self.input = input
    self.inputBits = inputBits
    self.output = output
    self.weights = weights
    self.hasBias = hasBias
    self.movesInput = movesInput
    self.movesOutput = movesOutput
    self.hasFactors = hasFactors
  }

  public init(_ attributes: Attributes) throws {
    throw WaneError(Self.name, "is made when a graph is compiled, and never stored")
  }

  /// The operation without grids.
  private var plain: any Operation {
    switch form {
    case .dense: Dense()
    case .convolution(let window, let groups): Conv2D(window, groups: groups)
    }
  }

  private var plainCount: Int { hasBias ? 3 : 2 }
  private var gridsOperand: Int? { input == nil ? plainCount : nil }
  /// How many of the last operands belong to scales that are learned.
  private var factorCount: Int { [movesInput, movesOutput, hasFactors].count { $0 } }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    let count = plainCount + (input == nil ? 1 : 0) + factorCount
    try operands(inputs, count...count)
    return try plain.infer(Array(inputs[..<plainCount]))
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    plain.work(inputs, outputs)
  }

  /// That of the layer without grids.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    var gradients = [Value?](repeating: nil, count: context.inputs.count)
    guard let gradient = context.outputGradients[0] else { return gradients }
    let (x, kernel) = (context.inputs[0], context.inputs[1])
    if context.needs(1) || (hasBias && context.needs(2)) {
      let backward: any Operation =
        switch form {
        case .dense: DenseWeightGradient()
        case .convolution(let window, let groups): Conv2DWeightGradient(window, groups: groups)
        }
      let results = try context.add(all: backward, [x, gradient])
      gradients[1] = results[0]
      if hasBias { gradients[2] = results[1] }
    }
    if context.needs(0) {
      let backward: any Operation =
        switch form {
        case .dense: DenseInputGradient()
        case .convolution(let window, let groups):
          Conv2DInputGradient(
            window, groups: groups, image: context.graph.type(of: x).dimensions)
        }
      gradients[0] = try context.add(backward, [gradient, kernel])
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var layer = try kernelLayer(context)
    guard wane_exact_check(&layer) == 0 else {
      throw WaneError(Self.name, "\(context.inputTypes[0]) is too large")
    }
    let scratchBytes = wane_exact_scratch_size(&layer)
    let packedBytes = wane_exact_packed_size(&layer)
    let x = try context.input(0).floats
    let y = context.output().floats
    let grids = try gridsOperand.map { try context.input($0).floats }
    if let parameter = context.constant(1), !movesInput, !movesOutput {
      let bias = hasBias ? try context.constant(2)?.decoded().array(Float.self) : nil
      guard hasBias == (bias != nil) else {
        throw WaneError(Self.name, "the bias of integer weights must be a parameter")
      }
      let packed = try context.packed("exact", byteCount: packedBytes, forAllBatches: true) {
        let room = try Storage(byteCount: scratchBytes, for: "program")
        let values = try parameter.decoded().array(Float.self)
        wane_exact_pack(&layer, values, weights.scales, bias, $0, room.pointer)
      }
      context.reserveScratch(scratchBytes)
      return { [layer] run in
        withUnsafePointer(to: layer) { wane_exact_run($0, packed, x, grids, y, run.scratch) }
      }
    }
    // Weights or grids that move: packed anew for every run.
    let kernel = try context.input(1).floats
    let bias = hasBias ? try context.input(2).floats : nil
    var operand = context.inputTypes.count - factorCount
    func next(_ isThere: Bool) throws -> UnsafeMutablePointer<Float>? {
      guard isThere else { return nil }
      operand += 1
      return try context.input(operand - 1).floats
    }
    let (inputFactor, outputFactor) = (try next(movesInput), try next(movesOutput))
    let factors = try next(hasFactors)
    let scaleBytes = (4 * weights.scales.count + 63) / 64 * 64
    context.reserveScratch(scaleBytes + packedBytes + scratchBytes)
    return { [layer, base = weights.scales] run in
      let scales = run.scratch.assumingMemoryBound(to: Float.self)
      for index in base.indices {
        scales[index] =
          factors.map { base[index] * max($0[index], QuantizeWeights.lowestFactor) } ?? base[index]
      }
      let packed = run.scratch + scaleBytes
      let scratch = packed + packedBytes
      var layer = layer
      if let inputFactor { layer.scale = LearnedRange.scale(layer.scale, factor: inputFactor[0]) }
      if let outputFactor { layer.step = LearnedRange.scale(layer.step, factor: outputFactor[0]) }
      withUnsafePointer(to: layer) { layer in
        wane_exact_pack(layer, kernel, scales, bias, packed, scratch)
        wane_exact_run(layer, packed, x, grids, y, scratch)
      }
    }
  }

  private func kernelLayer(_ context: LoweringContext) throws -> wane_exact {
    let kernel = context.inputTypes[1].dimensions
    let operand = context.inputTypes[0].dimensions
    var layer = wane_exact()
    switch form {
    case .dense:
      let rows = operand.dropLast().reduce(1, *)
      guard (kernel + [context.batch * rows]).allSatisfy({ $0 <= Int(Int32.max) }) else {
        throw WaneError(Self.name, "\(context.inputTypes[0]) is too large")
      }
      layer.shape = wane_integer_dense(
        Int32(context.batch * rows), Int32(kernel[0]), Int32(kernel[1]))
      layer.groups = 1
      layer.rows = Int32(rows)
    case .convolution(let window, let groups):
      layer.shape = try window.integerShape(
        Self.name, batch: context.batch, image: operand, filters: kernel[3])
      layer.groups = Int32(groups)
      layer.rows = 1
    }
    let inputs = kernel[kernel.count - 2]
    layer.group_size = Int32(min(weights.groupSize ?? inputs, inputs))
    layer.wide_codes = inputBits > 8 ? 1 : 0
    layer.wide_weights = weights.fitsBytes ? 0 : 1
    layer.own_grids = input == nil ? 1 : 0
    layer.scale_count = Int32(weights.scales.count)
    layer.scale = input?.scale ?? 0
    layer.zero = Int32(input?.zero ?? 0)
    layer.step = output?.scale ?? 1
    return layer
  }
}

extension Window2D {
  /// A convolution of one group as the integer kernels want it.
  ///
  /// - Throws: when an extent is beyond what they count.
  func integerShape(_ operation: String, batch: Int, image: [Int], filters: Int) throws
    -> wane_integer_shape
  {
    guard (image + [filters, batch]).allSatisfy({ $0 <= Int(Int32.max) }) else {
      throw WaneError(operation, "an image of \(Shape.text(image)) is too large")
    }
    let vertical = extent(image[0], axis: 0)
    let horizontal = extent(image[1], axis: 1)
    return wane_integer_shape(
      batch: Int32(batch), height: Int32(image[0]), width: Int32(image[1]),
      channels: Int32(image[2]), out_channels: Int32(filters),
      kernel_height: Int32(size[0]), kernel_width: Int32(size[1]),
      stride_height: Int32(strides[0]), stride_width: Int32(strides[1]),
      dilation_height: Int32(dilation[0]), dilation_width: Int32(dilation[1]),
      pad_top: Int32(vertical.before), pad_left: Int32(horizontal.before),
      out_height: Int32(vertical.output), out_width: Int32(horizontal.output), max_pool: 0)
  }
}
