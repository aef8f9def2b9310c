import CKernels
import WaneTensor

/// A convolution, depthwise convolution or dense layer on bytes: exact integer sums, one rounding at
/// the end.
///
/// Operands: bytes on `input` grid, the integer weights, and a float bias if any. The result is bytes
/// on the `output` grid, or floats when there is none. Only compiled graphs have this operation.
public struct IntegerLayer: Operation {
  public static let name = "integer_layer"
  /// The window of a convolution; nil for a dense layer.
  let window: Window2D?
  /// Whether each channel is convolved by itself.
  let isDepthwise: Bool
  let input: ActivationGrid
  let output: ActivationGrid?
  let isReLUFused: Bool
  /// Whether a max pooling of 2 x 2 follows, taken of the sums before they are scaled.
  let isMaxPoolFused: Bool

  init(
    window: Window2D?, isDepthwise: Bool = false, input: ActivationGrid, output: ActivationGrid?,
    isReLUFused: Bool, isMaxPoolFused: Bool = false
  ) {
    self.window = window
    self.isDepthwise = isDepthwise
    self.input = input
    self.output = output
    self.isReLUFused = isReLUFused
    self.isMaxPoolFused = isMaxPoolFused
  }

  /// The same layer with a pooling after it; nil when the two cannot be one kernel.
  func fusing(_ pool: Window2D) -> IntegerLayer? {
    guard window != nil, !isDepthwise, output != nil, !isMaxPoolFused, pool.size == [2, 2],
      pool.strides == [2, 2], pool.padding == .valid, pool.dilation == [1, 1]
    else { return nil }
    return IntegerLayer(
      window: window, input: input, output: output, isReLUFused: isReLUFused, isMaxPoolFused: true)
  }

  public init(_ attributes: Attributes) throws {
    throw WaneError(Self.name, "is made when a graph is compiled, and never stored")
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...3)
    try require(inputs[0], .u8)
    let dtype: DType = output == nil ? .f32 : .u8
    let filters = inputs[1].channels
    guard let window else {
      return [.batched(inputs[0].dimensions.dropLast() + [filters], dtype)]
    }
    var extents = try window.output(Self.name, inputs[0].dimensions)
    if isMaxPoolFused { extents = extents.map { $0 / 2 } }
    return [.batched(extents + [filters], dtype)]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    let sums =
      window.map { window in
        (0..<2).map { window.extent(inputs[0].dimensions[$0], axis: $0).output }
      } ?? inputs[0].dimensions.dropLast()
    return product(sums.reduce(1, *), inputs[1].dimensions.reduce(1, *))
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    guard let parameter = context.constant(1), let weights = try parameter.integerForm() else {
      throw WaneError(Self.name, "weights are not on an integer grid")
    }
    var shape = try kernelShape(context)
    guard wane_integer_check(&shape) == 0 else {
      throw WaneError(Self.name, "\(context.inputTypes[0]) is too large")
    }
    context.reserveScratch(wane_integer_scratch_size(&shape))
    let filters = context.inputTypes[1].channels
    let channelScales = (0..<filters).map { weights.scales[weights.scales.count == 1 ? 0 : $0] }

    var bias = [Int32](repeating: 0, count: filters)
    if context.inputTypes.count == 3, let values = context.constant(2) {
      let floats = try values.decoded().array(Float.self)
      for channel in 0..<filters {
        // The bias on the grid of the sums; beyond 2^30 a sum would overflow.
        let scaled =
          Double(floats[channel]) / (Double(input.scale) * Double(channelScales[channel]))
        bias[channel] = Int32(min(max(scaled.rounded(.toNearestOrEven), -0x4000_0000), 0x4000_0000))
      }
    }
    var folded = [Int32](repeating: 0, count: filters)
    wane_integer_fold_bias(&shape, weights.codes, bias, Int32(input.zero), &folded)

