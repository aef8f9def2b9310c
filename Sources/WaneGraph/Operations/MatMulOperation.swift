import CKernels
import COneDNN
import WaneTensor

/// The product of matrices, for each of a batch: `a [..., M, K], b [..., K, N] -> [..., M, N]`.
///
/// The last two axes are the matrices; those before broadcast, and so does the batch. The batch may
/// also be the rows of `a`, `[N, K]`, when `b` has none: a dense layer without a bias.
public struct MatMul: Operation {
  public static let name = "matmul"
  /// Whether `a` is stored as `[..., K, M]`.
  public let transposesLeft: Bool
  /// Whether `b` is stored as `[..., N, K]`.
  public let transposesRight: Bool

  /// Creates a product.
  public init(transposingLeft: Bool = false, transposingRight: Bool = false) {
    transposesLeft = transposingLeft
    transposesRight = transposingRight
  }

  public init(_ attributes: Attributes) throws {
    transposesLeft = try attributes.bool("transpose_a")
    transposesRight = try attributes.bool("transpose_b")
  }

  public var attributes: [String: Attribute] {
    ["transpose_a": .bool(transposesLeft), "transpose_b": .bool(transposesRight)]
  }

  // As a product of numbers: see `Binary`.
  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let (a, b) = (inputs[0], inputs[1])
    try require(a, .f32)
    try require(b, .f32)
    let misfit = WaneError(Self.name, "matrices \(a) and \(b) do not fit")
    guard b.dimensions.count >= 2, let k = a.dimensions.last else { throw misfit }
    let right = b.dimensions.suffix(2)
    let (inner, columns) =
      transposesRight ? (b.channels, right.first ?? 0) : (right.first ?? 0, b.channels)
    let result: ValueType
    if a.dimensions.count == 1 {
      guard a.isBatched, !b.isBatched, b.dimensions.count == 2, !transposesLeft, k == inner else {
        throw misfit
      }
      result = .batched([columns])
    } else {
      let left = a.dimensions.suffix(2)
      let (rows, depth) = transposesLeft ? (k, left.first ?? 0) : (left.first ?? 0, k)
      guard depth == inner else { throw misfit }
      var type = try a.matrices.broadcast(with: b.matrices, operation: Self.name)
      type.dimensions += [rows, columns]
      guard rows > 0 else { throw misfit }
      result = type
    }
    guard inner > 0, columns > 0 else { throw misfit }
    return [result]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    let depth = transposesRight ? inputs[1].channels : inputs[1].dimensions.suffix(2).first ?? 1
    return product(outputs[0].sampleCount, depth)
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil] }
    let (a, b) = (context.inputs[0], context.inputs[1])
    var gradients: [Value?] = [nil, nil]
    if context.needs(0) {
      let part =
        transposesLeft
        ? try context.add(
          MatMul(transposingLeft: transposesRight, transposingRight: true), [b, dy])
        : try context.add(MatMul(transposingRight: !transposesRight), [dy, b])
      gradients[0] = try context.graph.sum(part, like: a, layer: context.layer)
    }
    if context.needs(1) {
      let type = context.graph.type(of: b)
      if !type.isBatched, type.dimensions.count == 2 {
        // One product of all rows, instead of one a matrix and their sum.
        var rows = a
        if transposesLeft {
          let rank = context.graph.type(of: a).dimensions.count
          var order = Array(0..<rank)
          order.swapAt(rank - 1, rank - 2)
          rows = try context.add(Transpose(order), [a])
        }
        gradients[1] = try context.add(
          RowProduct(), transposesRight ? [dy, rows] : [rows, dy])
      } else {
        let part =
          transposesRight
          ? try context.add(
            MatMul(transposingLeft: true, transposingRight: transposesLeft), [dy, a])
          : try context.add(MatMul(transposingLeft: !transposesLeft), [a, dy])
        gradients[1] = try context.graph.sum(part, like: b, layer: context.layer)
      }
    }
    return gradients
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let a = try context.input(0)
    let b = try context.input(1)
    let y = context.output()
    let columns = y.shape.dimensions.last ?? 1
    let isSingle = b.shape.rank == 2 && !context.inputTypes[1].isBatched
    let depth = b.shape[b.shape.rank - (transposesRight ? 1 : 2)]
    let batches = Array(y.shape.dimensions.dropLast(2))
    func kernel(batch: Int, rows: Int) throws -> DenseMathKernel {
      var shape = wane_dnn_matmul(
        batch: Int64(batch), m: Int64(rows), n: Int64(columns), k: Int64(depth),
        transpose_a: transposesLeft ? 1 : 0, transpose_b: transposesRight ? 1 : 0,
        shared_b: isSingle ? 1 : 0)
      return try DenseMathKernel(Self.name) { wane_dnn_matmul_create(&shape, 0, $0) }
    }
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(a.floats)
    arguments.weights = UnsafeRawPointer(b.pointer)
    arguments.dst = y.floats
    guard y.count > 0 else { return { _ in } }
    if isSingle, !transposesLeft {
      let kernel = try kernel(batch: 1, rows: y.count / columns)
      context.reserveScratch(kernel.scratchBytes)
      return kernel.kernel(arguments)
    }
    let rows = y.shape[y.shape.rank - 2]
    let count = batches.reduce(1, *)
    let leftBatches = try Shape(a.shape.dimensions.dropLast(2))
    let rightBatches = try Shape(b.shape.dimensions.dropLast(2))
    if leftBatches.dimensions == batches, isSingle || rightBatches.dimensions == batches {
      let kernel = try kernel(batch: count, rows: rows)
      context.reserveScratch(kernel.scratchBytes)
      return kernel.kernel(arguments)
    }
    let kernel = try kernel(batch: 1, rows: rows)
    context.reserveScratch(kernel.scratchBytes)
    let shape = try Shape(batches)
    let loop = StridedLoop(
      extents: batches + [1],
      steps: [
        leftBatches.steps(broadcastTo: shape).map { $0 * rows * depth } + [0],
        rightBatches.steps(broadcastTo: shape).map { $0 * depth * columns } + [0],
        shape.steps.map { $0 * rows * columns } + [0],
      ])
    return { [a = a.floats, b = b.floats, y = y.floats] run in
      loop.forEachRun { start in
        for index in 0..<loop.run {
          var arguments = wane_dnn_arguments()
          arguments.src = UnsafePointer(a + start[0] + index * loop.steps[0])
          arguments.weights = UnsafeRawPointer(b + start[1] + index * loop.steps[1])
          arguments.dst = y + start[2] + index * loop.steps[2]
          kernel.execute(&arguments, run)
        }
      }
    }
  }
}

