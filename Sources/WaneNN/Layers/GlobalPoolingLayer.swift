import WaneGraph
import WaneTensor

/// One number a channel from a whole image or sequence: `[N, H, W, C]` or `[N, L, C]` to `[N, C]`.
public struct GlobalPoolingLayer: Layer {
  /// What a pooling makes of the values it looks at.
  public enum Pooling: String, Sendable {
    case maximum = "max"
    case average = "avg"
  }

  public static let kind = "global_pool"
  public let name: String?
  let pooling: Pooling
  let rank: Int
  let keepsAxes: Bool

  /// Creates a pooling.
  ///
  /// - Parameters:
  ///   - pooling: maximum or average.
  ///   - rank: 2 for images, 1 for sequences.
  ///   - keepsAxes: whether the pooled axes stay, with an extent of 1.
  ///   - name: what the layer is called.
  public init(_ pooling: Pooling, rank: Int, keepsAxes: Bool = false, name: String? = nil) {
    self.pooling = pooling
    self.rank = rank
    self.keepsAxes = keepsAxes
    self.name = name
  }

  /// `global_avg_pool2d` and the like.
  public var kind: String { "global_\(pooling.rawValue)_pool\(rank)d" }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    if rank == 1, pooling == .average, let mask = builder.mask(of: inputs[0]) {
      return try average(&builder, inputs[0], mask)
    }
    let result =
      rank == 1
      ? try builder.onRow(kind, inputs[0]) { try pool(&$0, $1) } : try pool(&builder, inputs[0])
    return keepsAxes
      ? result : try builder.add(Reshape([builder.type(result).channels]), [result])
  }

  /// The mean of the steps that count; zero where none does.
  private func average(_ builder: inout LayerBuilder, _ sequence: Value, _ mask: Value) throws
    -> Value
  {
    let (steps, channels) = (builder.type(mask).dimensions[0], builder.type(sequence).channels)
    let column = try builder.add(Reshape([steps, 1]), [mask])
    let counted = try builder.add(Binary(.multiply), [sequence, column])
    let sum = try builder.add(Reduce(.sum, axes: [0]), [counted])
    let count = try builder.add(Reduce(.sum, axes: [0], keepingAxes: true), [mask])
    let mean = try builder.add(
      Binary(.divide), [sum, builder.add(Clip(low: 1), [count])])
    return keepsAxes ? try builder.add(Reshape([1, channels]), [mean]) : mean
  }

  /// Pools an image to one pixel: at once, or row by row where one window would be too large for the
  /// kernels.
  private func pool(_ builder: inout LayerBuilder, _ image: Value) throws -> Value {
    let type = builder.type(image)
    guard type.dimensions.count == 3, type.dimensions.allSatisfy({ $0 > 0 }) else {
      throw WaneError(kind, "takes images [height, width, channels], got \(type)")
    }
    let (height, width) = (type.dimensions[0], type.dimensions[1])
    guard max(height, width) <= 65535 else {
      // Longer than a window may be.
      let reduction: Reduction = pooling == .maximum ? .maximum : .mean
      return try builder.add(Reduce(reduction, axes: [0, 1], keepingAxes: true), [image])
    }
    // The place of a maximum within its window takes two bytes.
    if height <= 65536 / width { return try pool(&builder, image, [height, width]) }
    return try pool(&builder, pool(&builder, image, [1, width]), [height, 1])
  }

  private func pool(_ builder: inout LayerBuilder, _ image: Value, _ size: [Int]) throws -> Value {
    let window = try Window2D(kind, size: size, strides: size)
    return switch pooling {
    case .maximum: try builder.add(MaxPool2D(window), [image])
    case .average: try builder.add(AveragePool2D(window), [image])
    }
  }
}
