import CKernels
import WaneTensor

/// How a parameter starts.
public enum Initializer: Sendable {
  /// All zero.
  case zeros
  /// All one.
  case ones
  /// Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010): Keras's default.
  case glorotUniform
  /// Uniform in +-limit.
  case uniform(limit: Float)
  /// A random matrix of orthonormal rows or columns: Keras's default for recurrent kernels.
  case orthogonal
  /// These values, as many as the parameter has.
  case values([Float])

  /// The initial value of a parameter.
  ///
  /// It depends on the seed, the parameter's name and its shape alone, so adding a layer to a model does
  /// not change how the others start.
  public func tensor(_ shape: Shape, seed: UInt64, stream: String) throws -> Tensor {
    switch self {
    case .zeros: return try Tensor(zeros: shape)
    case .values(let values): return try Tensor(values, shape)
    case .orthogonal:
      return try Initializer.orthogonal(shape, seed: seed, stream: Initializer.hash(stream))
    case .uniform(let limit): return try uniform(shape, limit, seed, stream)
    case .ones:
      var result = try Tensor(uninitialized: shape)
      try result.withMutableElements(Float.self) { $0.update(repeating: 1) }
      return result
    case .glorotUniform:
      let dimensions = shape.dimensions
      let receptive = dimensions.dropLast(2).reduce(1, *)
      let fanOut = (dimensions.last ?? 1) * receptive
      let fanIn = (dimensions.count > 1 ? dimensions[dimensions.count - 2] : 1) * receptive
      let limit = (6 / Float(max(fanIn + fanOut, 1))).squareRoot()
      return try uniform(shape, limit, seed, stream)
    }
  }

  private func uniform(_ shape: Shape, _ limit: Float, _ seed: UInt64, _ stream: String) throws
    -> Tensor
  {
    var result = try Tensor(uninitialized: shape)
    try result.withMutableElements(Float.self) { target in
      guard let base = target.baseAddress else { return }
      wane_random_uniform_f32(seed, Initializer.hash(stream), 0, base, target.count)
      wane_affine_f32(base, 2 * limit, -limit, base, target.count)
    }
    return result
  }

  /// A number for a name: FNV-1a (Fowler, Noll and Vo), 64 bits.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