extension ValueType {
  /// The axes before the last two.
  fileprivate var matrices: ValueType {
    ValueType(dtype: dtype, isBatched: isBatched, dimensions: Array(dimensions.dropLast(2)))
  }
}

/// The product of two stacks of rows over all of them: `x [..., K], y [..., N] -> x^T y [K, N]`.
///
/// All axes but the last, the batch included, are the rows; the gradient of a matrix that many are
/// multiplied by.
public struct RowProduct: Operation {
  public static let name = "row_product"

  /// Creates a product.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let (x, y) = (inputs[0], inputs[1])
    try require(x, .f32)
    try require(y, .f32)
    guard x.isBatched == y.isBatched, x.channels > 0, y.channels > 0,
      !x.dimensions.isEmpty, x.dimensions.dropLast() == y.dimensions.dropLast(),
      x.isBatched || x.dimensions.count > 1, x.dimensions.count == y.dimensions.count
    else { throw WaneError(Self.name, "takes as many rows of both, got \(x) and \(y)") }
    return [.fixed([x.channels, y.channels])]
  }

  public func work(_ inputs: [ValueType], _ outputs: [ValueType]) -> Int {
    product(inputs[0].sampleCount, inputs[1].channels)
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    let (x, y) = (context.inputs[0], context.inputs[1])
    return [
      context.needs(0) ? try context.add(MatMul(transposingRight: true), [y, g]) : nil,
      context.needs(1) ? try context.add(MatMul(), [x, g]) : nil,
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = try context.input(1)
    let (inputs, outputs) = (context.inputTypes[0].channels, context.inputTypes[1].channels)
    let result = context.output()
    guard x.count > 0 else { return { _ in wane_fill_f32(0, result.floats, result.count) } }
    var shape = wane_dnn_dense(
      batch: Int64(x.count / inputs), inputs: Int64(inputs), outputs: Int64(outputs))
    let kernel = try DenseMathKernel(Self.name) {
      wane_dnn_dense_backward_weights_create(&shape, 0, WANE_DNN_AUTO, $0)
    }
    context.reserveScratch(kernel.scratchBytes)
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(x.floats)
    arguments.diff_dst = UnsafePointer(y.floats)
    arguments.diff_weights = result.floats
    return kernel.kernel(arguments)
  }
}
