import WaneTensor

/// The parameters of a compiled graph in the forms its kernels read.
///
/// Shared by the programs of all workers and batch sizes; a form is made when the first kernel
/// asks for it, so a parameter that only an integer kernel reads is never expanded to floats.
/// Compilation is single-threaded; running only reads.
public final class WeightStore: @unchecked Sendable {
  /// The parameters as the model holds them.
  public let parameters: ParameterTable
  private var dense: [String: Tensor] = [:]
  private var forms: [String: Storage] = [:]
  private let bound: [String: UnsafeMutableRawPointer]

  /// Creates a store for parameters; those in `bound` are read where that says, so that a trainer
  /// can change them between runs.
  public init(_ parameters: ParameterTable, bound: [String: UnsafeMutableRawPointer] = [:]) {
    self.parameters = parameters
    self.bound = bound
  }

  /// Bytes taken by all forms made so far.
  public var byteCount: Int {
    dense.values.reduce(0) { $0 + $1.byteCount } + forms.values.reduce(0) { $0 + $1.byteCount }
  }

  /// Where the floats of a parameter are.
  func pointer(_ name: String) throws -> UnsafeMutableRawPointer {
    if let pointer = bound[name] { return pointer }
    if dense[name] == nil {
      guard let parameter = parameters[name] else {
        throw WaneError("program", "parameter '\(name)' has no memory")
      }
      dense[name] = try parameter.decoded()
    }
    guard let tensor = dense[name] else {
      throw WaneError("program", "parameter '\(name)' is lost")
    }
    // The tensor is kept by `dense` and written by nobody.
    return tensor.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) ?? Program.nowhere }
  }

  func packed(
    _ key: String, byteCount: Int, fill: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> UnsafeMutableRawPointer {
    if let storage = forms[key] { return storage.pointer }
    let storage = try Storage(byteCount: byteCount, for: "program")
    try fill(storage.pointer)
    forms[key] = storage
    return storage.pointer
  }
}
