import WaneTensor

/// The value of one attribute of an operation, as it stands in files and listings.
public enum Attribute: Equatable, Sendable {
  case bool(Bool)
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
}

/// The attributes of an operation by name, read with checks since they may come from a file.
public struct Attributes: Equatable, Sendable {
  /// All of them.
  public private(set) var values: [String: Attribute]
  /// The operation they belong to, for errors.
  public let operation: String

  /// Wraps attributes of the operation named.
  public init(_ values: [String: Attribute], of operation: String) {
    self.values = values
    self.operation = operation
  }

  private func missing(_ name: String, _ wanted: String) -> WaneError {
    WaneError(operation, "attribute '\(name)' is missing or not \(wanted)")
  }

  /// A whole number within a range.
  public func int(_ name: String, in range: ClosedRange<Int> = 0...Int(Int32.max)) throws -> Int {
    guard case .int(let value)? = values[name] else { throw missing(name, "a whole number") }
    guard range.contains(value) else {
      throw WaneError(
        operation,
        "attribute '\(name)' must be in \(range.lowerBound)..\(range.upperBound), got \(value)")
    }
    return value
  }

  /// A finite number.
  public func float(_ name: String) throws -> Float {
    guard case .float(let value)? = values[name], value.isFinite else {
      throw missing(name, "a finite number")
    }
    return value
  }

  /// A truth value.
  public func bool(_ name: String) throws -> Bool {
    guard case .bool(let value)? = values[name] else { throw missing(name, "true or false") }
    return value
  }

  /// A text.
  public func string(_ name: String) throws -> String {
    guard case .string(let value)? = values[name] else { throw missing(name, "a string") }
    return value
  }

  /// A list of whole numbers, `count` of them when given.
  public func ints(
    _ name: String, count: Int? = nil, in range: ClosedRange<Int> = 0...Int(Int32.max)
  ) throws -> [Int] {
    guard case .ints(let list)? = values[name], count == nil || list.count == count,
      list.allSatisfy(range.contains)
    else { throw missing(name, "a list of \(count.map { "\($0) " } ?? "")whole numbers") }
    return list
  }

  /// A list of finite numbers.
  public func floats(_ name: String) throws -> [Float] {
    guard case .floats(let list)? = values[name], list.allSatisfy(\.isFinite) else {
      throw missing(name, "a list of finite numbers")
    }
    return list
  }
}
