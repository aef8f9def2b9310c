import COneDNN
import WaneTensor

/// A product of parts of matrices that an operation computes itself, as one of many.
///
/// Checked when it is made, so that running it can only fail in the library.
struct Multiplication {
  private let shape: wane_dnn_multiplication
  private let scale: Float

  /// `c[m, n] = scale * a[m, k] b[k, n]`, or added to `c`.
  ///
  /// Steps are elements from one row to the next as stored; a whole matrix by default. A transposed
  /// operand is stored `[k, m]` or `[n, k]`.
  ///
  /// - Throws: when an extent is not in 1 ... 2^31 - 1.
  init(
    _ operation: String, m: Int, n: Int, k: Int, transposesA: Bool = false,
    transposesB: Bool = false, accumulates: Bool = false, scale: Float = 1, aStep: Int? = nil,
    bStep: Int? = nil, cStep: Int? = nil
  ) throws {
    var shape = wane_dnn_multiplication(
      m: Int64(m), n: Int64(n), k: Int64(k), a_step: Int64(aStep ?? (transposesA ? m : k)),
      b_step: Int64(bStep ?? (transposesB ? k : n)), c_step: Int64(cStep ?? n),
      transpose_a: transposesA ? 1 : 0, transpose_b: transposesB ? 1 : 0,
      accumulate: accumulates ? 1 : 0)
    guard wane_dnn_multiplication_check(&shape) == WANE_DNN_OK else {
      throw WaneError(operation, String(cString: wane_dnn_last_error()))
    }
    self.shape = shape
    self.scale = scale
  }

  /// Computes it.
  func run(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ state: borrowing RunState
  ) {
    let status = withUnsafePointer(to: shape) { wane_dnn_multiply($0, scale, a, b, c) }
    if status != WANE_DNN_OK { state.failure.pointee = Int32(status.rawValue) }
  }
}

/// Where an operation keeps floats while it runs: parts of its scratch memory, one behind the other.
struct ScratchFloats {
  /// A part, or memory that lies elsewhere.
  enum Place {
    case scratch(offset: Int)
    case memory(UnsafeMutablePointer<Float>)

    /// Where it is in a run.
    func pointer(_ state: borrowing RunState) -> UnsafeMutablePointer<Float> {
      switch self {
      case .scratch(let offset): (state.scratch + offset).assumingMemoryBound(to: Float.self)
      case .memory(let pointer): pointer
      }
    }
  }

  /// Bytes of all parts so far.
  private(set) var byteCount = 0

  /// A part for as many floats as the extents have, on a cache line of its own.
  ///
  /// - Throws: when there are too many.
  mutating func reserve(_ extents: Int...) throws -> Place {
    let bytes = try Shape(extents).count * 4
    let offset = byteCount
    byteCount += (bytes + 63) / 64 * 64
    return .scratch(offset: offset)
  }
}
