/// How operations read their operands and write their results.
extension Tensor {
  /// A tensor whose elements `fill` writes, all of them.
  static func built<Element: BitwiseCopyable>(
    _ shape: Shape, _ dtype: DType, for operation: String,
    _ fill: (UnsafeMutablePointer<Element>) throws -> Void
  ) throws -> Tensor {
    var result = try Tensor(uninitialized: shape, dtype, for: operation)
    try result.withMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try fill(base.assumingMemoryBound(to: Element.self))
    }
    return result
  }

  /// A tensor whose bytes `fill` writes, all of them.
  static func builtBytes(
    _ shape: Shape, _ dtype: DType, for operation: String,
    _ fill: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> Tensor {
    var result = try Tensor(uninitialized: shape, dtype, for: operation)
    try result.withMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try fill(base)
    }
    return result
  }

  /// Calls `body` with the elements, for reading.
  ///
  /// A bool reads as a `UInt8`.
  func reading<Element: BitwiseCopyable, Result>(
    _: Element.Type, _ body: (UnsafePointer<Element>) throws -> Result
  ) throws -> Result {
    try withBytes { bytes in
      // Storage always has an address, of an empty tensor, too.
      guard let base = bytes.baseAddress else { throw WaneError.outOfMemory("tensor", bytes: 0) }
      return try body(base.assumingMemoryBound(to: Element.self))
    }
  }
}

extension Shape {
  /// How many axes scripts may make: operations that go down the axes need a frame for each.
  private static var mostAxes: Int { 32 }

  /// The shape itself.
  ///
  /// - Throws: when it has more than 32 axes.
  public func bounded(for operation: String) throws -> Shape {
    guard rank <= Self.mostAxes else {
      throw WaneError(operation, "at most \(Self.mostAxes) axes are possible, got \(rank)")
    }
    return self
  }

  /// An axis counted from 0, or from -1 at the end backwards.
  ///
  /// - Throws: when there is no such axis.
  public func axis(_ axis: Int, operation: String) throws -> Int {
    let found = axis < 0 ? axis + rank : axis
    guard dimensions.indices.contains(found) else {
      throw WaneError(operation, "no axis \(axis) in shape \(self)")
    }
    return found
  }

  /// The shape seen as three axes, the middle one being `axis`.
  func around(_ axis: Int) -> (outer: Int, extent: Int, inner: Int) {
    (
      dimensions[..<axis].reduce(1, *), dimensions[axis],
      dimensions[(axis + 1)...].reduce(1, *)
    )
  }

  /// The shape with another extent at `axis`.
  func replacing(_ axis: Int, with extent: Int) throws -> Shape {
    var dimensions = dimensions
    dimensions[axis] = extent
    return try Shape(dimensions)
  }
}