    let packed = try context.packed(
      "integer", byteCount: wane_integer_packed_size(&shape), forAllBatches: true
    ) {
      wane_integer_pack(&shape, weights.codes, $0)
    }
    let multiplier = channelScales.map { scale in
      Float(Double(input.scale) * Double(scale) / Double(output?.scale ?? 1))
    }
    var layer = wane_integer_layer(
      packed: packed, bias: try context.constants(folded, "bias"),
      multiplier: try context.constants(multiplier, "multiplier"), zero_x: UInt8(input.zero),
      zero: UInt8(output?.zero ?? 0), low: UInt8(isReLUFused ? output?.zero ?? 0 : 0),
      high: UInt8(output?.highest ?? 255), relu: isReLUFused ? 1 : 0)
    let x = try context.input(0).bytes
    let y = context.output()
    if output == nil {
      return { [y = y.floats] run in
        wane_integer_run_f32(&shape, &layer, x, y, run.scratch)
      }
    }
    return { [y = y.bytes] run in wane_integer_run_u8(&shape, &layer, x, y, run.scratch) }
  }

  private func kernelShape(_ context: LoweringContext) throws -> wane_integer_shape {
    let weights = context.inputTypes[1].dimensions
    let image = context.inputTypes[0].dimensions
    guard let window else {
      let (rows, overflow) = image.dropLast().reduce(1, *)
        .multipliedReportingOverflow(by: context.batch)
      guard !overflow, (weights + [rows]).allSatisfy({ $0 <= Int(Int32.max) }) else {
        throw WaneError(Self.name, "\(context.inputTypes[0]) is too large")
      }
      return wane_integer_dense(Int32(rows), Int32(weights[0]), Int32(weights[1]))
    }
    var shape = try window.integerShape(
      Self.name, batch: context.batch, image: image, filters: isDepthwise ? 0 : weights[3])
    shape.max_pool = isMaxPoolFused ? 2 : 0
    return shape
  }
}

extension Parameter {
  /// The multiples of a parameter on an integer grid of signed bytes and the scales that make them
  /// values; nil when it is on none.
  public func integerForm() throws -> (codes: [Int8], scales: [Float])? {
    switch payload {
    case .dense: return nil
    case .integer(let codes, let grid):
      guard grid.fitsBytes, grid.groupSize == nil else { return nil }
      let codes = try codes.unpacked()
      var multiples = [Int8](repeating: 0, count: codes.count)
      for part in grid.parts(shape.dimensions) {
        part.forEach { index, scale in
          multiples[index] = Int8(clamping: grid.multiple(codes[index], scale: scale))
        }
      }
      return (multiples, grid.scales)
    case .codebook(let indices, let centroids, let grid):
      guard let grid else { return nil }
      let highest = Float(grid.highest)
      let table = centroids.values.enumerated().map { index, centroid in
        let scale = grid.scales[grid.axis == nil ? 0 : index / centroids.size]
        return Int8(min(max((centroid / scale).rounded(.toNearestOrEven), -highest), highest))
      }
      let codes = try indices.unpacked()
      var multiples = [Int8](repeating: 0, count: codes.count)
      centroids.rows(of: shape.dimensions).forEach(codes.count) { index, row in
        multiples[index] = table[row * centroids.size + Int(codes[index])]
      }
      return (multiples, grid.scales)
    }
  }

  /// The grid whose points the values are, when its scales are one, or those of the last axis.
  var exactGrid: WeightGrid? {
    switch payload {
    case .dense: nil
    case .integer(_, let grid), .codebook(_, _, let grid?):
      grid.axis == nil || grid.axis == shape.rank - 1 ? grid : nil
    case .codebook(_, _, nil): nil
    }
  }

  /// Whether `integerForm` has something to give.
  public var isOnIntegerGrid: Bool {
    switch payload {
    case .dense: false
    case .integer(_, let grid):
      grid.fitsBytes && grid.groupSize == nil
        && (grid.axis == nil || grid.axis == shape.rank - 1)
    case .codebook(_, _, let grid):
      grid.map { $0.axis == nil || $0.axis == shape.rank - 1 } ?? false
    }
  }
}
