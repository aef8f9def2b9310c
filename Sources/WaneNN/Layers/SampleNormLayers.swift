import WaneGraph
import WaneTensor

/// Layer, group or root mean square normalization, with Keras's defaults and parameter names.
///
/// Parameters, each `[C]`: `gamma` (ones) and `beta` (zeros), or `scale` (ones) for the last.
public struct SampleNormLayer: Layer {
  public static let kind = "sample_norm"
  public let name: String?
  private let norm: SampleNormKind
  private let epsilon: Float
  private let isScaled: Bool
  private let isShifted: Bool

  /// Creates a normalization.
  ///
  /// - Parameters:
  ///   - norm: what is normalized together; so many groups, or -1 groups for every channel by itself.
  ///   - epsilon: keeps the root away from zero; 0.001, or for root mean squares 0.000001.
  ///   - isScaled: whether there is a factor a channel.
  ///   - isShifted: whether there is a term a channel; never for root mean squares.
  ///   - name: what the layer is called.
  /// - Throws: when epsilon is not positive, or the number of groups neither that nor -1.
  public init(
    _ norm: SampleNormKind, epsilon: Float? = nil, isScaled: Bool = true, isShifted: Bool = true,
    name: String? = nil
  ) throws {
    let epsilon = epsilon ?? (norm == .rootMeanSquare ? 1e-6 : 1e-3)
    guard epsilon > 0, epsilon.isFinite else {
      throw WaneError(norm.name, "epsilon must be positive, got \(epsilon)")
    }
    if case .group(let count) = norm, count <= 0, count != -1 {
      throw WaneError(norm.name, "groups must be positive, or -1, got \(count)")
    }
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
    let channels = type.channels
    guard !type.dimensions.isEmpty else { throw WaneError(kind, "takes rows, got \(type)") }
    var norm = norm
    if case .group(let count) = norm, count == -1 { norm = .group(channels) }
    var operands = inputs
    if isScaled {
      let factor = norm == .rootMeanSquare ? "scale" : "gamma"
      operands.append(try builder.parameter(factor, [channels], .ones))
    }
    if isShifted { operands.append(try builder.parameter("beta", [channels], .zeros)) }
    return try builder.add(
      SampleNorm(norm, epsilon: epsilon, isScaled: isScaled, isShifted: isShifted), operands)
  }
}
