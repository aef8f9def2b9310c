/// The extents of a tensor, outermost first; a scalar has none.
///
/// The product of any extents of a shape that exists fits an `Int`, even beside an extent of zero:
/// whoever holds one may multiply freely.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
  /// The extents, outermost first.
  public let dimensions: [Int]
  /// The product of the extents; 1 for a scalar.
  public let count: Int

  /// The shape of a scalar.
  public static let scalar = Shape()

  private init() {
    dimensions = []
    count = 1
  }

  /// Creates a shape.
  ///
  /// - Throws: when an extent is negative or the number of elements is beyond 2^48.
  public init(_ dimensions: [Int]) throws {
    // 2^48 elements leave room for any byte size and offset in an Int.
    let limit = 1 << 48
    var count = 1
    for extent in dimensions {
      guard extent >= 0 else {
        throw WaneError("shape", "extents must not be negative, got \(Shape.text(dimensions))")
      }
      // An extent of zero must not excuse the others: parts of a shape are multiplied too.
      let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, product <= limit else {
        throw WaneError("shape", "too many elements in \(Shape.text(dimensions))")
      }
      count = product
    }
    self.dimensions = dimensions
    self.count = dimensions.contains(0) ? 0 : count
  }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The extent of an axis that is known to exist.
  public subscript(axis: Int) -> Int { dimensions[axis] }

  /// `2x3x4`, or `scalar`.
  public var description: String { Shape.text(dimensions) }

  /// The text of extents that need not make a valid shape.
  public static func text(_ dimensions: [Int]) -> String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "x")
  }

  /// The shape two operands are stretched to when axes are aligned from the last and an extent of
  /// one repeats (NumPy's rule).
  ///
  /// - Throws: when two extents differ and neither is one.
  public func broadcast(with other: Shape, operation: String) throws -> Shape {
    if self == other { return self }
    let rank = max(self.rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let a = axis - (rank - self.rank)
      let b = axis - (rank - other.rank)
      let left = a >= 0 ? dimensions[a] : 1
      let right = b >= 0 ? other.dimensions[b] : 1
      guard left == right || left == 1 || right == 1 else {
        throw WaneError(operation, "shapes \(self) and \(other) do not broadcast")
      }
      result[axis] = left == 1 ? right : left
    }
    return try Shape(result)
  }
}
