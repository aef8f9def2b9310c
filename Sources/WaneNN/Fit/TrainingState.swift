import WaneTensor

/// What a training run needs to go on where it stopped: values by name.
///
/// Those who take part in a run each put their own in, and take them out again; a file keeps it.
public struct TrainingState: Sendable {
  /// One value.
  public enum Value: Sendable {
    case integer(Int)
    case number(Double)
    case text(String)
    case numbers([Double])
    case tensor(Tensor)
  }

  /// The values by name.
  public var values: [String: Value] = [:]

  /// Nothing yet.
  public init() {}

  private func missing(_ name: String, _ what: String) -> WaneError {
    WaneError("resume", "the checkpoint has no \(what) '\(name)'")
  }

  /// A whole number.
  public func integer(_ name: String) throws -> Int {
    guard case .integer(let value)? = values[name] else { throw missing(name, "whole number") }
    return value
  }

  /// A number.
  public func number(_ name: String) throws -> Double {
    guard case .number(let value)? = values[name] else { throw missing(name, "number") }
    return value
  }

  /// A text.
  public func text(_ name: String) throws -> String {
    guard case .text(let value)? = values[name] else { throw missing(name, "text") }
    return value
  }

  /// A tensor of a type and shape.
  public func tensor(_ name: String, _ dtype: DType, _ dimensions: [Int]) throws -> Tensor {
    guard case .tensor(let value)? = values[name] else { throw missing(name, "tensor") }
    guard value.dtype == dtype, value.shape.dimensions == dimensions else {
      throw WaneError(
        "resume",
        "'\(name)' is \(value.shape) \(value.dtype) in the checkpoint, not "
          + "\(Shape.text(dimensions)) \(dtype)")
    }
    return value
  }

  /// The values whose names begin with a prefix, without it.
  public func values(under prefix: String) -> [(name: String, value: Value)] {
    values.filter { $0.key.hasPrefix(prefix) }
      .map { (String($0.key.dropFirst(prefix.count)), $0.value) }
      .sorted { $0.0 < $1.0 }
  }
}
