import WaneTensor

/// What is known of a value before the batch size is: element type and extents.
///
/// A batched value has one row a sample; its first axis is symbolic and stands outside
/// `dimensions`. A value without a batch (a parameter, a loss, a gradient of a parameter) has all
/// its extents in `dimensions`.
public struct ValueType: Hashable, Sendable, CustomStringConvertible {
  /// The element type.
  public var dtype: DType
  /// Whether a symbolic batch axis precedes `dimensions`.
  public var isBatched: Bool
  /// The extents that are known, outermost first.
  public var dimensions: [Int]

  /// Creates the type of a batched value: one such block a sample.
  public static func batched(_ dimensions: [Int], _ dtype: DType = .f32) -> ValueType {
    ValueType(dtype: dtype, isBatched: true, dimensions: dimensions)
  }

  /// Creates the type of a value without a batch axis.
  public static func fixed(_ dimensions: [Int], _ dtype: DType = .f32) -> ValueType {
    ValueType(dtype: dtype, isBatched: false, dimensions: dimensions)
  }

  /// Elements a sample, or of the whole value when it has no batch.
  public var sampleCount: Int { dimensions.reduce(1, *) }

  /// The last extent: channels of an image, features of a row; 1 for a scalar.
  public var channels: Int { dimensions.last ?? 1 }

  /// The shape for a batch of `batch` samples.
  ///
  /// - Throws: when it has too many elements.
  public func shape(batch: Int) throws -> Shape {
    try Shape(isBatched ? [batch] + dimensions : dimensions)
  }

  /// `Nx28x28x1`, the element type appended when it is not f32.
  public var description: String {
    let extents = (isBatched ? ["N"] : []) + dimensions.map(String.init)
    let text = extents.isEmpty ? "scalar" : extents.joined(separator: "x")
    return dtype == .f32 ? text : "\(text) \(dtype)"
  }

  /// Axes a value may have: each costs memory in every node, however few elements there are.
  public static let mostAxes = 64

  /// Throws unless the number of elements of one sample is representable, and that of axes small.
  public func validated() throws -> ValueType {
    guard dimensions.count <= ValueType.mostAxes else {
      throw WaneError(
        "shape", "a value has at most \(ValueType.mostAxes) axes, got \(dimensions.count)")
    }
    _ = try Shape(dimensions)
    return self
  }
}
