import CKernels
import WaneTensor

extension Initializer {
  /// A random matrix whose rows, or columns if these are fewer, are orthonormal (Saxe, McClelland and
  /// Ganguli, 2014): what recurrent kernels start as, so that a state neither fades nor explodes.
  ///
  /// Axes before the last are one. The vectors are normal numbers made orthogonal one after the other
  /// (Gram and Schmidt), each twice, after which rounding is all that is left ("twice is enough",
  /// Parlett, 1980).
  static func orthogonal(_ shape: Shape, seed: UInt64, stream: UInt64) throws -> Tensor {
    let columns = shape.dimensions.last ?? 1
    let rows = shape.count / max(columns, 1)
    let (count, length) = (min(rows, columns), max(rows, columns))
    var vectors = try Tensor(uninitialized: Shape([count, length]))
    try vectors.withMutableElements(Float.self) { values in
      guard let base = values.baseAddress else { return }
      wane_random_normal_f32(seed, stream, 0, base, values.count)
      for index in 0..<count {
        let vector = base + index * length
        for _ in 0..<2 {
          for other in 0..<index {
            let known = base + other * length
            wane_axpy_f32(-Float(wane_dot_f32(vector, known, length)), known, vector, length)
          }
          let size = wane_sum_squares_f32(vector, length).squareRoot()
          wane_scale_f32(vector, Float(1 / max(size, .leastNormalMagnitude)), vector, length)
        }
      }
    }
    guard rows > columns else { return try vectors.reshaped(shape) }
    var turned = try Tensor(uninitialized: shape)
    try turned.withMutableElements(Float.self) { target in
      vectors.with(Float.self) { source in
        if let to = target.baseAddress, let from = source.baseAddress {
          wane_transpose_f32(from, to, count, length)
        }
      }
    }
    return turned
  }
}
