import WaneGraph
import WaneTensor

/// Images or sequences enlarged by whole factors.
public struct UpSampleLayer: Layer {
  public static let kind = "up_sample"
  public let name: String?
  private let operation: UpSample2D
  private let rank: Int

  /// Creates an enlargement of images `[N, H, W, C]`.
  ///
  /// - Throws: when a factor is not positive.
  public init(_ factors: [Int], _ interpolation: Interpolation = .nearest, name: String? = nil)
    throws
  {
    operation = try UpSample2D(factors, interpolation)
    rank = 2
    self.name = name
  }

  /// Creates an enlargement of sequences `[N, L, C]`, every element repeated.
  ///
  /// - Throws: when the factor is not positive.
  public init(repeating factor: Int, name: String? = nil) throws {
    operation = try UpSample2D([1, factor])
    rank = 1
    self.name = name
  }

  /// `up_sample2d` or `up_sample1d`.
  public var kind: String { "up_sample\(rank)d" }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    rank == 2
      ? try builder.add(operation, inputs)
      : try builder.onRow(kind, inputs[0]) { try $0.add(operation, [$1]) }
  }
}
