/// A failure a caller can catch: which operation, what is wrong, and the values involved.
///
/// Wane has one error type. Nothing that a script or a file can cause ends the process.
public struct WaneError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of failure it is, for callers that treat some of them specially.
  public enum Kind: Equatable, Sendable {
    /// An argument, option, shape or type that the operation does not accept.
    case invalid
    /// A file that cannot be read or written, or does not hold what it should.
    case io
    /// Memory could not be had.
    case memory
    /// The user asked to stop.
    case interrupted
  }

  /// The operation that failed, as its user would name it; empty when the message says it all.
  public let operation: String
  /// What is wrong, with the values.
  public let message: String
  /// What kind of failure it is.
  public let kind: Kind
  /// The path of the layer in which it happened, if in one.
  public let layer: String?

  /// Creates an error; `message` is lower case, without a full stop.
  public init(_ operation: String, _ message: String, kind: Kind = .invalid, layer: String? = nil) {
    self.operation = operation
    self.message = message
    self.kind = kind
    self.layer = layer
  }

  /// `in layer 'path': operation: message`.
  public var description: String {
    (layer.map { "in layer '\($0)': " } ?? "")
      + (operation.isEmpty ? message : "\(operation): \(message)")
  }

  /// The same error seen from inside a layer; the innermost layer stays.
  public func inLayer(_ path: String) -> WaneError {
    guard layer == nil, !path.isEmpty else { return self }
    return WaneError(operation, message, kind: kind, layer: path)
  }

  /// Memory for `bytes` bytes could not be had.
  public static func outOfMemory(_ operation: String, bytes: Int) -> WaneError {
    WaneError(operation, "not enough memory for \(bytes) bytes", kind: .memory)
  }
}
