import COneDNN
import WaneTensor

/// Matrix products of tensors, outside of any graph.
extension Tensor {
  /// The matrix product: `[m, k]` times `[k, n]`, for each matrix of a batch.
  ///
  /// Axes before the last two are batches and broadcast. A vector on the left counts as a row, on
  /// the right as a column, and its axis vanishes from the result; two vectors give a scalar.
  /// Computes in f32, or in i32 (saturating) when both operands are whole.
  ///
  /// - Throws: when the inner extents differ, batches do not broadcast, or an operand is a scalar.
  public func matrixProduct(_ other: Tensor) throws -> Tensor {
    let product = try MatrixProduct(shape, other.shape)
    let left = try reshaped(product.left).broadcast(to: product.expandedLeft, for: "matmul")
    // One matrix for the whole batch is multiplied without being repeated.
    let right = try other.reshaped(product.right)
    let repeated =
      product.sharesRight
      ? right : try right.broadcast(to: product.expandedRight, for: "matmul")
    let result =
      dtype.isFloatingPoint || other.dtype.isFloatingPoint
      ? try product.floats(left.converted(to: .f32), repeated.converted(to: .f32))
      : try product.integers(left.converted(to: .i32), repeated.converted(to: .i32))
    return try result.reshaped(product.result)
  }
}

/// The shapes of one product.
private struct MatrixProduct {
  let (batch, m, n, k): (Int, Int, Int, Int)
  /// The operands as (batches of) matrices, before and after batches are repeated.
  let (left, right): (Shape, Shape)
  let (expandedLeft, expandedRight): (Shape, Shape)
  let sharesRight: Bool
  /// Batches of m x n.
  let product: Shape
  /// The product without the axes that vectors do not have.
  let result: Shape

  init(_ a: Shape, _ b: Shape) throws {
    guard a.rank > 0, b.rank > 0 else {
      throw WaneError("matmul", "vectors or matrices expected, got shapes \(a) and \(b)")
    }
    left = a.rank == 1 ? try Shape([1, a[0]]) : a
    right = b.rank == 1 ? try Shape([b[0], 1]) : b
    guard left[left.rank - 1] == right[right.rank - 2] else {
      throw WaneError(
        "matmul",
        "inner extents of shapes \(a) and \(b) differ: "
          + "\(left[left.rank - 1]) and \(right[right.rank - 2])")
    }
    (m, k, n) = (left[left.rank - 2], left[left.rank - 1], right[right.rank - 1])
    let leftBatch = try Shape(left.dimensions.dropLast(2))
    let rightBatch = try Shape(right.dimensions.dropLast(2))
    let batches = try leftBatch.broadcast(with: rightBatch, operation: "matmul")
    batch = batches.count
    sharesRight = rightBatch.count == 1
    expandedLeft = try Shape(batches.dimensions + [m, k])
    expandedRight = try Shape(batches.dimensions + [k, n])
    product = try Shape(batches.dimensions + [m, n])
    result = try Shape(
      batches.dimensions + (a.rank == 1 ? [] : [m]) + (b.rank == 1 ? [] : [n]))
  }

  func floats(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    guard product.count > 0, k > 0 else { return try Tensor(zeros: product, for: "matmul") }
    var shape = wane_dnn_matmul(
      batch: Int64(batch), m: Int64(m), n: Int64(n), k: Int64(k), transpose_a: 0, transpose_b: 0,
      shared_b: sharesRight ? 1 : 0)
    let kernel = try EagerKernel("matmul") { wane_dnn_matmul_create(&shape, 0, $0) }
    var c = try Tensor(uninitialized: product, for: "matmul")
    try c.withMutableElements(Float.self) { c in
      try a.with(Float.self) { a in
        try b.with(Float.self) { b in
          var arguments = wane_dnn_arguments()
          arguments.src = a.baseAddress
          arguments.weights = UnsafeRawPointer(b.baseAddress)
          arguments.dst = c.baseAddress
          try kernel.run(&arguments)
        }
      }
    }
    return c
  }

  /// Row by row: y[i, :] is the sum of a[i, p] b[p, :], in 64 bits.
  func integers(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    var c = try Tensor(zeros: product, .i32, for: "matmul")
    var sums = [Int64](repeating: 0, count: n)
    try c.withMutableElements(Int32.self) { c in
      a.with(Int32.self) { a in
        b.with(Int32.self) { b in
          for row in 0..<batch * m {
            let matrix = sharesRight ? 0 : row / max(m, 1) * k * n
            for j in 0..<n { sums[j] = 0 }
            for p in 0..<k {
              let factor = Int64(a[row * k + p])
              for j in 0..<n { sums[j] &+= factor &* Int64(b[matrix + p * n + j]) }
            }
            for j in 0..<n { c[row * n + j] = Int32(clamping: sums[j]) }
          }
        }
      }
    }
    return c
  }
}

/// A kernel that is made, run once, and given back.
private final class EagerKernel {
  private let handle: OpaquePointer
  private let operation: String

  init(
    _ operation: String, _ create: (UnsafeMutablePointer<OpaquePointer?>) -> wane_dnn_status
  ) throws {
    var handle: OpaquePointer?
    var status = wane_dnn_thread_init()
    if status == WANE_DNN_OK { status = create(&handle) }
    guard status == WANE_DNN_OK, let handle else { throw Self.failure(operation, status) }
    self.handle = handle
    self.operation = operation
  }

  deinit { wane_dnn_kernel_destroy(handle) }

  func run(_ arguments: inout wane_dnn_arguments) throws {
    let scratch = try Storage(byteCount: wane_dnn_scratch_bytes(handle), for: operation)
    let status = wane_dnn_execute(handle, &arguments, scratch.pointer)
    guard status == WANE_DNN_OK else { throw Self.failure(operation, status) }
  }

  private static func failure(_ operation: String, _ status: wane_dnn_status) -> WaneError {
    WaneError(
      operation, String(cString: wane_dnn_last_error()),
      kind: status == WANE_DNN_OUT_OF_MEMORY ? .memory : .invalid)
  }
}
