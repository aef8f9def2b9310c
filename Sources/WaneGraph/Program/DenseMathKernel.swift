import COneDNN
import WaneTensor

/// A oneDNN kernel owned by a program: made once, run every step.
final class DenseMathKernel {
  private let handle: OpaquePointer
  private let operation: String

  /// Makes a kernel with one of the creation functions of `wane_dnn.h`.
  init(
    _ operation: String,
    _ create: (UnsafeMutablePointer<OpaquePointer?>) -> wane_dnn_status
  ) throws {
    var handle: OpaquePointer?
    var status = wane_dnn_thread_init()
    if status == WANE_DNN_OK { status = create(&handle) }
    guard status == WANE_DNN_OK, let handle else {
      let text = String(cString: wane_dnn_last_error())
      throw WaneError(operation, text, kind: status == WANE_DNN_OUT_OF_MEMORY ? .memory : .invalid)
    }
    self.handle = handle
    self.operation = operation
  }

  deinit { wane_dnn_kernel_destroy(handle) }

  /// Whether what is multiplied is rounded to bf16.
  var roundsToBF16: Bool { wane_dnn_rounds_to_bf16(handle) != 0 }

  /// Bytes of scratch memory a run needs.
  var scratchBytes: Int { wane_dnn_scratch_bytes(handle) }

  /// Bytes of the weights in the kernel's own layout; 0 when it takes them as they are.
  var weightsBytes: Int { wane_dnn_weights_bytes(handle) }

  /// Brings weights into the kernel's own layout.
  func pack(_ plain: UnsafePointer<Float>, into packed: UnsafeMutableRawPointer) throws {
    guard wane_dnn_pack_weights(handle, plain, packed) == WANE_DNN_OK else {
      throw WaneError(operation, String(cString: wane_dnn_last_error()))
    }
  }

  /// The code that runs the kernel on the given pointers.
  func kernel(_ arguments: wane_dnn_arguments) -> Kernel {
    { run in
      var arguments = arguments
      self.execute(&arguments, run)
    }
  }

  /// Runs the kernel once.
  func execute(_ arguments: inout wane_dnn_arguments, _ run: borrowing RunState) {
    let status = wane_dnn_execute(handle, &arguments, run.scratch)
    if status != WANE_DNN_OK { run.failure.pointee = Int32(status.rawValue) }
  }
}

extension LoweringContext {
  /// The weights of a forward kernel: packed once when they are constant, else as they are.
  func weights(of kernel: DenseMathKernel, input: Int) throws -> UnsafeRawPointer {
    guard isConstant(input), kernel.weightsBytes > 0 else {
      return UnsafeRawPointer(try self.input(input).pointer)
    }
    let packed = try packed("dnn \(precision)", byteCount: kernel.weightsBytes) { target in
      guard let parameter = constant(input) else { return }
      try parameter.decoded().with(Float.self) { plain in
        if let base = plain.baseAddress { try kernel.pack(base, into: target) }
      }
    }
    return UnsafeRawPointer(packed)
  }
}
