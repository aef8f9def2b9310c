import COneDNN
import Testing

/// Owns a kernel under test with its scratch, filled with NaN to catch reads of unset bytes, and with a
/// guard behind it to catch writes beyond what the kernel asked for.
final class Kernel {
  /// More than a primitive was ever seen to write beyond its end.
  private static let guardBytes = 4096
  private let handle: OpaquePointer
  private let scratch: UnsafeMutableRawPointer

  /// Nil when the algorithm cannot compute the shape; any other failure is a test failure.
  init?(_ create: (UnsafeMutablePointer<OpaquePointer?>) -> wane_dnn_status) {
    var made: OpaquePointer?
    let status = create(&made)
    if status == WANE_DNN_UNSUPPORTED { return nil }
    guard status == WANE_DNN_OK, let made else {
      Issue.record("creation failed: \(String(cString: wane_dnn_last_error()))")
      return nil
    }
    handle = made
    let bytes = wane_dnn_scratch_bytes(made)
    scratch = Self.guarded(bytes)
  }

  private static func guarded(_ bytes: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes + guardBytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0xFF, count: bytes + guardBytes)
    return memory
  }

  /// Whether nothing was written behind the bytes that may be used.
  private static func isWhole(_ memory: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
    UnsafeRawBufferPointer(start: memory + bytes, count: guardBytes).allSatisfy { $0 == 0xFF }
  }

  deinit {
    wane_dnn_kernel_destroy(handle)
    scratch.deallocate()
  }

  var implementation: String { String(cString: wane_dnn_implementation(handle)) }

  /// Runs with weights in Keras layout, packing them first when the kernel wants that.
  func run(_ arguments: wane_dnn_arguments, weights: [Float] = []) {
    let bytes = wane_dnn_weights_bytes(handle)
    let packed = Self.guarded(bytes)
    defer { packed.deallocate() }
    weights.withUnsafeBufferPointer { plain in
      var arguments = arguments
      arguments.weights = UnsafeRawPointer(plain.baseAddress)
      if bytes > 0 {
        #expect(wane_dnn_pack_weights(handle, plain.baseAddress, packed) == WANE_DNN_OK)
        arguments.weights = UnsafeRawPointer(packed)
      }
      // Twice: a kernel must not depend on what its buffers held before.
      for _ in 0..<2 {
        let status = wane_dnn_execute(handle, &arguments, scratch)
        #expect(status == WANE_DNN_OK, "\(String(cString: wane_dnn_last_error()))")
      }
    }
    #expect(Self.isWhole(scratch, wane_dnn_scratch_bytes(handle)), "scratch of \(implementation)")
    #expect(Self.isWhole(packed, bytes), "weights of \(implementation)")
  }
}

/// Expects equality up to the rounding of fp32 sums, relative to the largest expected value.
func expectClose(_ got: [Float], _ expected: [Double], _ context: @autoclosure () -> String) {
  let scale = expected.reduce(1e-9) { max($0, abs($1)) }
  let bad = zip(got, expected).contains { !(abs(Double($0) - $1) <= 2e-5 * scale) }
  #expect(got.count == expected.count && !bad, "\(context())")
}
