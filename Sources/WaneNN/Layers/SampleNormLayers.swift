import WaneGraph
import WaneTensor

/// Layer, group or root mean square normalization, with Keras's defaults and parameter names.
///
/// Parameters, each of the extents of the axes that are normalized together, `[C]` as a rule: `gamma`
/// (ones) and `beta` (zeros), or `scale` (ones) for the last.
public struct SampleNormLayer: StepwiseLayer {
  public static let kind = "sample_norm"
  public let name: String?
  private let norm: SampleNormKind
  private let epsilon: Float
  private let isScaled: Bool
  private let isShifted: Bool
  private let axes: [Int]

  /// Creates a normalization.
  ///
  /// - Parameters:
  ///   - norm: what is normalized together; so many groups, or -1 groups for every channel by itself.
  ///   - epsilon: keeps the root away from zero; 0.001, or for root mean squares 0.000001.
  ///   - isScaled: whether there is a factor a channel.
  ///   - isShifted: whether there is a term a channel; never for root mean squares.
  ///   - axes: the axes of a sample that are normalized together, from 0, or from -1 backwards; groups
  ///     are of the last one.
  ///   - name: what the layer is called.
  /// - Throws: when epsilon is not positive, the number of groups neither that nor -1, or there are no
  ///   axes.
  public init(
    _ norm: SampleNormKind, epsilon: Float? = nil, isScaled: Bool = true, isShifted: Bool = true,
    axes: [Int] = [-1], name: String? = nil
  ) throws {
    let epsilon = epsilon ?? (norm == .rootMeanSquare ? 1e-6 : 1e-3)
    guard epsilon > 0, epsilon.isFinite else {
      throw WaneError(norm.name, "epsilon must be positive, got \(epsilon)")
    }
    if case .group(let count) = norm, count <= 0, count != -1 {
      throw WaneError(norm.name, "groups must be positive, or -1, got \(count)")
    }
    if case .group = norm, axes != [-1] {
      throw WaneError(norm.name, "groups are of the last axis")
    }
    guard !axes.isEmpty else { throw WaneError(norm.name, "there must be an axis to normalize") }
    self.axes = axes
    self.norm = norm
    self.epsilon = epsilon
    self.isScaled = isScaled
    self.isShifted = isShifted && norm != .rootMeanSquare
    self.name = name
  }

  /// `layer_norm` and the like.
  public var kind: String { norm.name }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let type = builder.type(inputs[0])
    guard !type.dimensions.isEmpty else { throw WaneError(kind, "takes rows, got \(type)") }
    var norm = norm
    if case .group(let count) = norm, count == -1 { norm = .group(type.channels) }
    let axes = try builder.axes(axes, of: inputs[0], kind: kind)
    let extents = axes.map { type.dimensions[$0] }
    var parameters: [Value] = []
    if isScaled {
      let factor = norm == .rootMeanSquare ? "scale" : "gamma"
      parameters.append(try builder.parameter(factor, extents, .ones))
    }
    if isShifted { parameters.append(try builder.parameter("beta", extents, .zeros)) }
    let operation = SampleNorm(norm, epsilon: epsilon, isScaled: isScaled, isShifted: isShifted)
    guard axes != [type.dimensions.count - 1] else {
      return try builder.add(operation, inputs + parameters)
    }
    // The axes become the last one, which is what the operation knows.
    let others = type.dimensions.indices.filter { !axes.contains($0) }
    let order = others + axes
    let count = try Shape(extents).count
    let turned = try builder.transpose(inputs[0], order)
    let rows = try builder.add(Reshape(others.map { type.dimensions[$0] } + [count]), [turned])
    let flat = try parameters.map { try builder.add(Reshape([count]), [$0]) }
    let result = try builder.add(operation, [rows] + flat)
    let shaped = try builder.add(Reshape(order.map { type.dimensions[$0] }), [result])
    return try builder.transpose(shaped, LayerBuilder.inverse(order))
  }
}
