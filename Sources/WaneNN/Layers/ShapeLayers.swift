import WaneGraph
import WaneTensor

/// All elements of a sample in one row, in order.
public struct FlattenLayer: Layer {
  public static let kind = "flatten"
  public let name: String?

  /// Creates a flattening.
  public init(name: String? = nil) { self.name = name }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try builder.add(Reshape([builder.type(inputs[0]).sampleCount]), inputs)
  }
}

/// The elements of a sample under other extents.
public struct ReshapeLayer: Layer {
  public static let kind = "reshape"
  public let name: String?
  let target: [Int]

  /// Creates a reshape.
  ///
  /// - Parameters:
  ///   - target: the extents of a sample, one of which may be -1: what is left.
  ///   - name: what the layer is called.
  /// - Throws: when an extent is neither positive nor the only -1.
  public init(_ target: [Int], name: String? = nil) throws {
    guard target.allSatisfy({ $0 > 0 || $0 == -1 }), target.filter({ $0 == -1 }).count <= 1 else {
      throw WaneError(
        Self.kind, "extents must be positive, or -1 for one of them, got \(Shape.text(target))")
    }
    _ = try Shape(target.map { max($0, 1) })
    self.target = target
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let count = builder.type(inputs[0]).sampleCount
    let known = target.reduce(1) { $1 == -1 ? $0 : $0 * $1 }
    guard target.contains(-1) else { return try builder.add(Reshape(target), inputs) }
    guard count % known == 0 else {
      throw WaneError(
        Self.kind, "\(builder.type(inputs[0])) cannot become \(Shape.text(target))")
    }
    return try builder.add(Reshape(target.map { $0 == -1 ? count / known : $0 }), inputs)
  }
}
