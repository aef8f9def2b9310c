import CKernels
import COneDNN
import WaneTensor

/// What this machine can do.
public enum Machine {
  /// The level of instructions that the kernels use: `avx512_vnni`, `avx2`.
  public static var instructionSet: String { String(cString: wane_cpu_name()) }

  /// The library behind dense float math: `oneDNN 2.6.3`.
  public static var denseMathLibrary: String { String(cString: wane_dnn_version()) }

  /// Floating-point operations a second that one thread reaches in a product of two matrices that
  /// stay in cache: what other kernels can be measured against.
  ///
  /// Takes about a tenth of a second.
  ///
  /// - Throws: when memory cannot be had.
  public static func peakFloatOperations() throws -> Double {
    let size = 384
    var shape = wane_dnn_matmul(
      batch: 1, m: Int64(size), n: Int64(size), k: Int64(size), transpose_a: 0, transpose_b: 0,
      shared_b: 0)
    let product = try DenseMathKernel("machine") { wane_dnn_matmul_create(&shape, 0, $0) }
    let matrices = try (0..<3).map { _ in
      try Tensor([Float](repeating: 1, count: size * size), Shape([size, size]))
    }
    let scratch = try Storage(byteCount: product.scratchBytes, for: "machine")
    let failure = try Storage(byteCount: 64, for: "machine")
    let state = RunState(
      scratch: scratch.pointer, failure: failure.pointer.assumingMemoryBound(to: Int32.self))
    let pointers = matrices.map {
      $0.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }
    var arguments = wane_dnn_arguments()
    arguments.src = UnsafePointer(pointers[0]?.assumingMemoryBound(to: Float.self))
    arguments.weights = UnsafeRawPointer(pointers[1])
    arguments.dst = pointers[2]?.assumingMemoryBound(to: Float.self)
    let kernel = product.kernel(arguments)
    return withExtendedLifetime(matrices) {
      var best = Double.infinity
      let start = Clock.seconds()
      repeat {
        let before = Clock.seconds()
        kernel(state)
        best = min(best, Clock.seconds() - before)
      } while Clock.seconds() - start < 0.1
      return 2 * Double(size * size * size) / best
    }
  }

  /// Bytes of tensor memory in use now.
  public static var liveTensorBytes: Int { Int(wane_memory_live_bytes()) }
  /// The most that was in use at once since the process began.
  public static var peakTensorBytes: Int { Int(wane_memory_peak_bytes()) }
}
